//! `smol-wf signal`: reports an event to a run.
//!
//! Owns: its flags, and what it says. Never: which script gets the event; the machine
//! decides that.

use std::process::ExitCode;

use clap::Args;
use smol_wf_core::limits::ASK_NAME_BYTES_MAX;
use smol_wf_engine::Message;

use super::go_on_flags::GoOnFlags;
use crate::failure::CommandError;
use crate::posting::{PostFlags, Posted, Posting};
use crate::shell;

/// Report an event to a run whose script waits for it, or will
///
/// The first waitFor() of this name that the event fits gets it. An event that comes
/// before that is kept. If no process works on the run, one is started in the background.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SignalArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Name of the event, as in waitFor()
    name: String,

    /// What has happened [default: null]
    #[arg(value_name = "JSON", allow_hyphen_values = true)]
    value: Option<String>,

    #[command(flatten)]
    go_on: GoOnFlags,

    #[command(flatten)]
    post: PostFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf signal latest deployed
  smol-wf signal run_0k3 github.pr.merged '{\"number\": 12}'";

impl SignalArgs {
    /// Posts the event, and starts a holder if there is none. Fails if the run is over, or
    /// the value is not JSON.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let message = self.message()?;
        let posting = Posting::open(&self.post, &self.run).await?;
        let (run, db) = (&posting.run, shell::with_database());
        let sentence = |posted: &Posted| match posted {
            Posted::Taken(taken) => match taken.answers {
                Some(step) => format!("step {step} of run {run} waited for this event, and has it"),
                None => format!(
                    "run {run} keeps this event for the first waitFor() of that name that it fits"
                ),
            },
            Posted::Waits { held: true, .. } => {
                format!("run {run} has not taken this message yet; it waits")
            }
            _ => format!(
                "the event waits until a process takes run {run} up: smol-wf continue {run}{db}"
            ),
        };
        self.go_on.post(&posting, &message, sentence).await
    }

    fn message(&self) -> Result<Message, CommandError> {
        if self.name.is_empty() || self.name.len() > ASK_NAME_BYTES_MAX {
            let message = format!("the name of an event has 1 to {ASK_NAME_BYTES_MAX} bytes");
            return Err(CommandError::Usage(message));
        }
        let value = self.value.as_deref().unwrap_or("null");
        if let Err(error) = serde_json::from_str::<serde_json::Value>(value) {
            let text = serde_json::Value::from(value).to_string();
            return Err(CommandError::Usage(format!(
                "the value of an event is JSON, and this is not: {error}; as text it reads {}",
                shell::word(&text)
            )));
        }
        Ok(Message::Signal { name: self.name.clone(), value: value.to_owned() })
    }
}
