//! Reads the calls of `approve()`, `ask()` and `waitFor()` from hostile JSON text.
//!
//! Owns: their options, the bounds of each, and the refusals. Never: opens a step.

use serde_json::{Map, Value};

use super::AnswerRefusal;
use super::{AskKind, AskRequest, check};
use crate::codes::Code;
use crate::cut;
use crate::duration;
use crate::json_kind::kind_of;
use crate::limits::{
    ASK_ANSWER_BYTES_MAX, ASK_DETAIL_BYTES_MAX, ASK_NAME_BYTES_MAX, ASK_QUESTION_BYTES_MAX,
    OPTIONS_BYTES_MAX, SLEEP_MS_MAX, TITLE_BYTES_MAX,
};
use crate::near;
use crate::outcome::Failure;
use crate::schema::{RecentSchemas, describe};

/// The options of the three functions, and which of them has each.
pub const OPTIONS: [(&str, &[AskKind]); 7] = [
    ("label", &[AskKind::Approve, AskKind::Ask, AskKind::WaitFor]),
    ("detail", &[AskKind::Approve, AskKind::Ask]),
    ("schema", &[AskKind::Ask]),
    ("default", &[AskKind::Ask]),
    ("match", &[AskKind::WaitFor]),
    ("timeout", &[AskKind::Approve, AskKind::Ask, AskKind::WaitFor]),
    ("onTimeout", &[AskKind::Approve, AskKind::Ask, AskKind::WaitFor]),
];

/// Most unknown options of one call that are kept, each of them cut.
const UNKNOWN_MAX: usize = 16;

/// Bytes kept of the name of an unknown option.
const UNKNOWN_BYTES_MAX: usize = 256;

/// The options of a function.
pub fn options_of(kind: AskKind) -> impl Iterator<Item = &'static str> {
    OPTIONS.into_iter().filter(move |(_, of)| of.contains(&kind)).map(|(name, _)| name)
}

impl AskRequest {
    /// Reads a call; `options` is JSON text. The deadline is not set.
    ///
    /// # Errors
    /// A refusal of this call, with the option that it is about.
    pub fn read(kind: AskKind, question: &str, options: &str) -> Result<Self, Failure> {
        Self::read_again(kind, question, options, None, &mut RecentSchemas::default())
    }

    /// As [`Self::read`]. `taken` is the recorded request, in a replay: its schema is
    /// accepted whatever today's rules say, and options that it did not know are
    /// ignored again. `schemas` are those of earlier calls.
    pub(crate) fn read_again(
        kind: AskKind,
        question: &str,
        options: &str,
        taken: Option<&Self>,
        schemas: &mut RecentSchemas,
    ) -> Result<Self, Failure> {
        let call = Call { kind };
        call.question(question)?;
        let mut request = Self::plain(kind, question);
        for (name, value) in call.object(options)? {
            // An option that is undefined in JavaScript does not arrive; null means the
            // same.
            if value.is_null() {
                continue;
            }
            let was_unknown = taken.is_some_and(|taken| taken.unknown.contains(&name));
            if was_unknown || !options_of(kind).any(|known| known == name) {
                if !was_unknown {
                    call.refuse_alike(&name)?;
                }
                if request.unknown.len() < UNKNOWN_MAX {
                    request.unknown.push(cut::to_bytes(name, UNKNOWN_BYTES_MAX));
                }
                continue;
            }
            if name == "schema" {
                let same = taken.and_then(|taken| taken.schema.as_ref());
                let same = same.filter(|taken| ***taken == *value.to_string());
                request.schema = Some(match same {
                    Some(taken) => taken.clone(),
                    None => schemas.accept(&value)?,
                });
                continue;
            }
            call.set(&mut request, &name, value)?;
        }
        call.values(&request)?;
        Ok(request)
    }
}

/// A call that is read, for its messages.
#[derive(Clone, Copy)]
struct Call {
    kind: AskKind,
}

impl Call {
    fn question(self, question: &str) -> Result<(), Failure> {
        let (what, limit) = match self.kind {
            AskKind::Approve | AskKind::Ask | AskKind::Permission => {
                ("question", ASK_QUESTION_BYTES_MAX)
            }
            AskKind::WaitFor => ("name", ASK_NAME_BYTES_MAX),
        };
        if question.trim().is_empty() {
            return Err(self.refuse(format!("needs a {what} that is not empty")));
        }
        let of = format!("the {what} of {}()", self.kind.function());
        bounded(&of, question.len(), limit)
    }

    fn object(self, text: &str) -> Result<Map<String, Value>, Failure> {
        let of = format!("the options of {}()", self.kind.function());
        bounded(&of, text.len(), OPTIONS_BYTES_MAX)?;
        match serde_json::from_str(text) {
            Ok(Value::Object(options)) => Ok(options),
            Ok(other) => {
                Err(invalid(format!("{of} must be an object, and are {}", kind_of(&other))))
            }
            // The library stops at 128 levels, so that no text overflows the stack.
            Err(error) => Err(invalid(format!("{of} cannot be read, or are too deep: {error}"))),
        }
    }

    /// Refuses an unknown option that is probably a mistyped one: an answer that is not
    /// checked, or a question that never ends, is not what its author meant.
    fn refuse_alike(self, name: &str) -> Result<(), Failure> {
        if self.kind == AskKind::Approve && name == "default" {
            return Err(self.refuse("takes no `default`: nobody approves by default"));
        }
        match near::nearest(name, options_of(self.kind)) {
            Some(known) => {
                let name = shown(name);
                Err(self.refuse(format!("has no option `{name}`; did you mean `{known}`?")))
            }
            None => Ok(()),
        }
    }

    fn set(self, request: &mut AskRequest, name: &str, value: Value) -> Result<(), Failure> {
        match name {
            "label" => {
                let text = self.text(name, value, TITLE_BYTES_MAX)?;
                request.label = Some(text).filter(|text| !text.is_empty());
            }
            "detail" => {
                let text = match value {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                bounded("option `detail`", text.len(), ASK_DETAIL_BYTES_MAX)?;
                request.detail = Some(text).filter(|text| !text.is_empty());
            }
            "default" => request.default = Some(self.json(name, &value)?),
            "match" if value.is_object() => request.matches = Some(self.json(name, &value)?),
            "match" => return Err(self.wrong(name, "an object", kind_of(&value))),
            "timeout" => request.timeout_ms = Some(self.timeout(name, &value)?),
            "onTimeout" => request.on_timeout = self.on_timeout(name, value)?,
            _ => {}
        }
        Ok(())
    }

    fn text(self, name: &str, value: Value, limit: usize) -> Result<String, Failure> {
        match value {
            Value::String(text) => {
                bounded(&format!("option `{name}`"), text.len(), limit).map(|()| text)
            }
            other => Err(self.wrong(name, "a string", kind_of(&other))),
        }
    }

    fn json(self, name: &str, value: &Value) -> Result<String, Failure> {
        let text = value.to_string();
        bounded(&format!("option `{name}`"), text.len(), ASK_ANSWER_BYTES_MAX)?;
        Ok(text)
    }

    /// Whole milliseconds, rounded up, as far as a sleep may take.
    fn timeout(self, name: &str, value: &Value) -> Result<u64, Failure> {
        let read = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => {
                duration::parse(text).ok().map(|duration| duration.as_secs_f64() * 1_000.0)
            }
            _ => None,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and at most 365 days in milliseconds"
        )]
        let whole = |ms: f64| ms.ceil() as u64;
        read.filter(|ms| (0.0..=SLEEP_MS_MAX).contains(ms)).map(whole).ok_or_else(|| {
            let takes = "milliseconds, or text like '30m' or '24h', up to 365 days";
            self.wrong(name, takes, &value.to_string())
        })
    }

    fn on_timeout(self, name: &str, value: Value) -> Result<Option<String>, Failure> {
        let takes = "'fail' or { value: … }";
        match value {
            Value::String(word) if word == "fail" => Ok(None),
            Value::Object(mut fields) if fields.len() == 1 => match fields.remove("value") {
                Some(value) => self.json(name, &value).map(Some),
                None => Err(self.wrong(name, takes, &Value::Object(fields).to_string())),
            },
            other => Err(self.wrong(name, takes, &other.to_string())),
        }
    }

    /// Checks the answers that the script gives itself.
    fn values(self, request: &AskRequest) -> Result<(), Failure> {
        if let Some(value) = &request.default {
            self.fits(request, "default", value)?;
        }
        let Some(value) = &request.on_timeout else { return Ok(()) };
        // The script's own value in place of an event need not be such an event.
        if self.kind == AskKind::WaitFor {
            return Ok(());
        }
        self.fits(request, "onTimeout", value)?;
        if self.kind == AskKind::Approve && check(request, value).is_ok_and(|one| one.approved) {
            let message = "never approves by itself: `onTimeout` takes 'fail' or { value: false }";
            return Err(self.refuse(message));
        }
        Ok(())
    }

    fn fits(self, request: &AskRequest, name: &str, value: &str) -> Result<(), Failure> {
        check(request, value).map(|_| ()).map_err(|refusal| {
            let why = match refusal {
                AnswerRefusal::Invalid(violations) => describe(&violations),
                other => other.to_string(),
            };
            let function = self.kind.function();
            invalid(format!("option `{name}` of {function}() is not a possible answer: {why}"))
        })
    }

    fn wrong(self, name: &str, takes: &str, given: &str) -> Failure {
        let (function, given) = (self.kind.function(), shown(given));
        invalid(format!("option `{name}` of {function}() takes {takes}, and is {given}"))
    }

    fn refuse(self, what: impl AsRef<str>) -> Failure {
        invalid(format!("{}() {}", self.kind.function(), what.as_ref()))
    }
}

fn invalid(message: String) -> Failure {
    Failure::new(Code::CallInvalid, message)
}

fn bounded(what: &str, bytes: usize, limit: usize) -> Result<(), Failure> {
    if bytes <= limit {
        return Ok(());
    }
    let message = format!("{what} is {bytes} bytes, and {limit} is the most");
    Err(Failure::new(Code::CallTooLarge, message))
}

/// A value for a message, cut.
fn shown(given: &str) -> String {
    const SHOWN_CHARS: usize = 100;
    cut::head_chars(given, SHOWN_CHARS).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: AskKind, options: &str) -> Result<AskRequest, Failure> {
        AskRequest::read(kind, "q", options)
    }

    #[track_caller]
    fn refused(kind: AskKind, options: &str, part: &str) {
        let failure = read(kind, options).unwrap_err();
        assert!(failure.message.contains(part), "{}", failure.message);
    }

    #[test]
    fn every_option_is_read() {
        let ask = read(
            AskKind::Ask,
            r#"{"label":"l","detail":"d","schema":{"type":"integer"},"default":1,"timeout":1.5,"onTimeout":{"value":2}}"#,
        );
        let ask = ask.unwrap();
        assert_eq!((ask.label.as_deref(), ask.detail.as_deref()), (Some("l"), Some("d")));
        assert_eq!((ask.default.as_deref(), ask.on_timeout.as_deref()), (Some("1"), Some("2")));
        assert_eq!((ask.timeout_ms, ask.unknown.len()), (Some(2), 0));
        let approve = r#"{"detail":{"a":1},"timeout":"24h","onTimeout":"fail","label":""}"#;
        let approve = read(AskKind::Approve, approve).unwrap();
        assert_eq!(approve.detail.as_deref(), Some(r#"{"a":1}"#));
        assert_eq!((approve.timeout_ms, approve.on_timeout), (Some(86_400_000), None));
        assert_eq!(approve.label, None);
        let wait =
            read(AskKind::WaitFor, r#"{"match":{"n":1},"onTimeout":{"value":null}}"#).unwrap();
        assert_eq!(wait.matches.as_deref(), Some(r#"{"n":1}"#));
        assert_eq!(wait.on_timeout.as_deref(), Some("null"));
        let text = serde_json::to_string(&wait).unwrap();
        assert_eq!(serde_json::from_str::<AskRequest>(&text).unwrap(), wait);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        use AskKind::{Approve, Ask, WaitFor};
        refused(Ask, r#"{"timeout":-1}"#, "takes milliseconds");
        refused(Ask, r#"{"timeout":"NaN"}"#, "takes milliseconds");
        refused(Ask, r#"{"timeout":1e12}"#, "up to 365 days");
        refused(Ask, r#"{"onTimeout":"default"}"#, "takes 'fail'");
        refused(Ask, r#"{"onTimeout":{}}"#, "takes 'fail'");
        refused(Ask, r#"{"onTimeout":{"value":"a","b":1}}"#, "takes 'fail'");
        refused(Ask, r#"{"default":1}"#, "option `default` of ask() is not a possible answer");
        refused(
            Ask,
            r#"{"schema":{"type":"string"},"onTimeout":{"value":1}}"#,
            "option `onTimeout`",
        );
        refused(Ask, r#"{"shema":{}}"#, "did you mean `schema`?");
        refused(Ask, r#"{"ontimeout":"fail"}"#, "did you mean `onTimeout`?");
        refused(Ask, r#"{"schema":{"type":7}}"#, "schema");
        refused(Ask, "[]", "must be an object");
        refused(Approve, r#"{"default":true}"#, "nobody approves by default");
        refused(Approve, r#"{"onTimeout":{"value":true}}"#, "never approves by itself");
        refused(
            Approve,
            r#"{"onTimeout":{"value":{"approved":true}}}"#,
            "never approves by itself",
        );
        refused(Approve, r#"{"onTimeout":{"value":"no"}}"#, "option `onTimeout`");
        refused(WaitFor, r#"{"match":[1]}"#, "takes an object");
        refused(WaitFor, r#"{"label":1}"#, "takes a string");
        let long = "x".repeat(ASK_QUESTION_BYTES_MAX + 1);
        let failure = AskRequest::read(Ask, &long, "{}").unwrap_err();
        assert_eq!(failure.code, Code::CallTooLarge);
        assert!(AskRequest::read(Ask, " ", "{}").is_err());
    }

    #[test]
    fn unknown_options_are_kept_by_name_and_ignored_again() {
        let ask = read(AskKind::Ask, r#"{"assignee":"me","match":{}}"#).unwrap();
        assert_eq!(ask.unknown, ["assignee", "match"]);
        // As if an older program had not known `detail`.
        let mut taken = ask.clone();
        taken.unknown = vec!["detail".to_owned()];
        let mut schemas = RecentSchemas::default();
        let options = r#"{"detail":"d"}"#;
        let again =
            AskRequest::read_again(AskKind::Ask, "q", options, Some(&taken), &mut schemas).unwrap();
        assert_eq!((again.detail, again.unknown), (None, taken.unknown));
    }
}
