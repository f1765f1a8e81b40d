//! Refusals of a script, and warnings about it.
//!
//! Owns: their data, and turning a byte offset into a line, a column and a snippet.
//! Never: decides whether a script is refused.

use crate::codes::Code;
use serde::{Deserialize, Serialize};

use super::position::{position_at, snippet};

/// Why a script is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{file_name}:{line}:{column}: {message}")]
pub struct ScriptRefusal {
    /// Its stable code.
    pub code: Code,
    /// A sentence for people, without the position.
    pub message: String,
    /// The caller's name of the script.
    pub file_name: String,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
    /// The line with a caret under the column; empty if no line can be shown.
    pub snippet: String,
}

/// A warning for the author of a valid script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptWarning {
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
    /// A sentence for people.
    pub message: String,
}

/// A reason to refuse a script, at a byte offset of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    pub(super) at: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: Code, at: usize, message: impl Into<String>) -> Self {
        Self { code, at, message: message.into() }
    }

    pub(super) fn with_position(self, text: &str, file_name: &str) -> ScriptRefusal {
        let place = position_at(text, self.at);
        ScriptRefusal {
            code: self.code,
            message: self.message,
            file_name: file_name.to_owned(),
            line: place.line,
            column: place.column,
            snippet: snippet(text, place.line, place.column),
        }
    }
}

/// A warning, at a byte offset of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OffsetWarning {
    pub(super) at: usize,
    pub(super) message: String,
}

impl OffsetWarning {
    pub(super) fn with_position(self, text: &str) -> ScriptWarning {
        let place = position_at(text, self.at);
        ScriptWarning { line: place.line, column: place.column, message: self.message }
    }
}
