//! Human gates: steps that wait for people, or for an event from outside, and permissions
//! that agents ask people for.
//!
//! Owns: the request of an `ask` step, its outcome, and what answers fit it. Never:
//! waits, or finds out who answers.
//!
//! `approve()`, `ask()` and `waitFor()` are one kind of step. An answer is bound to what
//! was asked: an answer names the [digest](AskRequest::digest) of the question that the
//! person saw.

mod agent_ask;
mod answer;
mod ended;
mod options;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::codes::Code;
use crate::cut;
use crate::limits::{ASK_BY_BYTES_MAX, ASK_COMMENT_BYTES_MAX};
use crate::outcome::{Failure, Outcome};
use crate::schema::StepSchema;
use crate::utc::utc;
pub use agent_ask::{AgentAsk, PermissionAsk};
pub use answer::{AnswerRefusal, check_answer, check_comment, check_event};
pub(crate) use answer::{Checked, check, fits_event, read_event};
pub(crate) use ended::EndedAsks;
pub use options::{OPTIONS, options_of};

/// Who asks: a function of a script, or an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// `approve()`: yes or no.
    Approve,
    /// `ask()`: a value.
    Ask,
    /// `waitFor()`: an event of a name.
    WaitFor,
    /// An agent that asks leave to use a tool. It is not a step of its own.
    Permission,
}

impl AskKind {
    /// The function that asks; for an agent the word `permission`.
    #[must_use]
    pub fn function(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Ask => "ask",
            Self::WaitFor => "waitFor",
            Self::Permission => "permission",
        }
    }

    /// Whether it is answered by yes or no.
    #[must_use]
    pub fn is_approval(self) -> bool {
        matches!(self, Self::Approve | Self::Permission)
    }
}

/// The request of an `ask` step, or of an agent's question. Values are JSON text, exactly as the script gave them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AskRequest {
    /// The function that asked.
    pub kind: AskKind,
    /// The question; for `waitFor()` the name of the event.
    pub question: String,
    /// Its label, for people; not part of what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What people must know to answer: text, or a value as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// JSON Schema that the answer must satisfy. Without one, `ask()` takes text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<StepSchema>,
    /// The answer that a prompt offers. It is never taken by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// For `waitFor()`: an object whose fields the event must have.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// How long it waits, in milliseconds; none is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The answer when the time is up; none fails the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<String>,
    /// When the time is up, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_us: Option<i64>,
    /// Names of options that this version does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// The agent that asks, for a permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<AgentAsk>>,
}

/// Who answered, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredBy {
    /// The person or program.
    pub by: String,
    /// What the person said beside the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When, in microseconds since 1970.
    pub at_us: i64,
}

impl AnsweredBy {
    /// Within the bounds of both texts.
    pub(crate) fn new(by: &str, comment: Option<String>, at_us: i64) -> Self {
        let by = cut::head(by, ASK_BY_BYTES_MAX).to_owned();
        let comment = comment.map(|comment| cut::to_bytes(comment, ASK_COMMENT_BYTES_MAX));
        Self { by, comment, at_us }
    }
}

impl AskRequest {
    /// A question without options.
    #[must_use]
    pub fn plain(kind: AskKind, question: impl Into<String>) -> Self {
        Self {
            kind,
            question: question.into(),
            label: None,
            detail: None,
            schema: None,
            default: None,
            matches: None,
            timeout_ms: None,
            on_timeout: None,
            deadline_us: None,
            unknown: Vec::new(),
            agent: None,
        }
    }

    /// Its label, or else the start of the question.
    #[must_use]
    pub fn title(&self) -> String {
        const TITLE_CHARS: usize = 48;
        if let Some(label) = &self.label {
            return label.clone();
        }
        let line = self.question.trim().lines().next().unwrap_or_default();
        cut::to_chars(line, TITLE_CHARS)
    }

    /// Total bytes of those texts in it that can be large.
    pub(crate) fn weight(&self) -> usize {
        let long = [&self.detail, &self.default, &self.matches, &self.on_timeout];
        let schema = self.schema.as_deref().map_or(0, str::len);
        let long = long.into_iter().flatten().map(String::len).sum::<usize>();
        self.question.len() + schema + long
    }

    /// Sets the deadline from the time at which it is asked.
    pub(crate) fn asked_at(&mut self, now_us: i64) {
        let left_us = self.timeout_ms.map(|timeout| timeout.saturating_mul(1_000));
        self.deadline_us = left_us.map(|left_us| now_us.saturating_add_unsigned(left_us));
    }

    /// The outcome when the time is up.
    #[must_use]
    pub fn timed_out(&self) -> Outcome {
        let Some(value) = &self.on_timeout else {
            let (function, title) = (self.kind.function(), self.title());
            let message = format!("{function}() `{title}` was not answered in time");
            return Outcome::Failed(Failure::new(Code::AskTimedOut, message));
        };
        match self.kind {
            AskKind::Approve | AskKind::Permission => {
                let comment = check(self, value).ok().and_then(|checked| checked.comment);
                let at_us = self.deadline_us.unwrap_or_default();
                approval(false, None, comment.as_deref(), at_us)
            }
            AskKind::Ask | AskKind::WaitFor => Outcome::Value(value.clone()),
        }
    }

    /// The outcome of a checked answer.
    pub(crate) fn outcome(&self, checked: &Checked, answered: &AnsweredBy) -> Outcome {
        match (self.kind, checked.approved) {
            (AskKind::Approve | AskKind::Permission, approved) => {
                let comment = answered.comment.as_deref();
                approval(approved, Some(&answered.by), comment, answered.at_us)
            }
            (AskKind::Ask | AskKind::WaitFor, _) => Outcome::Value(checked.value.clone()),
        }
    }
}

/// What `approve()` gives.
fn approval(approved: bool, by: Option<&str>, comment: Option<&str>, at_us: i64) -> Outcome {
    let at = utc(at_us.div_euclid(1_000));
    let value = json!({ "approved": approved, "by": by, "comment": comment, "at": at });
    Outcome::Value(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_or_the_first_line_is_the_title() {
        let mut ask = AskRequest::plain(AskKind::Ask, "\nWhich one?\nThere are two.");
        assert_eq!(ask.title(), "Which one?");
        ask.label = Some("choice".to_owned());
        assert_eq!(ask.title(), "choice");
    }

    #[test]
    fn nobody_approves_by_waiting() {
        let mut ask = AskRequest::plain(AskKind::Approve, "Deploy?");
        ask.timeout_ms = Some(2_000);
        ask.asked_at(1_000_000);
        assert_eq!(ask.deadline_us, Some(3_000_000));
        let Outcome::Failed(failure) = ask.timed_out() else { panic!("it fails") };
        assert_eq!(failure.code, "ask_timed_out");
        // A forged journal may hold anything.
        for value in ["true", r#"{"approved":true}"#, "1", "nonsense"] {
            ask.on_timeout = Some(value.to_owned());
            let Outcome::Value(text) = ask.timed_out() else { panic!("it has a value") };
            assert!(text.contains(r#""approved":false"#), "{text}");
        }
        ask.on_timeout = Some(r#"{"approved":false,"comment":"late"}"#.to_owned());
        let value = r#"{"approved":false,"at":"1970-01-01T00:00:03Z","by":null,"comment":"late"}"#;
        let expected: serde_json::Value = serde_json::from_str(value).unwrap();
        let Outcome::Value(text) = ask.timed_out() else { panic!("it has a value") };
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    }
}
