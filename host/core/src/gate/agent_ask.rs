//! Permissions that agents ask people for.
//!
//! Owns: the form of such a question, within its bounds. Never: decides which agent may
//! ask, or who answers.

use serde::{Deserialize, Serialize};

use super::{AskKind, AskRequest};
use crate::cut;

/// Most bytes of the question itself: a line for people. What it is about stands in the
/// detail.
const WHAT_BYTES_MAX: usize = 400;

/// Most bytes of the detail: a long command entire. Of a whole file the middle is left
/// out, so that nothing can hide behind a long beginning.
const DETAIL_BYTES_MAX: usize = 4 * 1024;

/// How many of these are its end, where it is cut.
const DETAIL_END_BYTES: usize = 1024;

/// Most bytes of the name of a tool.
const TOOL_BYTES_MAX: usize = 100;

/// What an agent asks leave for, as its provider reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermissionAsk {
    /// A few words: the tool, and what it is to be used on.
    pub what: String,
    /// Exactly what would be done: the command, the paths, the input of the tool.
    pub detail: String,
    /// The kind of tool, in the agent's own word.
    pub tool: Option<String>,
}

/// Which agent asks, in the request of its question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct AgentAsk {
    /// Number of the question within its step, from 1.
    pub ask: u32,
    /// The attempt that asks. Its questions end with it.
    pub attempt: u32,
    /// The provider of the agent.
    pub provider: String,
    /// The kind of tool, in the agent's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Bytes of the whole detail, if it was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_bytes: Option<u64>,
}

impl PermissionAsk {
    /// The question of this attempt, as number `ask` of its step.
    #[must_use]
    pub fn into_request(self, ask: u32, label: String, attempt: u32, provider: &str) -> AskRequest {
        let Self { what, detail, tool } = self;
        let bytes = detail.len();
        let is_cut = bytes > DETAIL_BYTES_MAX;
        let agent = AgentAsk {
            ask,
            attempt,
            provider: provider.to_owned(),
            tool: tool.map(|tool| cut::marked(tool, TOOL_BYTES_MAX)),
            detail_bytes: is_cut.then(|| u64::try_from(bytes).unwrap_or(u64::MAX)),
        };
        AskRequest {
            label: Some(label),
            detail: Some(ends_of(detail)).filter(|text| !text.is_empty()),
            agent: Some(Box::new(agent)),
            ..AskRequest::plain(AskKind::Permission, cut::marked(what, WHAT_BYTES_MAX))
        }
    }
}

/// A detail as it is, or its beginning and its end.
fn ends_of(detail: String) -> String {
    if detail.len() <= DETAIL_BYTES_MAX {
        return detail;
    }
    let head = cut::head(&detail, DETAIL_BYTES_MAX - DETAIL_END_BYTES);
    let mut from = detail.len() - DETAIL_END_BYTES;
    while !detail.is_char_boundary(from) {
        from += 1;
    }
    let end = detail.get(from..).unwrap_or_default();
    format!("{head}\n{} {} bytes are not shown {}\n{end}", cut::MARK, from - head.len(), cut::MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_has_its_own_digest_and_says_what_is_cut() {
        let ask = |detail: &str| PermissionAsk {
            what: "bash".to_owned(),
            detail: detail.to_owned(),
            tool: Some("execute".to_owned()),
        };
        let request =
            |detail: &str, number| ask(detail).into_request(number, "l".to_owned(), 1, "acp");
        let first = request("rm a", 1);
        assert_eq!(first.digest(), request("rm a", 1).digest());
        assert_ne!(first.digest(), request("rm a", 2).digest(), "each question once");
        assert_ne!(first.digest(), request("rm b", 1).digest());
        assert_eq!(first.agent.as_ref().and_then(|agent| agent.detail_bytes), None);
        let long = request(&format!("{}end", "é".repeat(5_000)), 1);
        let kept = long.detail.as_deref().unwrap_or_default();
        assert!(kept.ends_with("éend") && kept.contains(" bytes are not shown "), "{kept}");
        assert!(kept.len() < DETAIL_BYTES_MAX + 64);
        assert_eq!(long.agent.and_then(|agent| agent.detail_bytes), Some(10_003));
        assert_eq!(request("", 1).detail, None);
    }
}
