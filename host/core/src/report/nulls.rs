//! Why there are nulls among the results.
//!
//! Owns: the report's form of such a null. Never: finds the step whose failure a slot
//! holds; [`super::causes`] does.

use serde::Serialize;

use crate::guest::{Failure, GroupKind, NullSlot};
use crate::ids::StepId;

/// Why something is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NullReport {
    /// `parallel`, `pipeline` or `agent`.
    pub place: &'static str,
    /// Number of the construct in its script, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// Slot or item, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Stage that threw, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
    /// The step that answered null, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Label of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its stable code.
    pub code: String,
    /// The reason, as a sentence.
    pub reason: String,
    /// The path of the module that line and column are in; none is the script itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The author's line, from 1, where something threw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

pub(super) fn null_of_slot(slot: &NullSlot, cause: Option<(StepId, Option<String>)>) -> NullReport {
    let (step, label) = cause.unzip();
    let label = label.flatten();
    let place = match slot.group {
        GroupKind::Parallel => "parallel",
        GroupKind::Pipeline => "pipeline",
    };
    let position = |number: u32| (number > 0).then_some(number);
    NullReport {
        place,
        ordinal: Some(slot.ordinal),
        index: Some(slot.index),
        stage: slot.stage,
        step,
        label,
        code: slot.error.failure.clone().unwrap_or_else(|| slot.error.code.clone()),
        reason: format!("{}: {}", slot.error.name, slot.error.message),
        file: slot.error.file.clone(),
        line: position(slot.error.line),
        column: position(slot.error.column),
    }
}

pub(super) fn null_of_agent(step: StepId, title: &str) -> NullReport {
    null_of_failure(step, title, &Failure::new("agent_null", "the agent answered null"))
}

pub(super) fn null_of_failure(step: StepId, title: &str, failure: &Failure) -> NullReport {
    NullReport {
        place: "agent",
        ordinal: None,
        index: None,
        stage: None,
        step: Some(step),
        label: Some(title.to_owned()),
        code: failure.code.clone(),
        reason: failure.message.clone(),
        file: None,
        line: None,
        column: None,
    }
}
