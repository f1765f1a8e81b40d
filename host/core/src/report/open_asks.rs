//! Questions to people that wait for an answer.
//!
//! Owns: which are open, those of scripts and those of agents, and which are listed. Never: answers one.

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

/// The open questions, by step. Those of a child that is over ended with it, and those of
/// agents with the process that held the run.
pub(super) fn open_asks(steps: &Steps, is_held: bool) -> Vec<OpenAskReport> {
    let is_alive = |opened_by: Option<StepId>| opened_by.is_none_or(|by| steps.get(by).is_some());
    let open = steps.open().filter(|step| step.answered.is_none());
    let open = open.filter(|step| is_alive(step.scope.opened_by()));
    let asks = open.flat_map(|step| {
        let of_script = match &step.asked {
            StepRequest::Ask(request) => Some(request),
            _ => None,
        };
        let of_agent = steps.asks(step.id).iter().filter(move |_| is_held);
        let asks = of_script.into_iter().chain(of_agent);
        asks.map(|request| OpenAskReport { step: step.id, ask: AskOpened::of(request) })
    });
    // A run has no more; a forged journal may.
    asks.take(ASKS_OPEN_MAX).collect()
}
