//! Errors of an agent.
//!
//! Owns: the kinds and their stable codes. Never: says whether another attempt makes
//! sense; the core does.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_wf_core::codes::Code;
use smol_wf_core::cut;
use smol_wf_core::step_request::Usage;

/// Most bytes of a message that are kept: some agents print whole pages.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// Why an agent gave no answer. The snake-case words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderErrorKind {
    /// Not logged in, or the key was refused.
    Auth,
    /// Too many requests at the moment.
    RateLimit,
    /// No credit or allowance left.
    Quota,
    /// The model is unknown, or not available to this user.
    Model,
    /// The service behind the agent fails or is overloaded at the moment.
    Unavailable,
    /// The model declined to answer.
    Refused,
    /// The agent was not allowed to use something that it needed.
    PermissionDenied,
    /// The answer broke off.
    CutStream,
    /// The agent's process was killed from outside.
    Killed,
    /// It took longer than allowed.
    Timeout,
    /// The agent could not be started.
    Spawn,
    /// The provider cannot do what the step asks for.
    Unsupported,
    /// Any other failure.
    Failed,
}

impl ProviderErrorKind {
    /// All kinds, for flags and documentation.
    pub const ALL: [Self; 13] = [
        Self::Auth,
        Self::RateLimit,
        Self::Quota,
        Self::Model,
        Self::Unavailable,
        Self::Refused,
        Self::PermissionDenied,
        Self::CutStream,
        Self::Killed,
        Self::Timeout,
        Self::Spawn,
        Self::Unsupported,
        Self::Failed,
    ];

    /// The word for it, in debug rules and in codes.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Model => "model",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::PermissionDenied => "permission_denied",
            Self::CutStream => "cut_stream",
            Self::Killed => "killed",
            Self::Timeout => "timeout",
            Self::Spawn => "spawn",
            Self::Unsupported => "unsupported",
            Self::Failed => "failed",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The stable code of an error of this kind.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Auth => Code::ProviderAuth,
            Self::RateLimit => Code::ProviderRateLimit,
            Self::Quota => Code::ProviderQuota,
            Self::Model => Code::ProviderModel,
            Self::Unavailable => Code::ProviderUnavailable,
            Self::Refused => Code::ProviderRefused,
            Self::PermissionDenied => Code::ProviderPermissionDenied,
            Self::CutStream => Code::ProviderCutStream,
            Self::Killed => Code::ProviderKilled,
            Self::Timeout => Code::ProviderTimeout,
            Self::Spawn => Code::ProviderSpawn,
            Self::Unsupported => Code::ProviderUnsupported,
            Self::Failed => Code::ProviderFailed,
        }
    }
}

impl fmt::Display for ProviderErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A program that was not found, for a hint that names the commands and settings of the
/// program in which this library is embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingProgram {
    /// A name that was looked up on `PATH`, or a configured path.
    pub program: PathBuf,
    /// The settings key that names it: `program`, or `providers.<name>.command`.
    pub key: String,
    /// The command that installs it, for the programs of the built-in agents.
    pub install: Option<&'static str>,
}

/// The error of a round in which an agent gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{provider}: {message}")]
pub struct ProviderError {
    /// Name of the provider.
    pub provider: String,
    /// The kind of failure.
    pub kind: ProviderErrorKind,
    /// A sentence for people, without secrets and of bounded length.
    pub message: String,
    /// How long to wait before another attempt, when the agent says so.
    pub retry_after: Option<Duration>,
    /// What the failed round used, as far as the agent reported it.
    pub spent: Box<RoundSpend>,
    /// The program that was not found, if that is why.
    pub missing: Option<Box<MissingProgram>>,
}

/// What a round used, and its session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoundSpend {
    /// Tokens.
    pub usage: Usage,
    /// Dollars, when the agent reports them.
    pub cost_usd: Option<f64>,
    /// The agent's session, when it can be resumed.
    pub session_id: Option<String>,
    /// The model, when the agent reports it.
    pub model: Option<String>,
}

impl ProviderError {
    /// An error of one kind. The message is cut to a bounded length.
    #[must_use]
    pub fn new(provider: &str, kind: ProviderErrorKind, message: impl Into<String>) -> Self {
        Self {
            provider: provider.to_owned(),
            kind,
            message: cut::marked(message.into(), MESSAGE_BYTES_MAX),
            retry_after: None,
            spent: Box::default(),
            missing: None,
        }
    }

    /// Adds a hint to the message, after a colon. Together they are cut to a bounded
    /// length.
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.message = cut::marked(format!("{}: {hint}", self.message), MESSAGE_BYTES_MAX);
        self
    }

    /// Adds how long the agent asks to wait.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds what the round used.
    #[must_use]
    pub fn having_spent(mut self, spent: RoundSpend) -> Self {
        self.spent = Box::new(spent);
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.kind.code()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_word_everywhere() {
        for kind in ProviderErrorKind::ALL {
            assert_eq!(ProviderErrorKind::from_word(kind.word()), Some(kind));
            assert_eq!(kind.code().word(), format!("provider_{}", kind.word()));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
        assert_eq!(ProviderErrorKind::from_word("nope"), None);
    }

    #[test]
    fn messages_are_cut_at_a_character() {
        let error = ProviderError::new("p", ProviderErrorKind::Failed, "é".repeat(5000));
        assert!(error.message.len() < MESSAGE_BYTES_MAX + 4 && error.message.ends_with('…'));
        assert_eq!(error.code(), Code::ProviderFailed);
    }
}
