//! How a question is answered at a terminal: by its kind and its schema.
//!
//! Owns: what is typed, and what that means. Never: reads or prints.

use serde_json::Value;
use smol_wf_core::gate::{AnswerRefusal, AskKind, AskRequest};

use crate::sanitize;
use crate::typed_answer::{self, fitting, text, yes_or_no};

/// Most choices that get a number: a screen of them.
const CHOICES_MAX: usize = 40;

/// Most columns of a choice, and of the default in a prompt.
const CHOICE_COLUMNS: usize = 100;

/// Most bytes of a schema that is shown: some screens.
const SCHEMA_BYTES_MAX: usize = 8 * 1024;

/// What a person types.
#[derive(Debug, PartialEq)]
pub(crate) enum Form {
    /// Yes or no, for `approve()` and for an agent.
    Approval,
    /// One of these values, by number.
    Choice(Vec<Value>),
    /// Yes or no.
    Boolean,
    /// A number.
    Number,
    /// Text as it is.
    Text,
    /// JSON on one line.
    Json,
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// An answer that fits.
    Answer { value: String, comment: Option<String> },
    /// Ask again, after saying this.
    Again(String),
    /// The question stays open.
    Open,
}

impl Form {
    /// The form that fits a question.
    pub(crate) fn of(request: &AskRequest) -> Self {
        match (request.kind, &request.schema) {
            (AskKind::Approve | AskKind::Permission, _) => Self::Approval,
            (AskKind::WaitFor, _) => Self::Json,
            (AskKind::Ask, None) => Self::Text,
            (AskKind::Ask, Some(schema)) => {
                serde_json::from_str(schema).map_or(Self::Json, |schema| Self::of_schema(&schema))
            }
        }
    }

    fn of_schema(schema: &Value) -> Self {
        if let Some(choices) = choices_of(schema) {
            // A number could mean the choice of this number, or the one that is a number.
            let is_clear = !choices.iter().any(|choice| shown(choice).parse::<f64>().is_ok());
            if is_clear && (1..=CHOICES_MAX).contains(&choices.len()) {
                return Self::Choice(choices);
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("boolean") => Self::Boolean,
            Some("integer" | "number") => Self::Number,
            Some("string") => Self::Text,
            _ => Self::Json,
        }
    }

    /// The lines with the choices, if there are any.
    pub(crate) fn choices(&self) -> Vec<String> {
        let Self::Choice(choices) = self else { return Vec::new() };
        let cut = |choice| sanitize::cut(&sanitize::one_line(&shown(choice)), CHOICE_COLUMNS);
        let numbered = choices.iter().enumerate();
        numbered.map(|(at, choice)| format!("  {}) {}", at + 1, cut(choice))).collect()
    }

    /// What to type.
    pub(crate) fn prompt(&self, request: &AskRequest) -> String {
        let what = match self {
            Self::Approval | Self::Boolean => "yes or no".to_owned(),
            Self::Choice(choices) if choices.len() == 1 => "1 to choose it".to_owned(),
            Self::Choice(choices) => format!("1 to {}", choices.len()),
            Self::Number => "a number".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Json => "JSON on one line".to_owned(),
        };
        let default = request.default.as_ref().map(|default| {
            let value = serde_json::from_str(default).unwrap_or(Value::Null);
            format!(" [{}]", sanitize::cut(&sanitize::one_line(&shown(&value)), CHOICE_COLUMNS))
        });
        format!("{what}{}:", default.unwrap_or_default())
    }

    /// Reads a line.
    pub(crate) fn read(&self, request: &AskRequest, line: &str) -> Reading {
        let typed = line.trim();
        if typed == "?" {
            return Reading::Again(self.help(request));
        }
        if typed.is_empty() {
            return match (&request.default, self) {
                (_, Self::Approval) => Reading::Again("type yes or no".to_owned()),
                (Some(default), _) => taken(fitting(request, default.clone())),
                (None, _) => Reading::Open,
            };
        }
        match self {
            Self::Approval => approval(typed),
            Self::Choice(choices) => match chosen(choices, typed) {
                Some(choice) => taken(fitting(request, choice.to_string())),
                None => Reading::Again(format!("type a number from 1 to {}", choices.len())),
            },
            Self::Boolean => match yes_or_no(typed) {
                Some(value) => taken(fitting(request, value.to_string())),
                None => Reading::Again("type yes or no".to_owned()),
            },
            Self::Text => taken(fitting(request, text(line))),
            Self::Number | Self::Json => taken(typed_answer::read(request, typed)),
        }
    }

    fn help(&self, request: &AskRequest) -> String {
        match (self, &request.schema) {
            (Self::Approval, _) => {
                "yes or no, and a comment if you like: `no: tests fail`; Ctrl-D leaves it open"
                    .to_owned()
            }
            (_, Some(schema)) => {
                let schema = serde_json::from_str::<Value>(schema)
                    .and_then(|schema| serde_json::to_string_pretty(&schema))
                    .unwrap_or_else(|_| schema.to_string());
                format!("schema:\n{}", smol_wf_core::cut::to_bytes(schema, SCHEMA_BYTES_MAX))
            }
            (_, None) => match &request.matches {
                Some(wanted) => format!("JSON with these fields: {wanted}"),
                None if request.kind == AskKind::WaitFor => "any JSON".to_owned(),
                None => "any text on one line".to_owned(),
            },
        }
    }
}

/// `yes`, `no`, or one of them with a comment behind a colon.
fn approval(typed: &str) -> Reading {
    let (word, comment) = match typed.split_once(':') {
        Some((word, comment)) => (word, Some(comment.trim().to_owned())),
        None => (typed, None),
    };
    let comment = comment.filter(|comment| !comment.is_empty());
    match yes_or_no(word) {
        Some(approved) => Reading::Answer { value: approved.to_string(), comment },
        None => Reading::Again("type yes or no; a comment goes behind a colon".to_owned()),
    }
}

fn taken(read: Result<String, AnswerRefusal>) -> Reading {
    match read {
        Ok(value) => Reading::Answer { value, comment: None },
        Err(refused) => Reading::Again(refused.to_string()),
    }
}

/// The values of a schema that takes a few only.
fn choices_of(schema: &Value) -> Option<Vec<Value>> {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return Some(choices.clone());
    }
    if let Some(only) = schema.get("const") {
        return Some(vec![only.clone()]);
    }
    let parts = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    parts.iter().map(|part| part.get("const").cloned()).collect()
}

/// The choice of this number, or the one with exactly this text.
fn chosen<'c>(choices: &'c [Value], typed: &str) -> Option<&'c Value> {
    let by_number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    by_number
        .and_then(|at| choices.get(at))
        .or_else(|| choices.iter().find(|choice| shown(choice) == typed))
}

/// Text as it is, other values as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(schema: &str, default: Option<&str>) -> AskRequest {
        let plain = AskRequest::plain(AskKind::Ask, "q");
        let schema = (!schema.is_empty()).then(|| schema.into());
        AskRequest { schema, default: default.map(str::to_owned), ..plain }
    }

    fn read(request: &AskRequest, line: &str) -> Reading {
        Form::of(request).read(request, line)
    }

    fn answer(value: &str) -> Reading {
        Reading::Answer { value: value.to_owned(), comment: None }
    }

    #[test]
    fn nothing_but_a_yes_approves() {
        let request = AskRequest::plain(AskKind::Approve, "Deploy?");
        assert_eq!(read(&request, "yes"), answer("true"));
        assert_eq!(read(&request, " N "), answer("false"));
        let comment = Some("tests fail".to_owned());
        assert_eq!(
            read(&request, "no: tests fail"),
            Reading::Answer { value: "false".to_owned(), comment }
        );
        for other in ["", "  ", "?", "yes please", "ok", "1", "yep", ": yes", "no, yes"] {
            assert!(matches!(read(&request, other), Reading::Again(_)), "{other}");
        }
        // A forged journal may have a default.
        let forged = AskRequest { default: Some("true".to_owned()), ..request };
        assert!(matches!(read(&forged, ""), Reading::Again(_)));
    }

    #[test]
    fn choices_have_numbers_unless_they_are_numbers() {
        let request = asked(r#"{"enum":["1.4 LTS","beta",null]}"#, Some("\"beta\""));
        assert_eq!(Form::of(&request).choices(), ["  1) 1.4 LTS", "  2) beta", "  3) null"]);
        assert_eq!(Form::of(&request).prompt(&request), "1 to 3 [beta]:");
        assert_eq!(read(&request, "1"), answer("\"1.4 LTS\""));
        assert_eq!(read(&request, "beta"), answer("\"beta\""));
        assert_eq!(read(&request, ""), answer("\"beta\""));
        assert_eq!(read(&request, "3"), answer("null"));
        for wrong in ["0", "4", "bet", "-1"] {
            assert!(matches!(read(&request, wrong), Reading::Again(_)), "{wrong}");
        }
        let numbers = asked(r#"{"enum":[2,3]}"#, None);
        assert_eq!(read(&numbers, "2"), answer("2"));
        assert!(matches!(read(&numbers, "1"), Reading::Again(_)));
        let parts = asked(r#"{"oneOf":[{"const":"a"},{"const":"b"}]}"#, None);
        assert_eq!(read(&parts, "2"), answer("\"b\""));
    }

    #[test]
    fn each_type_has_its_form() {
        let boolean = asked(r#"{"type":"boolean"}"#, None);
        assert_eq!(read(&boolean, "y"), answer("true"));
        let number = asked(r#"{"type":"integer","minimum":3}"#, None);
        assert_eq!(read(&number, " 4 "), answer("4"));
        assert!(matches!(read(&number, "2"), Reading::Again(_)));
        let object = asked(r#"{"type":"object","required":["a"]}"#, None);
        assert_eq!(read(&object, r#"{"a":1}"#), answer(r#"{"a":1}"#));
        assert_eq!(read(&asked("", None), "12 "), answer("\"12 \""), "text as it is");
        assert_eq!(read(&asked("", None), " "), Reading::Open);
        assert_eq!(read(&object, ""), Reading::Open);
        let Reading::Again(help) = read(&number, "?") else { panic!("it explains") };
        assert!(help.contains("\"minimum\": 3"), "{help}");
    }
}
