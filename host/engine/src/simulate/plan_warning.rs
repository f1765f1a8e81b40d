//! The warnings of a plan.
//!
//! Owns: those that a run would give, and that its agents can have no worktree. Never:
//! plans.

use std::path::Path;

use serde::{Deserialize, Serialize};
use smol_wf_core::event::{EventData, EventFold, EventWarning};
use smol_wf_core::journal::Entry;

use crate::worktree::worktree_obstacle;

/// A warning that a run would give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanWarning {
    /// A stable code, if the warning has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The message, for people.
    pub message: String,
    /// Title of the step that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The author's line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// The warnings among the events of a run.
pub(super) fn warnings(entries: &[Entry]) -> Vec<PlanWarning> {
    let mut fold = EventFold::new();
    let events = entries.iter().flat_map(|entry| fold.after(entry));
    let warnings = events.filter_map(|event| match event.data {
        EventData::Warning(warning) => Some(warning),
        _ => None,
    });
    warnings
        .map(|EventWarning { code, message, label, line, column, .. }| PlanWarning {
            code,
            message,
            label,
            line,
            column,
        })
        .collect()
}

/// That no worktree can be made where agents work, for the step of this title.
pub(super) fn without_worktree(title: &str, cwd: &Path) -> Option<PlanWarning> {
    let error = worktree_obstacle(cwd)?;
    Some(PlanWarning {
        code: Some(error.code().word().to_owned()),
        message: error.to_string(),
        label: Some(title.to_owned()),
        line: None,
        column: None,
    })
}
