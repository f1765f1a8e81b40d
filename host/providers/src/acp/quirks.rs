//! How single agents differ from the protocol.
//!
//! Owns: recognising an agent by its name, and the forms of its text that are not an
//! answer of its model. Never: depends on an agent's version.

use serde_json::Value;

/// How some agents say that they ask the model again.
const RETRYING: &str = "Info: Request failed due to a transient API error. Retrying";

/// How some agents say, in a text by itself, that they got no answer.
const NO_ANSWER: [&str; 2] =
    ["Error: Failed to get response from the AI model", "Error: Authentication failed"];

/// The known differences of an agent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quirks {
    /// It reports its own notices and errors as text, each in one piece with a label in
    /// front.
    tells_by_word: bool,
    /// It asks about every edit, and has no mode in which it does not.
    pub(super) asks_for_edits: bool,
    /// It accepts MCP servers, as every agent must, and ignores them.
    pub(super) drops_servers: bool,
    /// It accepts images, and ignores them when its model takes none.
    pub(super) drops_images: bool,
}

/// The meaning of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A part of the answer.
    Answer,
    /// A notice of the agent's program.
    Notice,
    /// Why there is no answer.
    Error {
        /// Whether it has a form that no model writes.
        is_certain: bool,
    },
}

impl Quirks {
    /// The differences of the agent that answers `initialize` with this.
    pub(super) fn of(initialized: &Value) -> Self {
        let name = initialized.pointer("/agentInfo/name").and_then(Value::as_str);
        let is_copilot = name.is_some_and(|name| name.to_lowercase().contains("copilot"));
        let is_pi = name == Some("pi-acp");
        Self {
            tells_by_word: is_copilot,
            asks_for_edits: is_copilot,
            // Copilot, when it works without GitHub's own service.
            drops_servers: is_pi || is_copilot,
            drops_images: is_pi || name == Some("qwen-code"),
        }
    }

    /// The meaning of a piece that stands alone or begins a text.
    pub(super) fn piece(self, text: &str) -> Piece {
        if text.starts_with(RETRYING) {
            return Piece::Notice;
        }
        if NO_ANSWER.iter().any(|form| text.starts_with(form)) || begins_with_status(text) {
            return Piece::Error { is_certain: true };
        }
        if self.tells_by_word && ["Info: ", "Warning: "].iter().any(|word| text.starts_with(word)) {
            return Piece::Notice;
        }
        match self.tells_by_word && text.starts_with("Error: ") {
            true => Piece::Error { is_certain: false },
            false => Piece::Answer,
        }
    }
}

/// Whether it begins with `Error: 400 …`.
fn begins_with_status(text: &str) -> bool {
    let rest = text.strip_prefix("Error: ").and_then(|rest| rest.split_once(' '));
    rest.is_some_and(|(status, _)| matches!(status.parse::<u16>(), Ok(400..=599)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_piece_is_recognised_by_its_form() {
        let copilot = Quirks::of(&json!({"agentInfo": {"name": "Copilot"}}));
        let other = Quirks::of(&json!({"agentInfo": null}));
        let certain = Piece::Error { is_certain: true };
        for (text, of_copilot, of_other) in [
            ("Error: Authentication failed with provider at x", certain, certain),
            ("Error: 400 mock: bad request", certain, certain),
            ("Error: Failed to get response from the AI model; retried", certain, certain),
            ("Error: no such thing", Piece::Error { is_certain: false }, Piece::Answer),
            ("Error: 4000 lines", Piece::Error { is_certain: false }, Piece::Answer),
            ("Info: MCP server started", Piece::Notice, Piece::Answer),
            (
                "Info: Request failed due to a transient API error. Retrying...",
                Piece::Notice,
                Piece::Notice,
            ),
            ("Information", Piece::Answer, Piece::Answer),
            ("", Piece::Answer, Piece::Answer),
        ] {
            assert_eq!((copilot.piece(text), other.piece(text)), (of_copilot, of_other), "{text}");
        }
    }
}
