//! The lines written to Claude Code (`--input-format stream-json`): the prompt, messages to
//! the agent, and answers to its questions (`--permission-prompt-tool stdio`).
//!
//! Owns: the form of these lines. Never: decides what is allowed.
//!
//! Each is one line of JSON. Claude Code fails at one that is cut, so no agent works on a
//! part of a prompt.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use smol_wf_core::ids::{Digest, RunId};

use crate::Image;

/// The reason that it gets with a refusal.
const OUTSIDE: &str =
    "this lies outside of the working directories, and nobody is there to be asked";

/// A question of Claude Code.
#[derive(Debug, Deserialize)]
pub(super) struct ControlRequest {
    pub(super) request_id: String,
    pub(super) request: Request,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
pub(super) enum Request {
    /// Asks for the permission to use a tool.
    CanUseTool {
        #[serde(default)]
        tool_name: String,
        #[serde(default)]
        input: Value,
        /// The path that it would touch, when that is why it asks.
        blocked_path: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

/// A message to the agent at work, under the id by which it says that it has it.
pub(super) fn message(text: &str, uuid: &str) -> String {
    let message = json!({"role": "user", "content": text});
    json!({"type": "user", "message": message, "uuid": uuid}).to_string() + "\n"
}

/// The id of a message, the same whenever it is sent: a session that has it ignores it.
pub(super) fn uuid(run: &RunId, number: u64) -> String {
    let digest = Digest::of(format!("{run}/{number}").as_bytes());
    let hex = digest.as_str();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    // Version 8: the bits are the program's own.
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
}

/// The prompt, with its images.
pub(super) fn prompt(text: &str, images: &[Image]) -> String {
    let block = |image: &Image| {
        let source = json!({"type": "base64", "media_type": image.mime, "data": image.base64()});
        json!({"type": "image", "source": source})
    };
    let content = match images {
        [] => json!(text),
        images => {
            let text = json!({"type": "text", "text": text});
            images.iter().map(block).chain([text]).collect()
        }
    };
    let message = json!({"role": "user", "content": content});
    json!({"type": "user", "message": message}).to_string() + "\n"
}

/// Whether a question is about a path outside the folders that the agent works in.
pub(super) fn is_outside(blocked: Option<&Path>, places: &[PathBuf]) -> bool {
    let Some(path) = blocked else { return false };
    let is_below = |place: &PathBuf| {
        path.starts_with(place) || place.canonicalize().is_ok_and(|place| path.starts_with(place))
    };
    !places.iter().any(is_below) || path.components().any(|part| part == Component::ParentDir)
}

/// The answer to a question. Questions that are not about a permission are answered with
/// an error.
pub(super) fn answer(id: &str, request: Request, may: bool) -> String {
    let response = match request {
        Request::CanUseTool { input, .. } if may => json!({
            "subtype": "success",
            "request_id": id,
            "response": {"behavior": "allow", "updatedInput": input},
        }),
        Request::CanUseTool { .. } => json!({
            "subtype": "success",
            "request_id": id,
            "response": {"behavior": "deny", "message": OUTSIDE},
        }),
        Request::Other => json!({"subtype": "error", "request_id": id, "error": "not supported"}),
    };
    json!({"type": "control_response", "response": response}).to_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_outside_are_recognised() {
        let places = ["/w".into(), "/v".into()];
        let outside = |path: &str| is_outside(Some(Path::new(path)), &places);
        assert!(!outside("/w/a") && !outside("/w") && !is_outside(None, &places));
        assert!(!outside("/v/a"));
        assert!(outside("/wa") && outside("/w/../etc") && outside("a"));
    }

    #[test]
    fn an_allowed_tool_runs_with_the_requested_input() {
        let ask = |request: Value| {
            let said = answer("r", serde_json::from_value(request).unwrap(), true);
            assert!(said.ends_with("}\n"));
            serde_json::from_str::<Value>(&said).unwrap()["response"].clone()
        };
        let may = ask(
            json!({"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": "ls"}}),
        );
        assert_eq!(
            may["response"],
            json!({"behavior": "allow", "updatedInput": {"command": "ls"}})
        );
        assert_eq!((&may["subtype"], &may["request_id"]), (&json!("success"), &json!("r")));
        assert_eq!(ask(json!({"subtype": "of_tomorrow"}))["subtype"], "error");
        let never =
            Request::CanUseTool { tool_name: "x".into(), input: json!({}), blocked_path: None };
        assert!(answer("r", never, false).contains(r#""behavior":"deny""#));
        let said: Value = serde_json::from_str(&prompt("a\n\"b\"", &[])).unwrap();
        assert_eq!(said["message"]["content"], "a\n\"b\"");
        let image = Image::of(b"GIF89a".to_vec()).unwrap();
        let said: Value = serde_json::from_str(&prompt("a", &[image])).unwrap();
        let source = json!({"type": "base64", "media_type": "image/gif", "data": "R0lGODlh"});
        let image = json!({"type": "image", "source": source});
        let blocks = json!([image, {"type": "text", "text": "a"}]);
        assert_eq!(said["message"]["content"], blocks);
    }
}
