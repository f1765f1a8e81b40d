//! The interface of an agent's transcript parser, and the result of a round.
//!
//! Owns: the trait and the result. Never: parses a line.

use std::time::Duration;

use smol_wf_core::message::AgentMessage;
use smol_wf_core::step_request::Usage;

use crate::cause::Cause;
use crate::process::Exit;
use crate::{Activity, AgentReply, Answer, ProviderError, ProviderErrorKind, RoundSpend};

/// Parses the output of one agent in one round.
pub(crate) trait Transcript: Send + Sync {
    /// Takes the next line of stdout and reports what is new in it.
    fn line(&mut self, line: &str, activity: &dyn Activity);

    /// Takes the next line of stderr.
    fn note(&mut self, _line: &str) {}

    /// The agent's name for its session, once it is known.
    fn session(&self) -> Option<&str>;

    /// Tokens and dollars so far, for agents that report them before the round ends.
    fn used(&self) -> RoundSpend {
        RoundSpend::default()
    }

    /// Whether the agent has said how its round ended.
    fn has_ended(&self) -> bool;

    /// How long the agent may be silent while it has answered and waits for its own
    /// background work, after which it may answer again; none while it does not.
    fn background(&self) -> Option<Duration> {
        None
    }

    /// The next frame to write, for an agent with a framed protocol.
    fn frame(&mut self) -> Option<String> {
        None
    }

    /// Takes a message for the agent, whose frames are next. Only for agents with a framed
    /// protocol that take messages.
    fn message(&mut self, _message: &AgentMessage) {}

    /// Takes note that the agent stopped reading before it had the whole prompt: its
    /// answer is not an answer to that prompt.
    fn prompt_cut(&mut self) {}

    /// Whether the round cannot succeed any more, so that the agent is ended.
    fn is_hopeless(&self) -> bool {
        false
    }

    /// The result of the round. `exit` is none when the program had to be ended.
    fn end(self, exit: Option<&Exit>) -> RoundResult;
}

/// The answer of a round, or why there is none, and the usage of the round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoundResult {
    pub(crate) answer: Result<Answer, Cause>,
    pub(crate) usage: Usage,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) model: Option<String>,
    pub(crate) session_id: Option<String>,
}

impl RoundResult {
    /// The provider's reply. `login` says what to type when credentials are missing.
    pub(super) fn into_reply(
        self,
        provider: &str,
        login: &str,
    ) -> Result<AgentReply, ProviderError> {
        let Self { answer, usage, cost_usd, model, session_id } = self;
        match answer {
            Ok(answer) => {
                Ok(AgentReply { answer, usage, cost_usd, model, session_id, replaced_bytes: 0 })
            }
            Err(mut cause) => {
                if cause.kind == ProviderErrorKind::Auth {
                    cause.message = format!("{}; {login}", cause.message.trim_end_matches('.'));
                }
                let spent = RoundSpend { usage, cost_usd, session_id, model };
                Err(cause.into_error(provider).having_spent(spent))
            }
        }
    }
}
