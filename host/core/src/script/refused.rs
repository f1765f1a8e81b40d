//! Why a script is refused, and what its author is warned of.
//!
//! Owns: the codes, and turning a byte offset into what a person reads.
//! Never: decides whether a script is refused.

use serde::{Deserialize, Serialize};

use super::position::{position_at, snippet};

/// Stable codes of [`ScriptRefused`]. Add; never rename.
pub mod code {
    /// More bytes than [`crate::limits::SCRIPT_BYTES_MAX`].
    pub const SCRIPT_TOO_LARGE: &str = "script_too_large";
    /// Some bytes are not UTF-8.
    pub const SCRIPT_NOT_UTF8: &str = "script_not_utf8";
    /// A NUL character: some binary file.
    pub const SCRIPT_NUL: &str = "script_nul";
    /// Nothing but white space.
    pub const SCRIPT_EMPTY: &str = "script_empty";
    /// A comment, string or template that never ends hides whether there is a `meta`.
    pub const SCRIPT_SYNTAX: &str = "script_syntax";
    /// No `export const meta`.
    pub const META_MISSING: &str = "meta_missing";
    /// `const meta` without `export`.
    pub const META_NOT_EXPORTED: &str = "meta_not_exported";
    /// `const meta` inside a function or another block.
    pub const META_NESTED: &str = "meta_nested";
    /// `export let meta`, `export var meta`.
    pub const META_NOT_CONST: &str = "meta_not_const";
    /// `export const meta` twice.
    pub const META_DUPLICATE: &str = "meta_duplicate";
    /// Something in `meta` would have to run.
    pub const META_NOT_LITERAL: &str = "meta_not_literal";
    /// `as const`, `satisfies` or a type annotation.
    pub const META_TYPESCRIPT: &str = "meta_typescript";
    /// More levels of nesting than a `meta` may have.
    pub const META_TOO_DEEP: &str = "meta_too_deep";
    /// A key is missing or has a value of another type.
    pub const META_INVALID: &str = "meta_invalid";
}

/// A script that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{file_name}:{line}:{column}: {message}")]
pub struct ScriptRefused {
    /// One of [`code`].
    pub code: &'static str,
    /// A sentence for people, without the position.
    pub message: String,
    /// What the caller called the script.
    pub file_name: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The line and a caret under the place; empty where no line can be shown.
    pub snippet: String,
}

/// Something its author may want to know of a script that is fine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// A sentence for people.
    pub message: String,
}

/// A reason to refuse, at a byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) at: usize,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: &'static str, at: usize, message: impl Into<String>) -> Self {
        Self { code, at, message: message.into() }
    }

    pub(super) fn at_its_place(self, text: &str, file_name: &str) -> ScriptRefused {
        let place = position_at(text, self.at);
        ScriptRefused {
            code: self.code,
            message: self.message,
            file_name: file_name.to_owned(),
            line: place.line,
            column: place.column,
            snippet: snippet(text, place.line, place.column),
        }
    }
}

/// A warning, at a byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) at: usize,
    pub(super) message: String,
}

impl Note {
    pub(super) fn at_its_place(self, text: &str) -> Warning {
        let place = position_at(text, self.at);
        Warning { line: place.line, column: place.column, message: self.message }
    }
}
