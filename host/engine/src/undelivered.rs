//! Results of agents that their scripts have not been given yet.
//!
//! Owns: keeping them for the next holder of the run. Never: delivers one.

use std::collections::BTreeMap;

use smol_wf_core::attempts::ShutProvider;
use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::StepId;
use smol_wf_core::journal::Body;
use smol_wf_core::step_request::Reply;

use crate::agents::AgentOutcome;

/// The results that are not in the journal.
#[derive(Default)]
pub(crate) struct Undelivered {
    answers: BTreeMap<StepId, (Outcome, Reply)>,
    /// Steps with unavailable providers that no machine has parked.
    parked: Vec<(StepId, ShutProvider, Reply)>,
}

impl Undelivered {
    /// Keeps an answer until it is delivered.
    pub(crate) fn keep(&mut self, step: StepId, outcome: Outcome, reply: Reply) {
        self.answers.insert(step, (outcome, reply));
    }

    /// Keeps the result of an agent that no machine takes any more.
    pub(crate) fn keep_ended(&mut self, step: StepId, ended: AgentOutcome) {
        match ended {
            AgentOutcome::Settled(outcome, reply) => self.keep(step, outcome, reply),
            AgentOutcome::Shut(shut, reply) => self.parked.push((step, shut, reply)),
        }
    }

    /// The answer of this step was delivered, or is not wanted.
    pub(crate) fn remove(&mut self, step: StepId) {
        self.answers.remove(&step);
    }

    /// Takes an entry for each of them.
    pub(crate) fn take(&mut self) -> Vec<Body> {
        let parked = std::mem::take(&mut self.parked).into_iter();
        let mut bodies: Vec<Body> = parked
            .map(|(step, shut, reply)| {
                let failure = Failure::new(&shut.code, shut.message);
                Body::AgentParked { step, failure, reply: Box::new(reply) }
            })
            .collect();
        let answers = std::mem::take(&mut self.answers).into_iter();
        bodies.extend(answers.map(|(step, (outcome, reply))| Body::AgentAnswered {
            step,
            outcome,
            reply: Box::new(reply),
        }));
        bodies
    }
}
