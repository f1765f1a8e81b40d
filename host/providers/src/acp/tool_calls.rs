//! The tool calls that an agent has reported in its turn.
//!
//! Owns: the last known content of each, bounded. Never: decides by it; the policy does.
//!
//! The protocol lets a question for leave name a tool call by its id alone, whose title and
//! input stood in an earlier update.

use std::collections::VecDeque;

use serde_json::{Map, Value};

/// Most tool calls that are kept: more than agents have open side by side.
const CALLS_MAX: usize = 64;

/// Most bytes of all that are kept: some files that an agent is about to write, entire.
const BYTES_MAX: usize = 4 << 20;

/// What is kept of a tool call: all that the policy and a person look at.
const FIELDS: [&str; 5] = ["title", "kind", "locations", "rawInput", "content"];

/// The tool calls of a turn, by their ids; the last updated one comes last.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    calls: VecDeque<ToolCall>,
    bytes: usize,
}

#[derive(Debug)]
struct ToolCall {
    id: String,
    fields: Map<String, Value>,
    bytes: usize,
}

impl ToolCalls {
    /// Takes a `tool_call` or `tool_call_update`: fields that it lacks stay as they were.
    pub(super) fn update(&mut self, update: &Value) {
        let Some(id) = id_of(update) else { return };
        let mut fields = self.take(id);
        for name in FIELDS {
            if let Some(value) = update.get(name).filter(|value| !value.is_null()) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        let bytes = id.len() + fields.values().map(|value| value.to_string().len()).sum::<usize>();
        self.bytes += bytes;
        self.calls.push_back(ToolCall { id: id.to_owned(), fields, bytes });
        while self.calls.len() > CALLS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.calls.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// The parameters of a question for leave, with what its tool call lacks and was
    /// reported before.
    pub(super) fn completed(&self, params: &Value) -> Value {
        let mut whole = params.clone();
        let Some(asked) = whole.get_mut("toolCall") else { return whole };
        let known = id_of(asked).and_then(|id| self.calls.iter().find(|call| call.id == id));
        if let (Some(known), Some(asked)) = (known, asked.as_object_mut()) {
            for (name, value) in &known.fields {
                let said = asked.entry(name.clone()).or_insert(Value::Null);
                if said.is_null() {
                    *said = value.clone();
                }
            }
        }
        whole
    }

    /// Takes out the fields of a tool call; none if it is not known.
    fn take(&mut self, id: &str) -> Map<String, Value> {
        let place = self.calls.iter().position(|call| call.id == id);
        let Some(call) = place.and_then(|place| self.calls.remove(place)) else {
            return Map::new();
        };
        self.bytes -= call.bytes;
        call.fields
    }
}

fn id_of(call: &Value) -> Option<&str> {
    call.get("toolCallId").and_then(Value::as_str).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn question(id: &str) -> Value {
        json!({"toolCall": {"toolCallId": id, "title": null}, "options": []})
    }

    #[test]
    fn a_question_by_id_has_the_last_content_of_its_tool_call() {
        let mut calls = ToolCalls::default();
        calls.update(&json!({"toolCallId": "a", "title": "rm", "kind": "execute"}));
        calls.update(&json!({"toolCallId": "b", "title": "other"}));
        calls.update(&json!({"toolCallId": "a", "title": null, "rawInput": {"command": "rm x"}}));
        let whole = calls.completed(&question("a"));
        let said = json!({"toolCallId": "a", "title": "rm", "kind": "execute",
            "rawInput": {"command": "rm x"}});
        assert_eq!(whole["toolCall"], said);
        // What the question says itself counts.
        let own = json!({"toolCall": {"toolCallId": "a", "rawInput": {"command": "rm y"}}});
        assert_eq!(calls.completed(&own)["toolCall"]["rawInput"]["command"], "rm y");
        for unknown in [question("c"), question(""), json!({"toolCall": 1}), json!(null)] {
            assert_eq!(calls.completed(&unknown), unknown);
        }
    }

    #[test]
    fn old_tool_calls_are_forgotten() {
        let mut calls = ToolCalls::default();
        for number in 0..=CALLS_MAX {
            calls.update(&json!({"toolCallId": number.to_string(), "title": "t"}));
        }
        assert_eq!(calls.calls.len(), CALLS_MAX);
        assert_eq!(calls.completed(&question("0")), question("0"));
        assert_eq!(calls.completed(&question("1"))["toolCall"]["title"], "t");
        let half = "x".repeat(BYTES_MAX / 2);
        for id in ["a", "b", "a"] {
            calls.update(&json!({"toolCallId": id, "rawInput": half}));
        }
        assert_eq!(calls.calls.len(), 1);
        assert!(calls.bytes <= BYTES_MAX && calls.completed(&question("b")) == question("b"));
        calls.update(&json!({"toolCallId": "c", "rawInput": "x".repeat(BYTES_MAX)}));
        assert_eq!((calls.calls.len(), calls.bytes), (0, 0));
    }
}
