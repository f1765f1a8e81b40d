//! `smol-wf continue`: lets a run go on that was paused or has stopped.
//!
//! Owns: its flags, and what it says. Never: holds the run.

use std::process::ExitCode;

use clap::Args;
use smol_wf_engine::Message;

use crate::failure::CommandError;
use crate::posting::{PostFlags, Posted, Posting};
use crate::shell;
use crate::take_up::{TakenUp, until_taken};

/// Let a run go on that was paused or has stopped
///
/// Voids every pause that is under way. If no process works on the run, one is started in
/// the background, with the run's own folder, script and agents, and this environment.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ContinueArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Leave the run to a process that somebody else starts
    #[arg(long, conflicts_with = "wait")]
    no_start: bool,

    /// Follow the run to its end, as `smol-wf attach` does
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    post: PostFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf continue latest
  smol-wf continue run_0k3 --wait";

impl ContinueArgs {
    /// Posts it, and starts a holder if there is none. Fails if the run is over.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let posting = Posting::open(&self.post, &self.run).await?;
        let message = Message::Continue {};
        let posted = posting.post(&message).await?;
        let posted = match self.no_start {
            true => posted,
            false => match until_taken(&posting, posted).await? {
                TakenUp::Posted(posted) => posted,
                TakenUp::Failed(code) => return Ok(code),
            },
        };
        let (run, db) = (&posting.run, shell::with_database());
        if self.wait {
            return super::attach::follow(&posting.engine, run, &posting.settings).await;
        }
        let sentence = match &posted {
            Posted::Taken(_) => format!("run {run} goes on; follow it: smol-wf attach {run}{db}"),
            Posted::Waits { held: true, .. } => {
                format!("run {run} has not taken this message yet; it waits")
            }
            _ => format!("run {run} goes on when a process takes it up: smol-wf resume {run}{db}"),
        };
        posting.report(&message, &posted, &sentence)?;
        Ok(ExitCode::SUCCESS)
    }
}
