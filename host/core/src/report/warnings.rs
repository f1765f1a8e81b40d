//! What the author of a script should know of it.
//!
//! Owns: how a warning stands in the report, and the one that is read off a reply.
//! Never: decides what else is one.

use serde::Serialize;

use crate::call::Reply;
use crate::guest::{ANSWER_NOT_UTF8, Warning};
use crate::ids::CallId;

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

/// That an answer is not, to the byte, what its agent has printed. Of one that was
/// there already, it was said when it was given.
pub(crate) fn of_reply(call: CallId, reply: &Reply) -> Option<Warning> {
    let bytes = match reply.replaced_bytes {
        0 => return None,
        _ if reply.reused.is_some() => return None,
        1 => format!("1 byte of the answer to step {call} was"),
        many => format!("{many} bytes of the answer to step {call} were"),
    };
    Some(Warning {
        code: ANSWER_NOT_UTF8.to_owned(),
        message: format!(
            "{bytes} not UTF-8, and replaced by U+FFFD; have the agent's program print UTF-8"
        ),
        path: None,
        step: Some(call),
        line: 0,
        column: 0,
    })
}
