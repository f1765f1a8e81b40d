//! The kind of a JSON value, in the words of messages.
//!
//! Owns: one word for each kind. Never: anything about what a value holds.

use serde_json::Value;

/// What a JSON value is, in words.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
