//! What a program has printed, and how it ended.
//!
//! Owns: telling an answer in JSON from text, and a failure from both. Never:
//! looks for JSON within text; where there is a schema, the engine does.
//!
//! An answer in JSON is one object, and nothing beside it, with the key
//! `output`; the rest is optional:
//!
//! ```json
//! {"output": "…", "sessionId": "…", "model": "…", "costUsd": 0.01,
//!  "usage": {"inputTokens": 1, "outputTokens": 1, "cacheReadTokens": 0, "cacheWriteTokens": 0}}
//! ```
//!
//! A failure is `{"error": {"kind": "rate_limit", "message": "…", "retryAfterMs": 1000}}`,
//! with one of the words of [`ProviderErrorKind`]; or any exit code but zero.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use smol_wf_core::call::Usage;

use crate::process::Exit;
use crate::{AgentReply, Answer, ProviderError, ProviderErrorKind, Spent};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Facts {
    usage: Tokens,
    cost_usd: Option<f64>,
    session_id: Option<String>,
    model: Option<String>,
    error: Option<Failure>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    kind: Option<String>,
    message: String,
    retry_after_ms: Option<u64>,
}

/// Reads it.
pub(super) fn read(
    provider: &str,
    printed: &str,
    exit: &Exit,
) -> Result<AgentReply, ProviderError> {
    let failed = |message: String| ProviderError::new(provider, ProviderErrorKind::Failed, message);
    let Some(mut object) = answer_object(printed) else {
        check_end(provider, exit)?;
        let answer = match printed {
            "" => Answer::Null,
            text => Answer::Text(text.to_owned()),
        };
        return Ok(reply(answer, Spent::default()));
    };
    let output = object.remove("output");
    let facts: Facts = serde_json::from_value(Value::Object(object))
        .map_err(|error| failed(format!("the JSON that it printed cannot be read: {error}")))?;
    if facts.cost_usd.is_some_and(|cost| cost < 0.0) {
        return Err(failed("the JSON that it printed has a negative `costUsd`".to_owned()));
    }
    let error = facts.error;
    let spent = Spent {
        usage: Usage {
            input_tokens: facts.usage.input_tokens,
            output_tokens: facts.usage.output_tokens,
            cache_read_tokens: facts.usage.cache_read_tokens,
            cache_write_tokens: facts.usage.cache_write_tokens,
        },
        cost_usd: facts.cost_usd,
        session_id: facts.session_id,
        model: facts.model,
    };
    if let Some(error) = error {
        let kind = error.kind.as_deref().and_then(ProviderErrorKind::from_word);
        let kind = kind.unwrap_or(ProviderErrorKind::Failed);
        let mut told = ProviderError::new(provider, kind, error.message).having_spent(spent);
        told.retry_after = error.retry_after_ms.map(Duration::from_millis);
        return Err(told);
    }
    // The answer is whole: that its program does not end takes nothing from it.
    if !exit.hung {
        check_end(provider, exit).map_err(|error| error.having_spent(spent.clone()))?;
    }
    let answer = match output {
        None | Some(Value::Null) => Answer::Null,
        Some(Value::String(text)) => Answer::Text(text),
        Some(other) => Answer::Text(other.to_string()),
    };
    Ok(reply(answer, spent))
}

/// The object, when what was printed is an answer or a failure in JSON.
fn answer_object(printed: &str) -> Option<Map<String, Value>> {
    let text = printed.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('{') {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let has_error = object.get("error").is_some_and(Value::is_object);
    (object.contains_key("output") || has_error).then_some(object)
}

/// Whether the program ended as one that has succeeded.
fn check_end(provider: &str, exit: &Exit) -> Result<(), ProviderError> {
    if exit.code == Some(0) {
        return Ok(());
    }
    let how = exit.in_words();
    let (kind, message) = match (exit.hung, exit.signal) {
        (true, _) => {
            let hung = "it closed its output, did not end, and was ended";
            (ProviderErrorKind::Failed, hung.to_owned())
        }
        (false, Some(_)) => (ProviderErrorKind::Killed, how),
        (false, None) => (ProviderErrorKind::Failed, how),
    };
    let message = match exit.stderr_tail.as_str() {
        "" => format!("{message}, and nothing on stderr"),
        tail => format!("{message}: {tail}"),
    };
    Err(ProviderError::new(provider, kind, message))
}

fn reply(answer: Answer, spent: Spent) -> AgentReply {
    AgentReply {
        answer,
        usage: spent.usage,
        cost_usd: spent.cost_usd,
        model: spent.model,
        session_id: spent.session_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(code: i32) -> Exit {
        Exit { code: Some(code), signal: None, hung: false, stderr_tail: "last words".to_owned() }
    }

    fn answer(printed: &str) -> Answer {
        read("p", printed, &exit(0)).unwrap().answer
    }

    fn error(printed: &str, exit: &Exit) -> ProviderError {
        read("p", printed, exit).unwrap_err()
    }

    #[test]
    fn json_with_an_output_is_an_answer_and_all_else_is_text() {
        for text in [
            "hello",
            "{\"value\": 1}",
            "{\"output\": 1} and more",
            "[{\"output\": 1}]",
            "{\"output\": \"cut",
            "{\"error\": \"no object\"}",
        ] {
            assert_eq!(answer(text), Answer::Text(text.to_owned()));
        }
        assert_eq!(answer(""), Answer::Null);
        assert_eq!(answer("{\"output\": null}"), Answer::Null);
        assert_eq!(answer(" {\"output\": \"hi\"}\n"), Answer::Text("hi".to_owned()));
        assert_eq!(answer("{\"output\": {\"a\": [1]}}"), Answer::Text("{\"a\":[1]}".to_owned()));
    }

    #[test]
    fn what_it_says_of_itself_is_kept() {
        let printed = r#"{"output":"x","usage":{"inputTokens":3,"outputTokens":2},"costUsd":0.5,
            "sessionId":"s","model":"m","unknown":true}"#;
        let reply = read("p", printed, &exit(0)).unwrap();
        assert_eq!((reply.usage.input_tokens, reply.usage.output_tokens), (3, 2));
        assert_eq!((reply.cost_usd, reply.usage.cache_read_tokens), (Some(0.5), 0));
        assert_eq!((reply.session_id.as_deref(), reply.model.as_deref()), (Some("s"), Some("m")));
    }

    #[test]
    fn facts_that_cannot_be_true_are_a_failure() {
        for printed in [
            r#"{"output":"x","usage":{"inputTokens":-1}}"#,
            r#"{"output":"x","usage":{"inputTokens":"3"}}"#,
            r#"{"output":"x","costUsd":-0.1}"#,
            r#"{"output":"x","sessionId":7}"#,
            r#"{"error":{"kind":"auth"}}"#,
        ] {
            assert_eq!(error(printed, &exit(0)).kind, ProviderErrorKind::Failed, "{printed}");
        }
    }

    #[test]
    fn an_error_has_its_kind_whatever_the_exit_code() {
        let printed = r#"{"error":{"kind":"rate_limit","message":"slow down","retryAfterMs":1500},
            "usage":{"outputTokens":4}}"#;
        for code in [0, 1] {
            let told = error(printed, &exit(code));
            assert_eq!(
                (told.kind, told.message.as_str()),
                (ProviderErrorKind::RateLimit, "slow down")
            );
            assert_eq!(told.retry_after, Some(Duration::from_millis(1500)));
            assert_eq!(told.spent.usage.output_tokens, 4);
        }
        let unknown = error(r#"{"error":{"kind":"odd","message":"m"}}"#, &exit(1));
        assert_eq!(unknown.kind, ProviderErrorKind::Failed);
    }

    #[test]
    fn an_exit_that_is_no_success_is_a_failure_with_its_reason() {
        let told = error("partial", &exit(3));
        assert_eq!(
            (told.kind, told.message.as_str()),
            (ProviderErrorKind::Failed, "exit code 3: last words")
        );
        let silent = Exit { stderr_tail: String::new(), ..exit(3) };
        assert_eq!(error("", &silent).message, "exit code 3, and nothing on stderr");
        let killed = Exit { code: None, signal: Some(9), ..exit(0) };
        assert_eq!(error(r#"{"output":"x"}"#, &killed).kind, ProviderErrorKind::Killed);
        let hung = Exit { hung: true, signal: Some(15), ..killed };
        assert_eq!(error("text", &hung).kind, ProviderErrorKind::Failed);
        let whole = read("p", r#"{"output":"x"}"#, &hung).unwrap();
        assert_eq!(whole.answer, Answer::Text("x".to_owned()));
    }
}
