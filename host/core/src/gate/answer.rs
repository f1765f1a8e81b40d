//! Answers to questions: which ones fit, and why others do not.
//!
//! Owns: the verdict on an answer, as a pure function of question and text, so that
//! whoever posts an answer can check it first. Never: decides whether the question is
//! still open.

use serde_json::{Value, json};

use super::{AskKind, AskRequest};
use crate::codes::Code;
use crate::ids::{Digest, StepId};
use crate::json_kind::kind_of;
use crate::limits::{ASK_ANSWER_BYTES_MAX, ASK_COMMENT_BYTES_MAX};
use crate::schema::{Violation, describe};

/// Why an answer is refused. It changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerRefusal {
    /// No step of this number asks that.
    #[error("step {step} asks no such question")]
    Unknown {
        /// The step that was named.
        step: StepId,
    },
    /// The question has its answer, or is no longer asked.
    #[error("step {step} is answered already, or no longer asks")]
    Answered {
        /// The step that was named.
        step: StepId,
    },
    /// The answer is to another question than the script asks with this step.
    #[error("the answer was given to another question than step {step} asks")]
    Changed {
        /// The step that was named.
        step: StepId,
        /// Digest of what it asks.
        digest: Digest,
    },
    /// The answer is too large.
    #[error("the answer is {bytes} bytes of JSON, and {limit} is the most")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The answer does not fit the question, for these reasons.
    #[error("the answer does not fit: {}", describe(.0))]
    Invalid(Vec<Violation>),
}

impl AnswerRefusal {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } => Code::AskUnknown,
            Self::Answered { .. } => Code::AskAnswered,
            Self::Changed { .. } => Code::AskChanged,
            Self::TooLarge { .. } => Code::AnswerTooLarge,
            Self::Invalid(_) => Code::AnswerInvalid,
        }
    }
}

/// An answer that fits.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As JSON text.
    pub(crate) value: String,
    /// Of `approve()`.
    pub(crate) approved: bool,
    /// The comment in the answer to `approve()`.
    pub(crate) comment: Option<String>,
}

/// Checks an answer, which is JSON text. Returns it as the script will get it, for
/// `approve()` without the person and the time.
///
/// # Errors
/// [`AnswerRefusal::Invalid`] with everything that is wrong with it, or
/// [`AnswerRefusal::TooLarge`].
pub fn check_answer(request: &AskRequest, value: &str) -> Result<String, AnswerRefusal> {
    check(request, value).map(|checked| match request.kind {
        AskKind::Approve | AskKind::Permission => {
            json!({ "approved": checked.approved, "comment": checked.comment }).to_string()
        }
        AskKind::Ask | AskKind::WaitFor => checked.value,
    })
}

pub(crate) fn check(request: &AskRequest, value: &str) -> Result<Checked, AnswerRefusal> {
    let value = read_event(value)?;
    match request.kind {
        AskKind::Approve | AskKind::Permission => approval(&value),
        AskKind::Ask => fits_schema(request, value),
        AskKind::WaitFor if fits_event(request, &value) => Ok(plain(&value)),
        AskKind::WaitFor => Err(invalid("the event lacks fields that `match` requires")),
    }
}

/// Checks an event from outside, which is JSON text.
///
/// # Errors
/// [`AnswerRefusal::Invalid`] when it is not JSON; [`AnswerRefusal::TooLarge`].
pub fn check_event(value: &str) -> Result<(), AnswerRefusal> {
    read_event(value).map(|_| ())
}

/// Checks the comment beside an answer.
///
/// # Errors
/// [`AnswerRefusal::Invalid`] when it is too long.
pub fn check_comment(comment: Option<&str>) -> Result<(), AnswerRefusal> {
    match comment {
        Some(comment) if comment.len() > ASK_COMMENT_BYTES_MAX => {
            let message = format!("it must be text of {ASK_COMMENT_BYTES_MAX} bytes at most");
            Err(AnswerRefusal::Invalid(vec![Violation { path: "/comment".to_owned(), message }]))
        }
        _ => Ok(()),
    }
}

/// Reads the JSON text of an answer or an event.
pub(crate) fn read_event(text: &str) -> Result<Value, AnswerRefusal> {
    let (bytes, limit) = (text.len(), ASK_ANSWER_BYTES_MAX);
    if bytes > limit {
        return Err(AnswerRefusal::TooLarge { bytes, limit });
    }
    serde_json::from_str(text).map_err(|error| invalid(format!("it is not JSON: {error}")))
}

fn plain(value: &Value) -> Checked {
    Checked { value: value.to_string(), approved: false, comment: None }
}

fn invalid(message: impl Into<String>) -> AnswerRefusal {
    AnswerRefusal::Invalid(vec![Violation { path: String::new(), message: message.into() }])
}

fn approval(value: &Value) -> Result<Checked, AnswerRefusal> {
    let fields = match value {
        Value::Bool(approved) => return Ok(Checked { approved: *approved, ..plain(value) }),
        Value::Object(fields) => fields,
        other => {
            let kind = kind_of(other);
            return Err(invalid(format!("an approval is true or false, and this is {kind}")));
        }
    };
    let mut problems = Vec::new();
    let mut problem = |name: &str, message: String| {
        problems.push(Violation { path: format!("/{name}"), message });
    };
    for name in fields.keys().filter(|name| !["approved", "comment"].contains(&name.as_str())) {
        problem(name, "an approval has `approved` and `comment` alone".to_owned());
    }
    let approved = fields.get("approved").and_then(Value::as_bool);
    if approved.is_none() {
        problem("approved", "it must be true or false".to_owned());
    }
    let comment = match fields.get("comment") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.len() <= ASK_COMMENT_BYTES_MAX => Some(text.clone()),
        Some(_) => {
            problem("comment", format!("it must be text of {ASK_COMMENT_BYTES_MAX} bytes at most"));
            None
        }
    };
    match approved {
        Some(approved) if problems.is_empty() => Ok(Checked { approved, comment, ..plain(value) }),
        _ => Err(AnswerRefusal::Invalid(problems)),
    }
}

fn fits_schema(request: &AskRequest, value: Value) -> Result<Checked, AnswerRefusal> {
    let Some(schema) = &request.schema else {
        return match value {
            Value::String(_) => Ok(plain(&value)),
            other => Err(invalid(format!("the answer is text, and this is {}", kind_of(&other)))),
        };
    };
    let checker = schema.checker().map_err(|failure| invalid(failure.message))?;
    match checker.check(&value) {
        Ok(()) => Ok(plain(&value)),
        Err(violations) => Err(AnswerRefusal::Invalid(violations)),
    }
}

/// Whether an event has the fields that the script waits for.
pub(crate) fn fits_event(request: &AskRequest, event: &Value) -> bool {
    let Some(wanted) = &request.matches else { return true };
    let Ok(Value::Object(wanted)) = serde_json::from_str(wanted) else { return false };
    wanted.iter().all(|(name, value)| event.get(name).is_some_and(|found| equal(value, found)))
}

/// Equality as in JavaScript: `1` and `1.0` are one number.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same = |(name, value): (&String, &Value)| {
                right.get(name).is_some_and(|found| equal(value, found))
            };
            left.len() == right.len() && left.iter().all(same)
        }
        (left, right) => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(kind: AskKind) -> AskRequest {
        AskRequest::plain(kind, "q")
    }

    fn problems(request: &AskRequest, value: &str) -> Vec<String> {
        match check_answer(request, value) {
            Err(AnswerRefusal::Invalid(found)) => found.into_iter().map(|one| one.path).collect(),
            other => panic!("{value}: {other:?}"),
        }
    }

    #[test]
    fn an_approval_is_a_boolean_or_an_object_with_a_comment() {
        let request = ask(AskKind::Approve);
        let checked = |value| check_answer(&request, value).unwrap();
        assert_eq!(checked("true"), r#"{"approved":true,"comment":null}"#);
        assert_eq!(
            checked(r#"{"approved":false,"comment":"no"}"#),
            r#"{"approved":false,"comment":"no"}"#
        );
        for wrong in ["\"yes\"", "1", "null", "[true]", "", "yes"] {
            assert_eq!(problems(&request, wrong), [""], "{wrong}");
        }
        let wrong = r#"{"approved":"yes","comment":1,"by":"root"}"#;
        assert_eq!(problems(&request, wrong), ["/by", "/approved", "/comment"], "all of them");
    }

    #[test]
    fn an_answer_is_text_or_satisfies_the_schema() {
        let mut request = ask(AskKind::Ask);
        assert_eq!(check_answer(&request, "\"a\""), Ok("\"a\"".to_owned()));
        assert_eq!(problems(&request, "1"), [""]);
        request.schema = Some(
            r#"{"type":"object","required":["a","b"],"properties":{"a":{"type":"integer"}}}"#
                .into(),
        );
        assert_eq!(check_answer(&request, r#"{"a":1, "b":2}"#).unwrap(), r#"{"a":1,"b":2}"#);
        assert_eq!(problems(&request, r#"{"a":"x"}"#).len(), 2, "all of them");
        request.schema = Some("{".into());
        assert_eq!(problems(&request, "1"), [""], "a schema of a forged journal");
        let long = format!("\"{}\"", "x".repeat(ASK_ANSWER_BYTES_MAX));
        let refused = check_answer(&request, &long).unwrap_err();
        assert_eq!(refused.code(), Code::AnswerTooLarge);
    }

    #[test]
    fn an_event_must_have_the_fields_that_are_waited_for() {
        let mut request = ask(AskKind::WaitFor);
        assert!(check_answer(&request, "null").is_ok());
        request.matches = Some(r#"{"number":12,"of":{"a":[1.0]}}"#.to_owned());
        for fits in
            [r#"{"number":12.0,"of":{"a":[1]}}"#, r#"{"of":{"a":[1]},"number":12,"more":true}"#]
        {
            assert!(check_answer(&request, fits).is_ok(), "{fits}");
        }
        for other in [
            "null",
            "12",
            r#"{"number":12}"#,
            r#"{"number":"12","of":{"a":[1]}}"#,
            r#"{"number":12,"of":{"a":[1,2]}}"#,
            r#"{"number":12,"of":{"a":[1],"b":2}}"#,
        ] {
            assert_eq!(problems(&request, other), [""], "{other}");
        }
    }
}
