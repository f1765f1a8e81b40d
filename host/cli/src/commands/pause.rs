//! `smol-wf pause` and `smol-wf cancel`: ask the holder of a run to let go of it.
//!
//! Owns: the flags of both, and what they say. Never: stops a process.

use std::process::ExitCode;

use clap::Args;
use smol_wf_engine::Message;

use crate::failure::CommandError;
use crate::posting::{PostFlags, Posted, Posting};
use crate::shell;

/// Pause a run: nothing new begins, and agents at work finish
///
/// The process that works on the run ends with exit code 5. `smol-wf continue` goes on.
#[derive(Debug, Args)]
#[command(after_help = PAUSE_EXAMPLES)]
pub(crate) struct PauseArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Cut off the agents at work; they are asked again when the run goes on
    #[arg(long)]
    now: bool,

    #[command(flatten)]
    post: PostFlags,
}

const PAUSE_EXAMPLES: &str = "\
Examples:
  smol-wf pause latest
  smol-wf pause run_0k3 --now";

/// Stop a run as Ctrl-C does; it can be resumed
#[derive(Debug, Args)]
#[command(after_help = CANCEL_EXAMPLES)]
pub(crate) struct CancelArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    #[command(flatten)]
    post: PostFlags,
}

const CANCEL_EXAMPLES: &str = "\
Examples:
  smol-wf cancel latest";

impl PauseArgs {
    /// Posts the pause. Fails if the run is over.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let does = if self.now { "pauses now" } else { "pauses; agents at work finish" };
        let message = Message::Pause { now: self.now };
        let_go(&self.post, &self.run, message, does).await
    }
}

impl CancelArgs {
    /// Posts the cancellation. Fails if the run is over.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let_go(&self.post, &self.run, Message::Cancel {}, "stops").await
    }
}

async fn let_go(
    flags: &PostFlags,
    asked: &str,
    message: Message,
    does: &str,
) -> Result<ExitCode, CommandError> {
    let posting = Posting::open(flags, asked).await?;
    let posted = posting.post(&message).await?;
    let (run, db) = (&posting.run, shell::with_database());
    let sentence = match &posted {
        Posted::Taken(_) => format!("run {run} {does}; go on with: smol-wf continue {run}{db}"),
        Posted::Waits { held: true, .. } => format!(
            "run {run} has not taken this message yet; it waits; its state: smol-wf history {run}{db}"
        ),
        Posted::Waits { held: false, .. } => {
            format!("run {run} has stopped; go on with: smol-wf continue {run}{db}")
        }
        Posted::Needless => format!(
            "no process works on run {run}, so there is nothing to stop; go on with: smol-wf continue {run}{db}"
        ),
    };
    posting.report(&message, &posted, &sentence)?;
    Ok(ExitCode::SUCCESS)
}
