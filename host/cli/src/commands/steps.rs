//! `smol-wf stop` and `smol-wf restart`: act on one step of a run.
//!
//! Owns: the flags of both, the form `RUN#STEP`, and what they say. Never: ends an agent.

use std::process::ExitCode;

use clap::Args;
use smol_wf_core::ids::StepId;
use smol_wf_engine::Message;

use crate::failure::CommandError;
use crate::posting::{PostFlags, Posted, Posting};
use crate::shell;

/// Stop one step of a run: it fails with `stopped`, and the run goes on
///
/// The script is given null or an error, as for any agent that failed.
#[derive(Debug, Args)]
#[command(after_help = STOP_EXAMPLES)]
pub(crate) struct StopArgs {
    /// The step: run and number, such as `latest#3`
    #[arg(value_name = "RUN#STEP", value_parser = run_and_step)]
    step: (String, StepId),

    #[command(flatten)]
    post: PostFlags,
}

const STOP_EXAMPLES: &str = "\
Examples:
  smol-wf stop latest#3
  smol-wf stop run_0k3#12";

/// Run the agent of a step again, from its beginning
///
/// The agent at work is ended. The answer of a step that has one stays; `smol-wf fork`
/// asks again.
#[derive(Debug, Args)]
#[command(after_help = RESTART_EXAMPLES)]
pub(crate) struct RestartArgs {
    /// The step: run and number, such as `latest#3`
    #[arg(value_name = "RUN#STEP", value_parser = run_and_step)]
    step: (String, StepId),

    #[command(flatten)]
    post: PostFlags,
}

const RESTART_EXAMPLES: &str = "\
Examples:
  smol-wf restart latest#3";

/// A value parser for clap: a run and a step of it.
pub(crate) fn run_and_step(text: &str) -> Result<(String, StepId), String> {
    let wrong = || {
        "name a run and a step of it, such as latest#3 (for a whole run: smol-wf pause, cancel, continue)"
            .to_owned()
    };
    let (run, step) = text.rsplit_once('#').ok_or_else(wrong)?;
    let step = step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?;
    if run.is_empty() { Err(wrong()) } else { Ok((run.to_owned(), StepId(step))) }
}

impl StopArgs {
    /// Posts the stop. Fails if the step is not open.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let (run, step) = self.step;
        act(&self.post, &run, step, Message::Stop { step }, "is stopped").await
    }
}

impl RestartArgs {
    /// Posts the restart. Fails if the step is not an agent's, or is not open.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let (run, step) = self.step;
        act(&self.post, &run, step, Message::Restart { step }, "begins again").await
    }
}

async fn act(
    flags: &PostFlags,
    asked: &str,
    step: StepId,
    message: Message,
    does: &str,
) -> Result<ExitCode, CommandError> {
    let posting = Posting::open(flags, asked).await?;
    let posted = posting.post(&message).await?;
    let (run, db) = (&posting.run, shell::with_database());
    let sentence = match &posted {
        Posted::Taken(_) => format!("step {step} of run {run} {does}"),
        Posted::Waits { held: true, .. } => {
            format!(
                "run {run} has not taken this message yet; it waits; its steps: smol-wf history {run} -o text{db}"
            )
        }
        Posted::Waits { held: false, .. } | Posted::Needless => format!(
            "no process works on run {run}; step {step} {does} when it goes on: smol-wf continue {run}{db}"
        ),
    };
    posting.report(&message, &posted, &sentence)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_by_run_and_number() {
        assert_eq!(run_and_step("latest#3"), Ok(("latest".to_owned(), StepId(3))));
        for wrong in ["latest", "#3", "latest#", "latest#0", "latest#x", "latest#-1", ""] {
            assert!(run_and_step(wrong).unwrap_err().contains("latest#3"), "{wrong}");
        }
    }
}
