//! `smol-wf logs`: what a run, or one step of it, has said and done.
//!
//! Owns: which events are printed, and following them. Never: their text, which
//! `text` has; or reads a journal.

mod text;

use std::io::{BufRead as _, BufReader, Seek as _};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::event::Event;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_engine::Engine;

use super::follow::{Follower, LOOK_EVERY, status_of};
use super::history::settings_of;
use crate::failure::{CommandError, FileError, print_message};
use crate::flags::{DbFlags, JsonFlag};
use crate::humanize::plural;
use crate::table::Format;
use crate::working_folder::LatestFlags;
use crate::{output, run_log, setup};
use text::Texts;

/// Print what a run has done
///
/// Phases, log lines, prompts, answers and what agents did, each with its time (UTC) and
/// its step. Long prompts and answers are cut; `RUN#STEP` prints one step, whole.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LogsArgs {
    /// Run: its id, the beginning of its id, or `latest`; with `#` and a number, one step
    /// of it
    #[arg(value_name = "RUN[#STEP]")]
    run: String,

    /// Go on while a process holds the run
    #[arg(long, short)]
    follow: bool,

    /// Print what the process in the background has said (`run --detach`)
    #[arg(long, conflicts_with_all = ["output", "json"])]
    holder: bool,

    /// How to print: text, or json: the events, one a line [default: text]
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf logs latest
  smol-wf logs -f latest
  smol-wf logs run_0k3#2
  smol-wf logs latest --holder";

impl LogsArgs {
    /// Prints the events of the run. Fails if the run or the step does not exist.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let (asked, step) = parts(&self.run)?;
        let engine = setup::engine_with_run(&settings_of(&self.db)?, asked)?;
        let run = self.latest.find(&engine, asked).await?;
        if self.holder {
            return self.print_holder(&engine, &run).await;
        }
        let created_at_us = engine.status(&run).await?.created_at_us;
        let is_json = self.json.asked().or(self.output).is_some_and(|one| one != Format::Text);
        let texts = Texts { run: &run, created_at_us, is_whole: step.is_some() };
        let mut follower = Follower::new(&engine, &run, self.follow);
        let mut printed = 0_usize;
        while let Some(event) = follower.next().await? {
            if step.is_some_and(|step| !is_about(&event, step)) {
                continue;
            }
            printed += 1;
            if is_json {
                match output::event(&output::event_line(&event)?) {
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
                    written => written?,
                }
            } else if let Some(text) = texts.of(&event) {
                output::line(&text)?;
            }
        }
        if let Some(step) = step.filter(|_| printed == 0) {
            let steps = engine.summary(&run).await?.steps;
            if u64::from(step.0) > steps {
                let has = plural(steps, "step");
                return Err(CommandError::Usage(format!(
                    "run {run} has no step {step}: it has {has}"
                )));
            }
            print_message(&format!("nothing has happened in step {step} yet"));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Prints the log of the process in the background.
    async fn print_holder(&self, engine: &Engine, run: &RunId) -> Result<ExitCode, CommandError> {
        let unreadable = |error| {
            let path = run_log::path_of(run).unwrap_or_default();
            CommandError::File(FileError::Read { path, error })
        };
        let mut at = 0;
        let mut is_there = false;
        loop {
            // Asked first: what a process says before it ends is then in the log. Its last
            // words come when it has let go of the run.
            let status = status_of(engine, run).await?;
            let is_held =
                status.is_none_or(|status| status.holder.is_some()) || run_log::is_written(run);
            if let Some(log) = run_log::read_from(run, at).map_err(unreadable)? {
                is_there = true;
                let mut log = BufReader::new(log);
                let mut line = Vec::new();
                while log.read_until(b'\n', &mut line).map_err(unreadable)? > 0 {
                    // The rest of a line that is being written comes with the next look.
                    if !line.ends_with(b"\n") && self.follow && is_held {
                        break;
                    }
                    at = log.stream_position().map_err(unreadable)?;
                    output::line(String::from_utf8_lossy(&line).trim_end_matches('\n'))?;
                    line.clear();
                }
            }
            if !self.follow || !is_held {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        if !is_there {
            print_message(&format!("run {run} has no log: it never ran in the background"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The run and the step in `RUN#STEP`.
fn parts(asked: &str) -> Result<(&str, Option<StepId>), CommandError> {
    let Some((run, step)) = asked.split_once('#') else { return Ok((asked, None)) };
    match step.parse() {
        Ok(number) if number > 0 => Ok((run, Some(StepId(number)))),
        _ => Err(CommandError::Usage(format!(
            "`{asked}` names no step: a step is a number, from 1, as in latest#2"
        ))),
    }
}

/// Whether an event is about this step.
fn is_about(event: &Event, step: StepId) -> bool {
    let of = event.metadata.step_id.as_deref();
    of.is_some_and(|of| of.parse().is_ok_and(|of: u32| of == step.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_a_number_behind_a_hash() {
        assert_eq!(parts("latest").unwrap(), ("latest", None));
        assert_eq!(parts("run_0k3#12").unwrap(), ("run_0k3", Some(StepId(12))));
        for wrong in ["latest#", "latest#0", "latest#a", "latest#1#2"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }
}
