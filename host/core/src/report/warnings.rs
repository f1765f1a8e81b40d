//! Warnings for the author of a script.
//!
//! Owns: the report's form of a warning, and the warning that follows from a reply.
//! Never: makes other warnings.

use serde::Serialize;

use crate::guest::{ANSWER_NOT_UTF8, Warning};
use crate::ids::StepId;
use crate::step_request::Reply;

/// A warning in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WarningReport {
    /// The warning and its position.
    #[serde(flatten)]
    pub warning: Warning,
    /// Label of the step that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl WarningReport {
    pub(super) fn of(warning: &Warning, label: Option<String>) -> Self {
        Self { warning: warning.clone(), label }
    }
}

/// The warning that an answer differs from the bytes that its agent printed; none for
/// a reused answer, because the run that made it has given the warning.
pub(crate) fn of_reply(step: StepId, reply: &Reply) -> Option<Warning> {
    let bytes = match reply.replaced_bytes {
        0 => return None,
        _ if reply.reused.is_some() => return None,
        1 => format!("1 byte of the answer to step {step} was"),
        many => format!("{many} bytes of the answer to step {step} were"),
    };
    Some(Warning {
        code: ANSWER_NOT_UTF8.to_owned(),
        message: format!(
            "{bytes} not UTF-8, and replaced by U+FFFD; have the agent's program print UTF-8"
        ),
        path: None,
        step: Some(step),
        line: 0,
        column: 0,
    })
}
