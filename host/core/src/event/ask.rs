//! Questions to people, as readers of a run see them.
//!
//! Owns: the fields of an open question and of its end, which the events and the report
//! have in common. Never: finds out whether a question is open.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::gate::{AnsweredBy, AskKind, AskRequest};
use crate::guest::{Failure, Outcome};
use crate::ids::Digest;
use crate::utc::utc;

/// A question, with everything that is needed to answer it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskOpened {
    /// The function that asks.
    pub kind: AskKind,
    /// Label of the step.
    pub label: String,
    /// The question; for `waitFor()` the name of the event.
    pub question: String,
    /// What people must know to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// JSON Schema of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The answer to offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The fields that the event must have.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<Value>,
    /// When the time is up, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Digest of what is asked; an answer names it.
    pub digest: Digest,
}

impl AskOpened {
    /// The question of this request.
    #[must_use]
    pub fn of(request: &AskRequest) -> Self {
        let value = |text: &String| serde_json::from_str(text).unwrap_or_default();
        Self {
            kind: request.kind,
            label: request.title(),
            question: request.question.clone(),
            detail: request.detail.clone(),
            schema: request.schema.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            default: request.default.as_ref().map(value),
            matches: request.matches.as_ref().map(value),
            deadline: request.deadline_us.map(|at_us| utc(at_us.div_euclid(1_000))),
            digest: request.digest(),
        }
    }
}

/// The end of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskSettled {
    /// The function that asked.
    pub kind: AskKind,
    /// Label of the step.
    pub label: String,
    /// What the script was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The failure that was thrown into the script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Who answered; none if the time was up, or the answer was reused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What the person said beside the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When the person answered, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl AskSettled {
    pub(super) fn of(
        request: &AskRequest,
        outcome: &Outcome,
        answered: Option<&AnsweredBy>,
    ) -> Self {
        let (output, error) = match outcome {
            Outcome::Value(text) => (Some(serde_json::from_str(text).unwrap_or_default()), None),
            Outcome::Failed(failure) => (None, Some(failure.clone())),
        };
        Self {
            kind: request.kind,
            label: request.title(),
            output,
            error,
            by: answered.map(|answered| answered.by.clone()),
            comment: answered.and_then(|answered| answered.comment.clone()),
            at: answered.map(|answered| utc(answered.at_us.div_euclid(1_000))),
        }
    }
}
