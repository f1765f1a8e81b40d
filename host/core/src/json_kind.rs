//! The type of a JSON value, for messages.
//!
//! Owns: one name for each type. Never: the content of a value.

use serde_json::Value;

/// The type of a JSON value, with its article.
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
