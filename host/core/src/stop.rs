//! Why a process let go of a run that was not over.
//!
//! Owns: the reasons, their codes and numbers. Never: an exit code, or a hint what to
//! type.

use serde::{Deserialize, Serialize};

use crate::attempts::ShutProvider;
use crate::limits::LimitError;
use crate::utc::utc;

/// Why a process let go of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopReason {
    /// The run was cancelled: Ctrl-C, SIGTERM, a shutdown, a message.
    Cancelled,
    /// Somebody paused the run.
    Paused {
        /// The system's name of the user.
        by: String,
    },
    /// The time that one process gives to the run was up.
    TimedOut {
        /// That time, in milliseconds.
        limit_ms: u64,
    },
    /// A limit of the run was reached.
    Limit {
        /// Its stable code.
        code: String,
        /// The message; older programs appended what to type.
        message: String,
        /// The limit and its numbers; none in entries of older programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reached: Option<Box<LimitError>>,
    },
    /// A provider is unavailable for now, and nothing else was left to do.
    Provider(ShutProvider),
    /// Only questions to people are open.
    WaitingForAnswer {
        /// Number of open questions.
        asks: u32,
    },
}

impl From<LimitError> for StopReason {
    fn from(error: LimitError) -> Self {
        let (code, message) = (error.code().into(), error.to_string());
        Self::Limit { code, message, reached: Some(Box::new(error)) }
    }
}

impl StopReason {
    /// A reason that stops the run as a limit does, but has no numbers.
    #[must_use]
    pub fn held(code: impl Into<String>, message: String) -> Self {
        Self::Limit { code: code.into(), message, reached: None }
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Paused { .. } => "paused",
            Self::TimedOut { .. } => "timed_out",
            Self::Limit { code, .. } | Self::Provider(ShutProvider { code, .. }) => code,
            Self::WaitingForAnswer { .. } => "waiting_for_answer",
        }
    }

    /// The message, without a hint what to do.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Cancelled => "the run was stopped".to_owned(),
            Self::Paused { by } => format!("the run was paused by {by}"),
            Self::TimedOut { limit_ms } => {
                format!("the run was stopped after {limit_ms} ms")
            }
            Self::Limit { message, .. } => message.clone(),
            Self::Provider(shut) => match shut.resets_at_ms {
                Some(at_ms) => format!("{}; it answers again at {}", shut.message, utc(at_ms)),
                None => shut.message.clone(),
            },
            Self::WaitingForAnswer { asks: 1 } => "the run waits for an answer".to_owned(),
            Self::WaitingForAnswer { asks } => format!("the run waits for {asks} answers"),
        }
    }

    /// The limit that was reached, with its numbers, if the reason has them.
    #[must_use]
    pub fn reached(&self) -> Option<&LimitError> {
        match self {
            Self::Limit { reached, .. } => reached.as_deref(),
            _ => None,
        }
    }

    /// When the provider will be available again, as RFC 3339, if that is known.
    #[must_use]
    pub fn resets_at(&self) -> Option<String> {
        match self {
            Self::Provider(shut) => shut.resets_at_ms.map(utc),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_kept_with_its_numbers_and_without_a_flag() {
        let reached = LimitError::Agents { limit: 2, started: 2, asked: 1 };
        let reason = StopReason::from(reached.clone());
        let text = serde_json::to_string(&reason).unwrap();
        let numbers = r#""reached":{"name":"agents","limit":2,"started":2,"asked":1}"#;
        assert!(text.contains(numbers) && !text.contains("--"), "{text}");
        assert_eq!(serde_json::from_str::<StopReason>(&text).unwrap(), reason);
        assert_eq!(reason.reached(), Some(&reached));
        let unpriced = StopReason::from(LimitError::Unpriced { steps: 3 });
        let text = serde_json::to_string(&unpriced).unwrap();
        assert!(text.contains(r#""reached":{"name":"unpriced","calls":3}"#), "{text}");
        // As an older program wrote it.
        let older = r#"{"reason":"limit","code":"limit_agents","message":"m; raise it"}"#;
        let older: StopReason = serde_json::from_str(older).unwrap();
        assert_eq!((older.message().as_str(), older.reached()), ("m; raise it", None));
    }

    #[test]
    fn a_shut_provider_reads_back() {
        let shut = ShutProvider {
            provider: "p".into(),
            code: "provider_quota".into(),
            message: "p: no credit".into(),
            resets_at_ms: Some(0),
        };
        let reason = StopReason::Provider(shut);
        let text = serde_json::to_string(&reason).unwrap();
        assert!(text.starts_with(r#"{"reason":"provider","provider":"p""#), "{text}");
        assert_eq!(serde_json::from_str::<StopReason>(&text).unwrap(), reason);
        assert_eq!(reason.code(), "provider_quota");
        assert_eq!(reason.message(), "p: no credit; it answers again at 1970-01-01T00:00:00Z");
    }
}
