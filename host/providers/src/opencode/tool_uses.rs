//! What the tools of a round are used on.
//!
//! Owns: the last known input of each use, bounded. Never: shows one; a question about a
//! use does.

use std::collections::VecDeque;

use serde_json::Value;

/// Most uses that are kept: more than agents have open side by side.
const USES_MAX: usize = 64;

/// Most bytes of all that are kept: some files that an agent is about to write, entire.
const BYTES_MAX: usize = 4 << 20;

/// The uses of tools; the last updated one comes last.
#[derive(Debug, Default)]
pub(super) struct ToolUses {
    uses: VecDeque<ToolUse>,
    bytes: usize,
}

#[derive(Debug)]
struct ToolUse {
    id: UseId,
    input: Value,
    bytes: usize,
}

/// Which use of a tool: models number the calls of each of their messages anew.
#[derive(Debug, PartialEq, Eq)]
struct UseId {
    session: String,
    message: String,
    call: String,
}

impl UseId {
    /// The use that these properties name: a part, or `tool` of a question.
    fn of(session: &str, named: &Value) -> Option<Self> {
        let said = |name: &str| named[name].as_str().map(str::to_owned);
        let (message, call) = (said("messageID")?, said("callID")?);
        Some(Self { session: session.to_owned(), message, call })
    }

    fn bytes(&self) -> usize {
        self.session.len() + self.message.len() + self.call.len()
    }
}

impl ToolUses {
    /// Takes the part of a message that tells of a use. One that is too large is not kept.
    pub(super) fn remember(&mut self, session: &str, part: &Value) {
        let input = part.pointer("/state/input").filter(|input| input.is_object());
        let (Some(id), Some(input)) = (UseId::of(session, part), input) else { return };
        if let Some(place) = self.uses.iter().position(|one| one.id == id) {
            let before = self.uses.remove(place);
            self.bytes -= before.map_or(0, |one| one.bytes);
        }
        let bytes = id.bytes() + input.to_string().len();
        self.bytes += bytes;
        self.uses.push_back(ToolUse { id, input: input.clone(), bytes });
        while self.uses.len() > USES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.uses.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// The last known input of the use that a question names.
    pub(super) fn input(&self, session: &str, named: &Value) -> Option<&Value> {
        let id = UseId::of(session, named)?;
        self.uses.iter().find(|one| one.id == id).map(|one| &one.input)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(call: &str, content: &str) -> Value {
        json!({"messageID": "m", "callID": call, "state": {"input": {"content": content}}})
    }

    fn has(uses: &ToolUses, call: &str) -> bool {
        uses.input("root", &json!({"messageID": "m", "callID": call})).is_some()
    }

    #[test]
    fn old_uses_are_forgotten_by_number_and_by_size() {
        let mut uses = ToolUses::default();
        for number in 0..=USES_MAX {
            uses.remember("root", &part(&number.to_string(), "x"));
        }
        assert_eq!(uses.uses.len(), USES_MAX);
        assert!(!has(&uses, "0") && has(&uses, "1"));
        let half = "x".repeat(BYTES_MAX / 2);
        for call in ["a", "b", "a"] {
            uses.remember("root", &part(call, &half));
        }
        assert_eq!(uses.uses.len(), 1);
        assert!(uses.bytes <= BYTES_MAX && has(&uses, "a") && !has(&uses, "b"));
        uses.remember("root", &part("a", "x"));
        assert!(uses.bytes < 100, "{}", uses.bytes);
        uses.remember("root", &part("c", &"x".repeat(BYTES_MAX)));
        assert_eq!((uses.uses.len(), uses.bytes), (0, 0));
    }
}
