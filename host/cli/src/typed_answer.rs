//! Answers as people type them, read as the question wants them.
//!
//! Owns: the way from a word on a command line to the JSON text of an answer. Never: the
//! verdict; the core has it.

use smol_wf_core::gate::{AnswerRefusal, AskKind, AskRequest, check_answer};
use smol_wf_core::schema::Violation;

/// Reads an answer to this question: yes or no for `approve()` and an agent, text for `ask()` without a
/// schema, otherwise JSON, or text if that fits the schema. Returns JSON text that fits.
/// Fails with everything that is wrong with it.
pub(crate) fn read(request: &AskRequest, typed: &str) -> Result<String, AnswerRefusal> {
    match request.kind {
        AskKind::Approve | AskKind::Permission => {
            let value = match yes_or_no(typed) {
                Some(approved) => approved.to_string(),
                None if typed.trim_start().starts_with('{') => typed.to_owned(),
                None => return Err(invalid("an approval is yes or no")),
            };
            fitting(request, value)
        }
        AskKind::Ask if request.schema.is_none() => fitting(request, text(typed)),
        AskKind::Ask => {
            let of_text = |refused| {
                fitting(request, text(typed)).map_err(|of_text| match refused {
                    Some(of_json) => of_json,
                    None => of_text,
                })
            };
            match serde_json::from_str::<serde_json::Value>(typed) {
                Err(_) => of_text(None),
                Ok(_) => {
                    fitting(request, typed.to_owned()).or_else(|of_json| of_text(Some(of_json)))
                }
            }
        }
        AskKind::WaitFor => fitting(request, typed.to_owned()),
    }
}

/// A yes or a no in words.
pub(crate) fn yes_or_no(typed: &str) -> Option<bool> {
    match typed.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" | "true" => Some(true),
        "no" | "n" | "false" => Some(false),
        _ => None,
    }
}

/// The JSON text, if it fits.
pub(crate) fn fitting(request: &AskRequest, value: String) -> Result<String, AnswerRefusal> {
    check_answer(request, &value).map(|_| value)
}

/// Text as JSON text.
pub(crate) fn text(typed: &str) -> String {
    serde_json::Value::from(typed).to_string()
}

fn invalid(message: &str) -> AnswerRefusal {
    AnswerRefusal::Invalid(vec![Violation { path: String::new(), message: message.to_owned() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(schema: Option<&str>) -> AskRequest {
        let plain = AskRequest::plain(AskKind::Ask, "q");
        AskRequest { schema: schema.map(Into::into), ..plain }
    }

    #[test]
    fn words_become_the_answer_that_the_question_wants() {
        let approve = AskRequest::plain(AskKind::Approve, "q");
        for (typed, value) in
            [("yes", "true"), (" Y ", "true"), ("no", "false"), ("FALSE", "false")]
        {
            assert_eq!(read(&approve, typed).unwrap(), value);
        }
        for wrong in ["", "ok", "1", "yes please", "null", "\"yes\""] {
            assert!(read(&approve, wrong).is_err(), "{wrong}");
        }
        let commented = r#"{"approved":false,"comment":"late"}"#;
        assert_eq!(read(&approve, commented).unwrap(), commented);
        assert_eq!(read(&ask(None), "12").unwrap(), "\"12\"");
        assert_eq!(read(&ask(Some(r#"{"type":"integer"}"#)), "12").unwrap(), "12");
        assert_eq!(read(&ask(Some(r#"{"type":"string"}"#)), "12").unwrap(), "\"12\"");
        assert_eq!(read(&ask(Some(r#"{"enum":["1.4","1.5"]}"#)), "1.5").unwrap(), "\"1.5\"");
        assert_eq!(read(&ask(Some(r#"{"enum":["a b"]}"#)), "\"a b\"").unwrap(), "\"a b\"");
    }

    #[test]
    fn everything_that_is_wrong_is_said_about_the_json_that_was_typed() {
        let object =
            r#"{"type":"object","required":["a","b"],"properties":{"a":{"type":"integer"}}}"#;
        let Err(AnswerRefusal::Invalid(found)) = read(&ask(Some(object)), r#"{"a":"x"}"#) else {
            panic!("it does not fit");
        };
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
