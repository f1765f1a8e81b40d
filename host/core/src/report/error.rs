//! Why a run has no result.
//!
//! Owns: the one form of a script's error and of a stop. Never: words their messages.

use serde::Serialize;

use crate::guest::ScriptError;
use crate::journal::StopReason;
use crate::limits::LimitError;

/// Why a run failed or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportError {
    /// Its stable code.
    pub code: String,
    /// The message.
    pub message: String,
    /// What to do about it, where the program that shows the report knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The limit that was reached, with its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Box<LimitError>>,
    /// The error's own name, for a script's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The author's line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The author's frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// When the provider will be available again, as RFC 3339, if it said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<String>,
}

pub(super) fn script_error(error: &ScriptError) -> ReportError {
    let position = |number: u32| (number > 0).then_some(number);
    ReportError {
        code: error.failure.clone().unwrap_or_else(|| error.code.clone()),
        message: error.message.clone(),
        hint: None,
        reached: None,
        name: Some(error.name.clone()),
        line: position(error.line),
        column: position(error.column),
        stack: (!error.stack.is_empty()).then(|| error.stack.clone()),
        resets_at: None,
    }
}

pub(super) fn stop_error(reason: &StopReason) -> ReportError {
    ReportError {
        code: reason.code().to_owned(),
        message: reason.message(),
        hint: None,
        reached: reason.reached().cloned().map(Box::new),
        name: None,
        line: None,
        column: None,
        stack: None,
        resets_at: reason.resets_at(),
    }
}
