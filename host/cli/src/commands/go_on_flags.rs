//! What commands that let a run go on share: `answer`, `continue` and `signal`.
//!
//! Owns: whether a process is started for the message, and whether the run is followed.
//! Never: what the message is, or the words about it.

use std::process::ExitCode;

use clap::Args;
use smol_wf_engine::Message;

use super::attach;
use crate::failure::CommandError;
use crate::posting::{Posted, Posting};
use crate::take_up::{TakenUp, until_taken};

/// What happens once the message is posted
#[derive(Debug, Args)]
pub(crate) struct GoOnFlags {
    /// Leave the run to a process that somebody else starts
    #[arg(long, conflicts_with = "wait")]
    no_start: bool,

    /// Follow the run to its end, as `smol-wf attach` does
    #[arg(long)]
    wait: bool,
}

impl GoOnFlags {
    pub(super) fn is_given(&self) -> bool {
        self.no_start || self.wait
    }

    /// Whether the run is followed.
    pub(super) fn waits(&self) -> bool {
        self.wait
    }

    /// Posts a message, and starts a holder if there is none and may be one. Then follows
    /// the run, or says what became of the message.
    pub(super) async fn post(
        &self,
        posting: &Posting,
        message: &Message,
        sentence: impl FnOnce(&Posted) -> String,
    ) -> Result<ExitCode, CommandError> {
        let mut posted = posting.post(message).await?;
        if !self.no_start {
            posted = match until_taken(posting, posted).await? {
                TakenUp::Posted(posted) => posted,
                TakenUp::Failed(code) => return Ok(code),
            };
        }
        if self.wait {
            return attach::follow(&posting.engine, &posting.run, &posting.settings).await;
        }
        posting.report(message, &posted, &sentence(&posted))?;
        Ok(ExitCode::SUCCESS)
    }
}
