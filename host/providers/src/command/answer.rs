//! A program's output and exit, as an answer or a failure.
//!
//! Owns: telling an answer in JSON from text, and a failure from both. Never: looks for
//! JSON within text; the engine does, for a step with a schema.
//!
//! An answer in JSON is one object with the key `output`, and nothing beside it. The
//! other keys are optional:
//!
//! ```json
//! {"output": "…", "sessionId": "…", "model": "…", "costUsd": 0.01,
//!  "usage": {"inputTokens": 1, "outputTokens": 1, "cacheReadTokens": 0, "cacheWriteTokens": 0}}
//! ```
//!
//! `null` means the same as a missing key. A key with a value of the wrong kind is
//! ignored and reported: the answer is worth more than that.
//!
//! A failure is `{"error": {"kind": "rate_limit", "message": "…", "retryAfterMs": 1000}}`,
//! with one of the words of [`ProviderErrorKind`]; or `{"error": "…"}`, unless other
//! keys show that it is an answer in a form of the agent's own; or any exit code except
//! zero.

use std::time::Duration;

use serde_json::{Map, Value};
use smol_wf_core::step_request::Usage;

use crate::process::Exit;
use crate::{AgentReply, Answer, ProviderError, ProviderErrorKind, RoundSpend};

/// The keys of an answer or a failure.
const KEYS: [&str; 6] = ["output", "usage", "costUsd", "sessionId", "model", "error"];

/// What was read from a program's output.
#[derive(Debug)]
pub(super) struct ParsedOutput {
    pub(super) reply: Result<AgentReply, ProviderError>,
    /// The values that were ignored, a sentence each.
    pub(super) passed_over: Vec<String>,
}

/// Reads a program's output and exit.
pub(super) fn read(provider: &str, printed: &str, exit: &Exit) -> ParsedOutput {
    let Some(object) = answer_object(printed) else {
        let answer = match printed {
            "" => Answer::Null,
            text => Answer::Text(text.to_owned()),
        };
        let reply = check_end(provider, exit).map(|()| reply(answer, RoundSpend::default()));
        return ParsedOutput { reply, passed_over: Vec::new() };
    };
    let mut facts = Facts { object, passed_over: Vec::new() };
    let reply = facts.reply(provider, exit);
    ParsedOutput { reply, passed_over: facts.passed_over }
}

/// The object, when the output is an answer or a failure in JSON.
fn answer_object(printed: &str) -> Option<Map<String, Value>> {
    let text = printed.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('{') {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let is_failure = match object.get("error") {
        Some(Value::Object(_)) => true,
        Some(Value::String(_)) => object.keys().all(|key| KEYS.contains(&key.as_str())),
        _ => false,
    };
    (object.contains_key("output") || is_failure).then_some(object)
}

/// A printed object while it is read.
struct Facts {
    object: Map<String, Value>,
    passed_over: Vec<String>,
}

impl Facts {
    fn reply(&mut self, provider: &str, exit: &Exit) -> Result<AgentReply, ProviderError> {
        let spent = RoundSpend {
            usage: self.usage(),
            cost_usd: self.take("", "costUsd", "dollars, from 0", |value| {
                value.as_f64().filter(|cost| *cost >= 0.0)
            }),
            session_id: self.text("sessionId"),
            model: self.text("model"),
        };
        if let Some(error) = self.failure(provider) {
            return Err(error.having_spent(spent));
        }
        // The answer is complete, so a program that does not end takes nothing from it.
        if !exit.hung {
            check_end(provider, exit).map_err(|error| error.having_spent(spent.clone()))?;
        }
        let answer = match self.object.remove("output") {
            None | Some(Value::Null) => Answer::Null,
            Some(Value::String(text)) => Answer::Text(text),
            Some(other) => Answer::Text(other.to_string()),
        };
        Ok(reply(answer, spent))
    }

    fn failure(&mut self, provider: &str) -> Option<ProviderError> {
        let told = match self.object.remove("error")? {
            Value::Object(told) => told,
            // Some programs always write it, empty beside an answer.
            Value::String(message) if message.is_empty() && self.object.contains_key("output") => {
                return None;
            }
            Value::String(message) => {
                let message = match message.is_empty() {
                    true => "failed, and says nothing of why".to_owned(),
                    false => message,
                };
                return Some(ProviderError::new(provider, ProviderErrorKind::Failed, message));
            }
            Value::Null => return None,
            _ => {
                self.pass_over("error", "it is an object or a string");
                return None;
            }
        };
        let mut told = Facts { object: told, passed_over: Vec::new() };
        let kind = told.take("error.", "kind", "the word of a kind of failure", |value| {
            value.as_str().and_then(ProviderErrorKind::from_word)
        });
        let message = told.take("error.", "message", "a string", string);
        let wait = told.take("error.", "retryAfterMs", "a whole number of ms", Value::as_u64);
        self.passed_over.append(&mut told.passed_over);
        let kind = kind.unwrap_or(ProviderErrorKind::Failed);
        let message =
            message.unwrap_or_else(|| format!("failed ({kind}), without `error.message`"));
        let mut error = ProviderError::new(provider, kind, message);
        error.retry_after = wait.map(Duration::from_millis);
        Some(error)
    }

    fn usage(&mut self) -> Usage {
        let told = match self.object.remove("usage") {
            None | Some(Value::Null) => return Usage::default(),
            Some(Value::Object(told)) => told,
            Some(_) => {
                self.pass_over("usage", "it is an object");
                return Usage::default();
            }
        };
        let mut told = Facts { object: told, passed_over: Vec::new() };
        let mut count =
            |key| told.take("usage.", key, "a whole number of tokens", Value::as_u64).unwrap_or(0);
        let usage = Usage {
            input_tokens: count("inputTokens"),
            output_tokens: count("outputTokens"),
            cache_read_tokens: count("cacheReadTokens"),
            cache_write_tokens: count("cacheWriteTokens"),
        };
        self.passed_over.append(&mut told.passed_over);
        usage
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.take("", key, "a string", string).filter(|text| !text.is_empty())
    }

    /// The value of a key, when it is of the right kind.
    fn take<T>(
        &mut self,
        within: &str,
        key: &str,
        wanted: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.object.remove(key).filter(|value| !value.is_null())?;
        let found = read(&value);
        if found.is_none() {
            self.pass_over(&format!("{within}{key}"), &format!("it is {wanted}"));
        }
        found
    }

    fn pass_over(&mut self, key: &str, wanted: &str) {
        self.passed_over.push(format!("`{key}` of its answer is passed over: {wanted}"));
    }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Whether the program ended successfully.
fn check_end(provider: &str, exit: &Exit) -> Result<(), ProviderError> {
    if exit.code == Some(0) {
        return Ok(());
    }
    let how = exit.in_words();
    let (kind, message) = match (exit.hung, exit.signal) {
        (true, _) => {
            let hung = "it closed its output and did not end, so it was ended";
            (ProviderErrorKind::Failed, hung.to_owned())
        }
        (false, Some(_)) => (ProviderErrorKind::Killed, how),
        (false, None) => (ProviderErrorKind::Failed, how),
    };
    let message = match exit.stderr_tail.as_str() {
        "" => format!("{message}; it said nothing on stderr"),
        tail => format!("{message}: {tail}"),
    };
    Err(ProviderError::new(provider, kind, message))
}

fn reply(answer: Answer, spent: RoundSpend) -> AgentReply {
    AgentReply {
        answer,
        usage: spent.usage,
        cost_usd: spent.cost_usd,
        model: spent.model,
        session_id: spent.session_id,
        replaced_bytes: 0,
    }
}

#[cfg(test)]
mod tests;
