//! The delivery of a step whose agent failed: an error or `null`.
//!
//! Owns: which failures may become `null`, and for which steps. Never: retries;
//! [`crate::attempts`] has given up on the step by then.

use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::outcome::{Failure, Outcome};
use crate::reply::Reply;

/// What is delivered for a step whose agent failed for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The promise resolves to `null`, by default in a body.
    Null,
    /// The promise rejects, by default in a module.
    Throw,
}

impl OnFailure {
    /// Reads the word of scripts, flags and settings.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "null" => Some(Self::Null),
            "throw" => Some(Self::Throw),
            _ => None,
        }
    }

    /// The word of scripts, flags and settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Throw => "throw",
        }
    }
}

/// What a script was given in place of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Substitute {
    /// `null`.
    Null,
}

/// Failures of an agent that was dispatched and gave no answer, or was stopped by
/// somebody. All others throw: an
/// agent that could not be started, an answer that violates its schema, is too large or
/// came too late, and every error of a child workflow.
const OF_AGENTS: [Code; 9] = [
    Code::ProviderFailed,
    Code::ProviderUnavailable,
    Code::ProviderRefused,
    Code::ProviderPermissionDenied,
    Code::ProviderCutStream,
    Code::ProviderKilled,
    Code::ProviderRateLimit,
    Code::ProviderModel,
    Code::Stopped,
];

/// Whether this is a failure of an agent that was at work and gave no answer.
pub(crate) fn gave_no_answer(failure: &Failure) -> bool {
    is_of_agent(failure) || failure.code == Code::ProviderTimeout
}

/// Whether an agent was at work, failed, and did not report its usage. A service that
/// refuses a request charges nothing for it.
pub(crate) fn hides_its_cost(outcome: &Outcome, reply: &Reply) -> bool {
    const WORKED: [Code; 4] = [
        Code::ProviderFailed,
        Code::ProviderCutStream,
        Code::ProviderKilled,
        Code::ProviderTimeout,
    ];
    let Outcome::Failed(failure) = outcome else { return false };
    let says_nothing = reply.cost_usd.is_none() && reply.usage.total() == 0;
    says_nothing && WORKED.iter().any(|code| failure.code == *code)
}

/// What a script is given in place of this outcome; none when it gets the
/// outcome itself.
pub(crate) fn in_place_of(outcome: &Outcome, on_failure: Option<OnFailure>) -> Option<Substitute> {
    match (outcome, on_failure) {
        (Outcome::Failed(failure), Some(OnFailure::Null)) if is_of_agent(failure) => {
            Some(Substitute::Null)
        }
        _ => None,
    }
}

fn is_of_agent(failure: &Failure) -> bool {
    OF_AGENTS.iter().any(|code| failure.code == *code)
}

/// The outcome that is delivered to the script's promise.
pub(crate) fn delivered(outcome: Outcome, given: Option<Substitute>) -> Outcome {
    match given {
        Some(Substitute::Null) => Outcome::Value("null".to_owned()),
        None => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_agents_become_null_and_only_if_allowed() {
        let failed = |code: Code| Outcome::Failed(Failure::new(code, "m"));
        for code in OF_AGENTS {
            assert_eq!(
                in_place_of(&failed(code), Some(OnFailure::Null)),
                Some(Substitute::Null),
                "{code}"
            );
            assert_eq!(in_place_of(&failed(code), Some(OnFailure::Throw)), None, "{code}");
            // Not a step of an agent, whatever its code.
            assert_eq!(in_place_of(&failed(code), None), None, "{code}");
        }
        for code in [
            Code::CallInvalid,
            Code::CallTooLarge,
            Code::SchemaInvalid,
            Code::SchemaMismatch,
            Code::ProviderUnknown,
            Code::NoAgent,
            Code::AnswerTooLarge,
            Code::WorkflowFailed,
            Code::ProviderTimeout,
            Code::ProviderUnsupported,
            Code::ProviderSpawn,
            Code::ProviderAuth,
            Code::ProviderQuota,
            Code::WorktreeNoRepository,
        ] {
            assert_eq!(in_place_of(&failed(code), Some(OnFailure::Null)), None, "{code}");
        }
        let answer = Outcome::Value("1".into());
        assert_eq!(in_place_of(&answer, Some(OnFailure::Null)), None);
        assert_eq!(delivered(answer.clone(), None), answer);
        assert_eq!(
            delivered(failed(Code::ProviderFailed), Some(Substitute::Null)),
            Outcome::Value("null".into())
        );
    }
}
