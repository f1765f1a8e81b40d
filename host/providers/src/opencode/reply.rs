//! opencode's answer: a message, as an answer or an error.
//!
//! Owns: which end of a message is a success. Never: says whether an answer satisfies its
//! schema.

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::step_request::Usage;

use super::error;
use super::fault::Fault;
use crate::foreign::{or_default, readable};
use crate::{Answer, ProviderError, ProviderErrorKind as Kind};

/// One message of a session.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    pub(super) info: Info,
    #[serde(default, deserialize_with = "readable")]
    pub(super) parts: Vec<Part>,
}

/// One message of a session without its parts, which may hold much.
#[derive(Debug, Deserialize)]
pub(super) struct Head {
    pub(super) info: Info,
}

/// What a message says about itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Info {
    #[serde(deserialize_with = "or_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) role: String,
    /// The message that it answers.
    #[serde(rename = "parentID")]
    pub(super) parent: Option<String>,
    #[serde(rename = "providerID")]
    provider: Option<String>,
    #[serde(rename = "modelID")]
    model: Option<String>,
    pub(super) error: Option<Fault>,
    /// How its last step ended.
    pub(super) finish: Option<String>,
    /// The structured answer, which opencode has not checked.
    pub(super) structured: Option<Value>,
    #[serde(deserialize_with = "or_default")]
    tokens: Tokens,
    cost: Option<f64>,
}

/// Tokens. `input` does not include those of the cache, and `output` does not include
/// those of reasoning.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    input: Option<f64>,
    output: Option<f64>,
    reasoning: Option<f64>,
    #[serde(deserialize_with = "or_default")]
    cache: Cache,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Cache {
    read: Option<f64>,
    write: Option<f64>,
}

/// A piece of a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Part {
    Text {
        #[serde(default, deserialize_with = "or_default")]
        text: String,
        /// Whether opencode wrote it, not the model.
        #[serde(default, deserialize_with = "or_default")]
        synthetic: bool,
    },
    Tool {
        #[serde(default, deserialize_with = "or_default")]
        tool: String,
        #[serde(default, deserialize_with = "or_default")]
        state: ToolState,
    },
    #[serde(other)]
    Other,
}

/// The state of a tool.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolState {
    #[serde(deserialize_with = "or_default")]
    pub(super) status: String,
    pub(super) title: Option<String>,
    pub(super) input: Value,
    pub(super) error: Option<String>,
}

impl Tokens {
    fn usage(&self) -> Usage {
        let (read, write) = (count(self.cache.read), count(self.cache.write));
        Usage {
            input_tokens: count(self.input) + read + write,
            output_tokens: count(self.output) + count(self.reasoning),
            cache_read_tokens: read,
            cache_write_tokens: write,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a float saturates, and other values count as zero"
)]
fn count(number: Option<f64>) -> u64 {
    number.unwrap_or(0.0) as u64
}

impl Info {
    /// In the form of scripts.
    pub(super) fn model(&self) -> Option<String> {
        Some(format!("{}/{}", self.provider.as_ref()?, self.model.as_ref()?))
    }
}

/// The sum of the usage of messages.
pub(super) fn spent<'a>(messages: impl IntoIterator<Item = &'a Info>) -> (Usage, f64) {
    let mut sum = (Usage::default(), 0.0);
    for info in messages {
        sum.0 += info.tokens.usage();
        sum.1 += info.cost.filter(|cost| cost.is_finite()).unwrap_or(0.0);
    }
    sum
}

impl Message {
    /// The answer, or why there is none. An agent that got a schema and answered in text
    /// is accepted: the text may hold the JSON.
    pub(super) fn answer(&self) -> Result<Answer, ProviderError> {
        let text = self.text();
        if let Some(fault) = &self.info.error {
            if fault.name == "StructuredOutputError" && !text.is_empty() {
                return Ok(Answer::Text(text));
            }
            return Err(fault.clone().into_error());
        }
        if let Some(value) = &self.info.structured {
            return Ok(Answer::Json(value.clone()));
        }
        match self.info.finish.as_deref() {
            Some("stop") if text.is_empty() => Ok(Answer::Null),
            Some("stop") => Ok(Answer::Text(text)),
            Some("length") => Err(error(
                Kind::Failed,
                "the answer is longer than the model may write, and was cut off; ask for less, or take a model with a higher output limit",
            )),
            Some("content-filter") => {
                Err(error(Kind::Refused, "the model vendor's content filter held the answer back"))
            }
            Some("tool-calls") => Err(self.stopped_at_a_tool()),
            Some(finish) => Err(error(
                Kind::CutStream,
                format!("the model's answer broke off (opencode calls its end \"{finish}\")"),
            )),
            None => Err(error(Kind::CutStream, "the model's answer broke off before its end")),
        }
    }

    /// The last text of the model.
    fn text(&self) -> String {
        let written = self.parts.iter().filter_map(|part| match part {
            Part::Text { text, synthetic: false } => Some(text.as_str()),
            _ => None,
        });
        written.collect()
    }

    fn stopped_at_a_tool(&self) -> ProviderError {
        let denied = self.parts.iter().find_map(|part| match part {
            Part::Tool { tool, state } => state
                .error
                .as_ref()
                .filter(|error| error.contains("rejected permission"))
                .map(|error| (tool, error)),
            _ => None,
        });
        match denied {
            Some((tool, why)) => error(
                Kind::PermissionDenied,
                format!("the agent stopped because it may not use `{tool}` there: {why}"),
            ),
            None => error(Kind::CutStream, "the agent stopped after a tool, without an answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_null_is_not_said() {
        let nulls = json!({
            "info": {"id": null, "role": null, "parentID": null, "error": null, "finish": "stop",
                "structured": null, "cost": null,
                "tokens": {"input": 5, "output": null, "reasoning": null, "cache": null}},
            "parts": [null, {"type": null}, {"type": "text", "text": null, "synthetic": null},
                {"type": "tool", "tool": null, "state": null}, {"type": "text", "text": "yes"}],
        });
        let message: Message = serde_json::from_value(nulls).unwrap();
        assert_eq!(message.answer().unwrap(), Answer::Text("yes".into()));
        assert_eq!(spent([&message.info]).0.input_tokens, 5);
        let empty: Message =
            serde_json::from_str(r#"{"info":{"tokens":null},"parts":null}"#).unwrap();
        assert_eq!(empty.answer().unwrap_err().kind, Kind::CutStream);
        let fault = json!({"info": {"error": {"name": null, "data": null, "message": null}}});
        let failed: Message = serde_json::from_value(fault).unwrap();
        assert_eq!(failed.answer().unwrap_err().kind, Kind::Failed);
    }
}
