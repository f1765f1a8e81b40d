//! What an agent reports while it works, and how its turn ends.
//!
//! Owns: joining the answer from its pieces, and which end of a turn is a success. Never:
//! sends anything.

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::cut;
use smol_wf_core::step_request::Usage;

use super::quirks::{Piece, Quirks};
use super::tool_calls::ToolCalls;
use super::usage;
use crate::cause::Cause;
use crate::foreign::or_default;
use crate::{Activity, AgentActivity, ProviderErrorKind as Kind};

/// Most bytes of an answer; the engine takes less.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Characters of a tool's detail.
const DETAIL_CHARS_MAX: usize = 80;

/// The state of one turn.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    /// What the agent has written since its last tool.
    text: String,
    /// The message of the text, for agents that name messages.
    message: Option<String>,
    /// Whether the next piece begins a text.
    anew: bool,
    /// The last reported tool, which is not reported twice.
    tool: Option<String>,
    /// The tool calls that questions for leave may name.
    pub(super) calls: ToolCalls,
    /// Dollars of the whole session.
    pub(super) cost: Option<f64>,
    model: Option<String>,
    /// What the agent was refused and has not written about since.
    denied: Option<String>,
    /// Whether the agent has reported that it cannot go on, which some agents report
    /// nowhere else.
    broken: bool,
    /// The agent's differences from the protocol.
    pub(super) quirks: Quirks,
    /// The greeting of its program, as announced; it may come at any time.
    pub(super) greeting: Option<String>,
    /// Notices of its program, which are the answer if there is no other.
    notices: String,
    /// Set when its text says why there is no answer: whether that is certain.
    told_error: Option<bool>,
    /// Tokens, for agents that report them with pieces of the answer.
    told: Option<Usage>,
}

/// How a turn ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct TurnEnd {
    #[serde(deserialize_with = "or_default")]
    stop_reason: String,
    usage: Value,
    #[serde(rename = "_meta")]
    meta: Value,
}

impl Transcript {
    /// Takes a `session/update`, and reports to `activity` what is new.
    pub(super) fn update(&mut self, update: &Value, activity: &dyn Activity) {
        let said = |pointer: &str| update.pointer(pointer).and_then(Value::as_str);
        if let Some(tokens) = usage::of_piece(update) {
            *self.told.get_or_insert_default() += tokens;
        }
        match said("/sessionUpdate").unwrap_or_default() {
            "agent_message_chunk" => {
                // A notice of the agent's program, not the model's words.
                if said("/_meta/claudeCode/kind") != Some("informational")
                    && let Some(text) = said("/content/text")
                {
                    self.piece(text, said("/messageId"));
                    activity.note(AgentActivity::Text { text: text.to_owned() });
                }
            }
            "agent_thought_chunk" => activity.note(AgentActivity::Thinking),
            "tool_call" | "tool_call_update" => {
                self.calls.update(update);
                self.tool(update, activity);
            }
            "usage_update" => {
                let amount = update.pointer("/cost/amount").and_then(Value::as_f64);
                if said("/cost/currency") == Some("USD") {
                    self.cost = amount.or(self.cost);
                }
                let model = update.get("_meta").and_then(|meta| meta.get("_claude/model"));
                self.model = model.and_then(Value::as_str).map(str::to_owned).or(self.model.take());
            }
            "session_info_update" => {
                if said("/_meta/codex/threadStatus/type") == Some("systemError") {
                    // The reason follows, in the form of an answer.
                    (self.broken, self.anew) = (true, true);
                }
                if update.pointer("/_meta/piAcp/running") == Some(&Value::Bool(true)) {
                    // The text so far is the program's greeting.
                    self.text.clear();
                }
            }
            _ => {}
        }
    }

    fn piece(&mut self, text: &str, message: Option<&str>) {
        if self.greeting.as_deref() == Some(text) {
            return;
        }
        let kind = self.quirks.piece(text);
        let begins = self.anew || self.text.is_empty() || self.message.as_deref() != message;
        match kind {
            Piece::Notice if begins => return self.notices.push_str(fitting(text, &self.notices)),
            // The text so far led to nothing; what follows is a new text.
            Piece::Error { is_certain } if begins || is_certain => {
                self.anew = true;
                self.told_error = Some(is_certain);
            }
            _ if !text.is_empty() => self.told_error = None,
            _ => {}
        }
        if std::mem::take(&mut self.anew) || self.message.as_deref() != message {
            self.text.clear();
            self.message = message.map(str::to_owned);
            self.denied = None;
        }
        let text = fitting(text, &self.text);
        self.text.push_str(text);
    }

    /// Takes note of a refusal.
    pub(super) fn denied(&mut self, what: &str) {
        self.anew = true;
        self.denied = Some(what.to_owned());
    }

    fn tool(&mut self, update: &Value, activity: &dyn Activity) {
        self.anew = true;
        let said = |name: &str| update.get(name).and_then(Value::as_str);
        // Most updates lack the kind, and the title is the better name.
        let Some(name) = said("name").or(said("title")).or(said("kind")) else { return };
        let input = &update["rawInput"];
        let detail = ["command", "file_path", "filePath", "path", "pattern", "url"]
            .iter()
            .find_map(|name| input.get(name).and_then(Value::as_str));
        let detail = detail.and_then(|text| text.lines().next());
        let detail: Option<String> =
            detail.map(|text| cut::head_chars(text, DETAIL_CHARS_MAX).to_owned());
        let told = format!("{name} {}", detail.as_deref().unwrap_or_default());
        if said("status") != Some("completed") && self.tool.as_ref() != Some(&told) {
            self.tool = Some(told);
            activity.note(AgentActivity::Tool { name: name.to_owned(), detail });
        }
    }

    /// The model that answered, when the agent reports it.
    pub(super) fn model(&self, end: &TurnEnd) -> Option<String> {
        usage::model(&end.meta).map(str::to_owned).or_else(|| self.model.clone())
    }

    /// Tokens of the turn; none when the agent does not report them.
    pub(super) fn usage(&self, end: &TurnEnd) -> Option<Usage> {
        usage::of_turn(&end.usage, &end.meta).or(self.told)
    }

    /// Whether the text says why there is no answer: it has the form, and no tokens were
    /// spent on an answer.
    fn is_error(&self, end: &TurnEnd) -> bool {
        let Some(is_certain) = self.told_error else { return false };
        is_certain || self.usage(end).is_none_or(|usage| usage.total() == 0)
    }

    /// The answer, or why there is none.
    pub(super) fn answer(&self, end: &TurnEnd) -> Result<String, (Kind, String)> {
        let text = self.text.trim();
        if end.stop_reason == "end_turn" && self.is_error(end) {
            let cause = Cause::read(text, None);
            return Err((cause.kind, cause.message));
        }
        if self.broken {
            let cause = Cause::read(text, None);
            return Err((cause.kind, format!("the agent could not go on: {}", cause.message)));
        }
        if let ("end_turn", Some(denied)) = (end.stop_reason.as_str(), &self.denied) {
            let message = format!(
                "the agent stopped because it was refused what it asked leave for: {denied}"
            );
            return Err((Kind::PermissionDenied, message));
        }
        match end.stop_reason.as_str() {
            "end_turn" if text.is_empty() && !self.notices.is_empty() => {
                let cause = Cause::read(self.notices.trim(), None);
                // A model that was paid for wrote it.
                match self.usage(end).is_some_and(|usage| usage.output_tokens > 0) {
                    true => Ok(self.notices.clone()),
                    false => Err((cause.kind, format!("the agent gave no answer: {}", cause.message))),
                }
            }
            "end_turn" if text.is_empty() => Err((
                Kind::Failed,
                "the agent ended its turn without an answer, which some agents do instead of reporting an error; its own log has the cause".to_owned(),
            )),
            "end_turn" => Ok(self.text.clone()),
            "max_tokens" => Err((
                Kind::Failed,
                "the answer is longer than the model may write, and was cut off".to_owned(),
            )),
            "max_turn_requests" => {
                Err((Kind::Failed, "the agent reached its own limit of steps".to_owned()))
            }
            "refusal" => {
                let said = if text.is_empty() { "without a reason" } else { text };
                Err((Kind::Refused, format!("the model declined to answer: {said}")))
            }
            "cancelled" => {
                Err((Kind::Killed, "the turn was cancelled by someone else".to_owned()))
            }
            other => {
                Err((Kind::Failed, format!("the turn ended for an unknown reason, `{other}`")))
            }
        }
    }
}

/// As much of a text as there is room for after another.
fn fitting<'a>(text: &'a str, before: &str) -> &'a str {
    cut::head(text, ANSWER_BYTES_MAX.saturating_sub(before.len()))
}

/// The answer of a turn, from its messages: updates, and the response that ends it.
pub(crate) fn parse(text: &str, activity: &dyn Activity) -> Result<String, String> {
    let (mut turn, mut end) = (Transcript::default(), TurnEnd::default());
    for line in text.lines() {
        let Ok(mut message) = serde_json::from_str::<Value>(line) else { continue };
        if let Some(update) = message.pointer("/params/update") {
            turn.update(update, activity);
        } else if let Some(result) = message.get_mut("result") {
            end = serde_json::from_value(result.take()).unwrap_or_default();
        }
    }
    turn.answer(&end).map_err(|(_, message)| message)
}
