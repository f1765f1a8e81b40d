//! Why a run has no result.
//!
//! Owns: the one form of a script's error and of a stop. Never: words their messages.

use serde::Serialize;

use crate::guest::ScriptError;
use crate::journal::StopReason;
use crate::limits::LimitError;
use crate::module_text::ModuleText;
use crate::script::snippet;

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
    /// The path of the module that line and column are in; none is the script itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
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
    /// The line with a mark below the place, for people, if it is in a module.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

impl ReportError {
    /// Takes the line that it is in, if that is in one of these modules.
    pub(super) fn show(&mut self, modules: &[ModuleText]) {
        let module = modules.iter().find(|module| self.file.as_ref() == Some(&module.path));
        let place = self.line.zip(module);
        self.excerpt = place
            .map(|(line, module)| snippet(module.shown_text(), line, self.column.unwrap_or(1)));
    }
}

pub(super) fn script_error(error: &ScriptError) -> ReportError {
    let position = |number: u32| (number > 0).then_some(number);
    ReportError {
        code: error.failure.clone().unwrap_or_else(|| error.code.clone()),
        message: error.message.clone(),
        hint: None,
        reached: None,
        name: Some(error.name.clone()),
        file: error.file.clone(),
        line: position(error.line),
        column: position(error.column),
        stack: (!error.stack.is_empty()).then(|| error.stack.clone()),
        resets_at: None,
        excerpt: None,
    }
}

pub(super) fn stop_error(reason: &StopReason) -> ReportError {
    ReportError {
        code: reason.code().to_owned(),
        message: reason.message(),
        hint: None,
        reached: reason.reached().cloned().map(Box::new),
        name: None,
        file: None,
        line: None,
        column: None,
        stack: None,
        resets_at: reason.resets_at(),
        excerpt: None,
    }
}
