//! `smol-wf attach`: follows a run that another process holds.
//!
//! Owns: what is printed about it, as `run` prints it. Never: changes the run, or stops
//! it; any number of processes may watch.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, Notice, Report, Watcher as _};

use super::follow::{Follower, status_of};
use crate::config::{FlagLayer, Settings};
use crate::failure::{self, CommandError, print_message};
use crate::flags::{DbFlags, JsonFlag, LogFlags};
use crate::progress::{Preamble, Progress};
use crate::table::Format;
use crate::working_folder::LatestFlags;
use crate::{advice, exit, final_lines, output, setup, shell, signals, streams};

/// Follow a run that another process holds
///
/// Shows its progress from the first line on, and its report when it has ended, with the
/// exit code of the run. Ctrl-C, or closing the terminal, leaves the run alone. If nobody
/// holds the run, shows what there is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct AttachArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Write the event stream to stdout, as JSON Lines, instead of the report
    #[arg(long)]
    events: bool,

    /// How to print the report [default: json]
    #[arg(long, short, value_name = "FORMAT", conflicts_with = "events")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    log: LogFlags,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf attach latest
  smol-wf attach run_0k3 --events | jq .type";

/// What was seen of a run.
struct Seen {
    /// A process held it at the beginning.
    was_held: bool,
    /// The reader of the event stream has gone.
    is_unread: bool,
}

impl AttachArgs {
    /// Follows the run to its end, and prints its report. Fails if the run does not
    /// exist or cannot be read.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let mut flags = FlagLayer::default();
        self.db.put(&mut flags);
        self.log.put(&mut flags);
        let settings = Settings::load(flags, std::path::Path::new("."))?;
        let engine = setup::engine_with_run(&settings, &self.run)?;
        let run = self.latest.find(&engine, &self.run).await?;
        streams::start_queue();
        let is_over = Arc::new(AtomicBool::new(false));
        let (watched, over) = (run.clone(), is_over.clone());
        signals::end_with_message(move || {
            (!over.load(Ordering::SeqCst)).then(|| still_there(&watched))
        });
        let progress = Progress::new(None, &settings, Preamble::default());
        let seen = self.watch(&engine, &run, &progress).await;
        is_over.store(true, Ordering::SeqCst);
        progress.finish();
        let seen = seen?;
        if seen.is_unread {
            return Ok(ExitCode::SUCCESS);
        }
        let report = advice::with_hint(engine.report(&run).await?);
        if report.state.is_resumable() {
            let what = if seen.was_held { "stopped" } else { "is not at work" };
            print_message(&format!("run {run} {what}: {}", report.state.as_str()));
        }
        self.conclude(&report, &progress)
    }

    /// Shows the run until nobody holds it.
    async fn watch(
        &self,
        engine: &Engine,
        run: &RunId,
        progress: &Progress,
    ) -> Result<Seen, CommandError> {
        let head = engine.head(run).await?;
        let status = status_of(engine, run).await?;
        if let Some(status) = &status {
            progress.created_at(status.created_at_us);
        }
        let was_held = status.is_none_or(|status| status.holder.is_some());
        let mut seen = Seen { was_held, is_unread: false };
        if !self.events {
            let cwd = head.cwd.as_ref().unwrap_or(&head.project_root).as_ref();
            progress.notice(Notice::WorksIn { cwd, outside: None });
            progress.notice(Notice::RunKnown { run, resumed: false });
        }
        let mut follower = Follower::new(engine, run, true);
        while let Some(event) = follower.next().await? {
            if !self.events {
                progress.notice(Notice::Event { event: &event, replayed: false });
                continue;
            }
            match output::event(&output::event_line(&event)?) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    seen.is_unread = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(seen)
    }

    /// Prints the report and what to type next, and returns the run's exit code.
    fn conclude(&self, report: &Report, progress: &Progress) -> Result<ExitCode, CommandError> {
        let is_shown = !self.events && !progress.is_quiet();
        if !self.events {
            streams::flush_before_stdout();
            match self.json.asked().or(self.output) {
                Some(Format::Text) => final_lines::print_to_stdout(report)?,
                Some(format) => output::print(format, report)?,
                None => output::document(report)?,
            }
            if is_shown {
                final_lines::print_summary(report, &progress.warned());
            }
        }
        failure::print_reuse(report);
        failure::print_ending(report, None);
        if is_shown {
            final_lines::print_next(report);
        }
        Ok(exit::of_report(report, None, false))
    }
}

/// The message to one who leaves while the run goes on.
fn still_there(run: &RunId) -> String {
    format!("run {run} goes on; follow it again: smol-wf attach {run}{}", shell::with_database())
}
