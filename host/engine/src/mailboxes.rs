//! The messages to the agents of a run, by step.
//!
//! Owns: which steps have some, and which came too late. Never: passes one to an agent.

use std::collections::HashMap;
use std::sync::Arc;

use smol_wf_core::ids::StepId;
use smol_wf_core::journal::Body;
use smol_wf_core::machine::{AgentRecord, Machine};
use smol_wf_core::message::AgentMessage;
use smol_wf_providers::Mailbox;

use crate::agents::AgentOutcome;
use crate::clock;

/// The mailboxes of the steps that have one.
#[derive(Default)]
pub(crate) struct Mailboxes {
    of_step: HashMap<StepId, Arc<Mailbox>>,
    /// Entries about messages that came too late, when the machine takes no more.
    late: Vec<Body>,
}

impl Mailboxes {
    /// The mailbox of a step.
    pub(crate) fn of(&mut self, step: StepId) -> Arc<Mailbox> {
        self.of_step.entry(step).or_default().clone()
    }

    /// Adds a message for the agent of a step.
    pub(crate) fn post(&mut self, step: StepId, message: AgentMessage) {
        self.of(step).post(message);
    }

    /// Forgets a step that was cut off, unless it begins again.
    pub(crate) fn cut(&mut self, step: StepId, begins_again: bool) {
        if !begins_again {
            self.of_step.remove(&step);
        }
    }

    /// The agent of a step has ended for good: what it was not told came too late.
    pub(crate) fn close(&mut self, step: StepId, machine: &mut Machine) {
        for record in self.too_late(step) {
            machine.record_agent(step, record, clock::now_us());
        }
    }

    /// The same, when the machine takes no more; [`Self::take_late`] has the entries. A step
    /// that waits for its provider keeps its messages.
    pub(crate) fn close_unheard(&mut self, step: StepId, ended: &AgentOutcome) {
        if matches!(ended, AgentOutcome::Shut(..)) {
            return;
        }
        let late = self.too_late(step).into_iter().map(|record| record.into_body(step));
        self.late.extend(late);
    }

    /// The entries about messages that came too late.
    pub(crate) fn take_late(&mut self) -> std::vec::IntoIter<Body> {
        std::mem::take(&mut self.late).into_iter()
    }

    fn too_late(&mut self, step: StepId) -> Vec<AgentRecord> {
        let mailbox = self.of_step.remove(&step);
        let untold = mailbox.map(|mailbox| mailbox.untold()).unwrap_or_default();
        untold.into_iter().map(|number| AgentRecord::Told { number, too_late: true }).collect()
    }
}
