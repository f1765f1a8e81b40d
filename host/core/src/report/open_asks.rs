//! Questions to people that wait for an answer.
//!
//! Owns: which are open, and which of them are listed. Never: answers one.

use serde::Serialize;

use crate::event::AskOpened;
use crate::ids::StepId;
use crate::limits::ASKS_OPEN_MAX;
use crate::step::StepRequest;
use crate::steps::Steps;

/// A question that waits for an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenAskReport {
    /// Number of the step.
    pub step: StepId,
    /// What is asked.
    #[serde(flatten)]
    pub ask: AskOpened,
}

/// The open questions, by step. Those of a child that is over ended with it.
pub(super) fn open_asks(steps: &Steps) -> Vec<OpenAskReport> {
    let is_alive = |opened_by: Option<StepId>| opened_by.is_none_or(|by| steps.get(by).is_some());
    let open = steps.open().filter(|step| step.answered.is_none());
    let open = open.filter(|step| is_alive(step.scope.opened_by()));
    let asks = open.filter_map(|step| match &step.asked {
        StepRequest::Ask(request) => {
            Some(OpenAskReport { step: step.id, ask: AskOpened::of(request) })
        }
        _ => None,
    });
    // A run has no more; a forged journal may.
    asks.take(ASKS_OPEN_MAX).collect()
}
