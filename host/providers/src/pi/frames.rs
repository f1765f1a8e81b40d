//! The lines written to pi (`--mode rpc`): the prompt, messages to the agent, and answers to
//! its extensions.
//!
//! Owns: the form of these lines. Never: their order.
//!
//! Each is one line of JSON. pi refuses one that is cut, so no agent works on a part of a
//! prompt.

use serde_json::{Value, json};

/// Asks for the name of the session.
pub(super) fn state() -> String {
    line(&json!({"id": "state", "type": "get_state"}))
}

/// The prompt.
pub(super) fn prompt(text: &str) -> String {
    line(&json!({"id": "prompt", "type": "prompt", "message": text}))
}

/// A message to the agent at work: it goes to the model with the results of its tools.
pub(super) fn message(number: u64, text: &str) -> String {
    line(&json!({"id": message_id(number), "type": "steer", "message": text}))
}

/// The id of the frame of a message; pi's response names it.
pub(super) fn message_id(number: u64) -> String {
    format!("message-{number}")
}

/// The answer to a dialog of an extension: nobody is there.
pub(super) fn dismissal(id: &str) -> String {
    line(&json!({"type": "extension_ui_response", "id": id, "cancelled": true}))
}

fn line(frame: &Value) -> String {
    frame.to_string() + "\n"
}
