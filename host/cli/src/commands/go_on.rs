//! `smol-wf continue`: lets a run go on that was paused or has stopped.
//!
//! Owns: its flags, and what it says. Never: holds the run.

use std::process::ExitCode;

use clap::Args;
use smol_wf_engine::Message;

use super::go_on_flags::GoOnFlags;
use crate::failure::CommandError;
use crate::posting::{PostFlags, Posted, Posting};
use crate::shell;

/// Let a run go on that was paused or has stopped
///
/// Voids every pause that is under way. If no process works on the run, one is started in
/// the background, with the run's own folder, script and agents, and this environment.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ContinueArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    #[command(flatten)]
    go_on: GoOnFlags,

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
        let (run, db) = (&posting.run, shell::with_database());
        let sentence = |posted: &Posted| match posted {
            Posted::Taken(_) => format!("run {run} goes on; follow it: smol-wf attach {run}{db}"),
            Posted::Waits { held: true, .. } => {
                format!("run {run} has not taken this message yet; it waits")
            }
            _ => format!("run {run} goes on when a process takes it up: smol-wf resume {run}{db}"),
        };
        self.go_on.post(&posting, &message, sentence).await
    }
}
