//! `smol-wf raise`: raises limits of a run while it goes on.
//!
//! Owns: which limits can be raised from outside, and what it says. Never: enforces one.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use smol_wf_engine::Message;

use crate::config::{FlagLayer, Settings};
use crate::failure::CommandError;
use crate::flags::{BudgetFlags, RaiseFlags};
use crate::posting::{PostFlags, Posted, Posting};
use crate::{setup, shell};

/// Raise limits of a run while it goes on
///
/// A run that has stopped at a limit keeps the new one for when it goes on. What has been
/// used cannot be taken back, so only --max-parallel-agents may be lowered.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RaiseArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    #[command(flatten)]
    limits: RaiseFlags,

    #[command(flatten)]
    budget: BudgetFlags,

    #[command(flatten)]
    post: PostFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf raise latest --max-agents 2000
  smol-wf raise run_0k3 --budget '$20'";

impl RaiseArgs {
    /// Posts the new limits. Fails if one would go down, or none is named.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let mut flags = FlagLayer::default();
        self.limits.put(&mut flags);
        self.budget.put(&mut flags);
        let limits = setup::limit_changes(&Settings::load(flags, Path::new("."))?);
        if limits.is_empty() {
            let message = "name a limit to raise, such as --max-agents 2000";
            return Err(CommandError::Usage(message.to_owned()));
        }
        let posting = Posting::open(&self.post, &self.run).await?;
        let message = Message::Raise { limits };
        let posted = posting.post(&message).await?;
        let (run, db) = (&posting.run, shell::with_database());
        let sentence = match &posted {
            Posted::Taken(_) => format!("run {run} has the new limits"),
            Posted::Waits { held: true, .. } => format!(
                "run {run} has not taken this message yet; it waits; its state: smol-wf history {run}{db}"
            ),
            Posted::Waits { held: false, .. } | Posted::Needless => {
                format!("run {run} has the new limits when it goes on: smol-wf continue {run}{db}")
            }
        };
        posting.report(&message, &posted, &sentence)?;
        Ok(ExitCode::SUCCESS)
    }
}
