//! One finding of a check.
//!
//! Owns: its line and column, and the excerpt of the script. Never: finds anything.

use serde::Serialize;
use smol_wf_core::script::{self, position_at};

use super::rules::{Rule, Severity};

/// A finding about a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The name of the rule; see [`RULES`](super::RULES).
    pub rule: &'static str,
    /// The severity of the rule.
    pub severity: Severity,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The message.
    pub message: String,
    /// What to do about it; empty without advice.
    pub hint: String,
    /// The path of the module that it is in, from the project; none is the script itself.
    #[serde(skip)]
    pub module: Option<String>,
    /// The line of the script, with a mark under the column.
    #[serde(skip)]
    pub snippet: String,
}

/// A finding at a byte of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) rule: &'static Rule,
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Spot {
    pub(super) fn new(
        rule: &'static Rule,
        at: u32,
        message: String,
        hint: impl Into<String>,
    ) -> Self {
        Self { rule, at: at as usize, message, hint: hint.into() }
    }

    /// The finding for this spot, with line, column and the line of the script.
    pub(super) fn at_its_place(self, text: &str) -> Finding {
        let place = position_at(text, self.at);
        finding(self.rule, text, (place.line, place.column), self.message, self.hint)
    }
}

pub(super) fn finding(
    rule: &Rule,
    text: &str,
    (line, column): (u32, u32),
    message: String,
    hint: String,
) -> Finding {
    Finding {
        rule: rule.id,
        severity: rule.severity,
        line,
        column,
        message,
        hint,
        module: None,
        snippet: script::snippet(text, line, column),
    }
}
