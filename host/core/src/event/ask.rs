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
    /// For an agent: which of the questions of its step it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<u32>,
    /// For an agent: the attempt that asks. The question ends with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// For an agent: its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// For an agent: the kind of tool, in its own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Bytes of the whole detail, if it was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail_bytes: Option<u64>,
    /// Digest of what is asked; an answer names it.
    pub digest: Digest,
}

impl AskOpened {
    /// The question of this request.
    #[must_use]
    pub fn of(request: &AskRequest) -> Self {
        let value = |text: &String| serde_json::from_str(text).unwrap_or_default();
        let agent = request.agent.as_deref();
        Self {
            kind: request.kind,
            label: request.title(),
            question: request.question.clone(),
            detail: request.detail.clone(),
            schema: request.schema.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            default: request.default.as_ref().map(value),
            matches: request.matches.as_ref().map(value),
            deadline: request.deadline_us.map(|at_us| utc(at_us.div_euclid(1_000))),
            ask: agent.map(|agent| agent.ask),
            attempt: agent.map(|agent| agent.attempt),
            provider: agent.map(|agent| agent.provider.clone()),
            tool: agent.and_then(|agent| agent.tool.clone()),
            detail_bytes: agent.and_then(|agent| agent.detail_bytes),
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
    /// For an agent: which of the questions of its step it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<u32>,
    /// What the script was given; for an agent, whether it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The failure that was thrown into the script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Whether the agent no longer waited for an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// Who answered; none if the time was up, the answer was reused, or the agent no longer
    /// waited.
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
            ask: None,
            output,
            error,
            withdrawn: false,
            by: answered.map(|answered| answered.by.clone()),
            comment: answered.and_then(|answered| answered.comment.clone()),
            at: answered.map(|answered| utc(answered.at_us.div_euclid(1_000))),
        }
    }

    /// The end of an agent's question: whether it may, and who said so.
    pub(super) fn of_agent(request: &AskRequest, answer: Option<&(bool, AnsweredBy)>) -> Self {
        let answered = answer.map(|(_, answered)| answered);
        Self {
            kind: request.kind,
            label: request.title(),
            ask: request.agent.as_ref().map(|agent| agent.ask),
            output: answer.map(|(allowed, _)| Value::Bool(*allowed)),
            error: None,
            withdrawn: answer.is_none(),
            by: answered.map(|answered| answered.by.clone()),
            comment: answered.and_then(|answered| answered.comment.clone()),
            at: answered.map(|answered| utc(answered.at_us.div_euclid(1_000))),
        }
    }
}
