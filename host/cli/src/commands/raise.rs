//! `smol-wf raise`: raises limits of a run while it goes on.
//!
//! Owns: which limits can be raised from outside, and what it says. Never: enforces one.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, FromArgMatches as _};
use smol_wf_engine::{LimitChanges, Message};

use crate::config::{ConfigError, FlagLayer, Settings};
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

/// The limits in what a person typed, in the words of this command: `--max-agents 20
/// --budget $5`, where the dashes in front may be left out. Fails with what is wrong.
pub(crate) fn limits_typed(typed: &str) -> Result<LimitChanges, String> {
    let mut is_value = false;
    let words: Vec<String> = typed
        .split_whitespace()
        .map(|word| {
            let was_value = is_value;
            is_value = !was_value && !word.contains('=');
            let word = word.replace(['\'', '"'], "");
            if was_value || word.starts_with('-') { word } else { format!("--{word}") }
        })
        .collect();
    let parser = RaiseArgs::augment_args(clap::Command::new("raise").no_binary_name(true));
    let matches = parser.try_get_matches_from(["latest".to_owned()].into_iter().chain(words));
    let args = matches.and_then(|matches| RaiseArgs::from_arg_matches(&matches));
    let args = args.map_err(|error| {
        let said = error.render().to_string();
        said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
    })?;
    let limits = args.asked().map_err(|error| error.to_string())?;
    if limits.is_empty() {
        Err("name a limit, such as max-agents 2000".to_owned())
    } else {
        Ok(limits)
    }
}

impl RaiseArgs {
    /// The limits that are named.
    fn asked(&self) -> Result<LimitChanges, ConfigError> {
        let mut flags = FlagLayer::default();
        self.limits.put(&mut flags);
        self.budget.put(&mut flags);
        Ok(setup::limit_changes(&Settings::load(flags, Path::new("."))?))
    }

    /// Posts the new limits. Fails if one would go down, or none is named.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let limits = self.asked()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_on_a_command_line_with_or_without_dashes() {
        let asked = limits_typed("--max-agents 2000 --budget '$5'").unwrap();
        assert_eq!(limits_typed("max-agents=2000 budget $5").unwrap(), asked);
        assert_eq!(asked.agents, Some(2000));
        for (wrong, says) in [
            ("", "name a limit"),
            ("max-agents", "a value is required"),
            ("max-agents many", "many"),
            ("speed 3", "--speed"),
        ] {
            let said = limits_typed(wrong).unwrap_err();
            assert!(said.contains(says), "{wrong}: {said}");
        }
    }
}
