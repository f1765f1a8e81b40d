//! What is written to Claude Code where its questions are answered
//! (`--input-format stream-json`, `--permission-prompt-tool stdio`).
//!
//! Owns: the shape of these lines. Never: decides; whoever sets this up has.
//!
//! Each is one line of JSON, and Claude Code ends with an error at one that is
//! cut, so nobody works on a part of a prompt.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Image;

/// What it is told of a refusal.
const OUTSIDE: &str =
    "this lies outside of the working directories, and nobody is there to be asked";

/// A question of its.
#[derive(Debug, Deserialize)]
pub(super) struct ControlRequest {
    pub(super) request_id: String,
    pub(super) request: Request,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "subtype", rename_all = "snake_case")]
pub(super) enum Request {
    /// Whether it may use a tool so.
    CanUseTool {
        #[serde(default)]
        tool_name: String,
        #[serde(default)]
        input: Value,
        /// What it would touch, where that is why it asks.
        blocked_path: Option<PathBuf>,
    },
    #[serde(other)]
    Other,
}

/// The prompt, and the images that belong to it.
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

/// Whether what it asks about lies outside of the folders that it works in.
pub(super) fn is_outside(blocked: Option<&Path>, places: &[PathBuf]) -> bool {
    let Some(path) = blocked else { return false };
    let is_below = |place: &PathBuf| {
        path.starts_with(place) || place.canonicalize().is_ok_and(|place| path.starts_with(place))
    };
    !places.iter().any(is_below) || path.components().any(|part| part == Component::ParentDir)
}

/// Whether it may; and what it asks beside that, nobody here knows.
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
    fn what_lies_outside_is_known() {
        let places = ["/w".into(), "/v".into()];
        let outside = |path: &str| is_outside(Some(Path::new(path)), &places);
        assert!(!outside("/w/a") && !outside("/w") && !is_outside(None, &places));
        assert!(!outside("/v/a"));
        assert!(outside("/wa") && outside("/w/../etc") && outside("a"));
    }

    #[test]
    fn what_it_may_use_is_used_as_it_asked() {
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
