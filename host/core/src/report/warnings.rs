//! What the author of a script should know of it.
//!
//! Owns: how a warning stands in the report. Never: decides what is one.

use serde::Serialize;

use crate::guest::Warning;

/// A warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WarningReport {
    /// What, and where.
    #[serde(flatten)]
    pub warning: Warning,
    /// What people call the agent that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl WarningReport {
    pub(super) fn of(warning: &Warning, label: Option<String>) -> Self {
        Self { warning: warning.clone(), label }
    }
}
