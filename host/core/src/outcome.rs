//! The outcome of a step: a value or a failure.
//!
//! Owns: both, as they are journaled and given to a script. Never: decides which of
//! them a step gets.

use serde::{Deserialize, Serialize};

/// Why a step failed or a call was refused. Journaled in this form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its stable code; see `docs/errors.md`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// Name of the error in the script, if it is an error of a child; none leaves the
    /// name to the function that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where a child threw it, as `file:line:column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Failure {
    /// A failure with a code of [`crate::codes`].
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), name: None, place: None }
    }
}

/// The text of an [`Outcome::Value`] that is `undefined`: a child workflow that
/// returned nothing. JSON text is never empty.
pub const UNDEFINED: &str = "";

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// JSON text, `null` included, or [`UNDEFINED`].
    Value(String),
    /// The failure.
    Failed(Failure),
}
