//! Agents that wait for a person.
//!
//! Owns: which question of which agent waits, and passing the answers on. Never: decides
//! which question may be asked, or which answer counts; the machine does.

use std::collections::BTreeMap;

use smol_wf_core::ids::StepId;
use smol_wf_core::machine::Machine;
use smol_wf_providers::PermissionVerdict;
use tokio::sync::oneshot;

use crate::agent_events::AskedPermission;
use crate::clock;

/// The questions of the agents at work, by step and number.
#[derive(Debug, Default)]
pub(crate) struct AgentAsks {
    waiting: BTreeMap<(StepId, u32), oneshot::Sender<PermissionVerdict>>,
}

impl AgentAsks {
    /// Reports a question to the machine. If that refuses it, nobody is asked.
    pub(crate) fn ask(&mut self, asked: AskedPermission, machine: &mut Machine) {
        let AskedPermission { step, attempt, provider, ask, verdict } = asked;
        // The agent may be gone already.
        if verdict.is_closed() {
            return;
        }
        let of = (attempt, provider.as_str());
        if let Some(number) = machine.agent_asks(step, of, ask, clock::now_us()) {
            self.waiting.insert((step, number), verdict);
        }
    }

    /// Withdraws those questions of a step that its agent no longer waits for.
    pub(crate) fn withdraw(&mut self, step: StepId, machine: &mut Machine) {
        let of_step = self.waiting.range((step, 0)..=(step, u32::MAX));
        let closed = of_step.filter(|(_, verdict)| verdict.is_closed());
        let closed: Vec<(StepId, u32)> = closed.map(|(of, _)| *of).collect();
        for of in closed {
            self.waiting.remove(&of);
            machine.agent_ask_withdrawn(step, of.1, clock::now_us());
        }
    }

    /// Passes an answer on.
    pub(crate) fn answer(&mut self, of: (StepId, u32), allowed: bool, comment: Option<String>) {
        let Some(verdict) = self.waiting.remove(&of) else { return };
        // The agent may be gone.
        let _ = verdict.send(match allowed {
            true => PermissionVerdict::Allowed,
            false => PermissionVerdict::Refused { comment },
        });
    }

    /// Drops the questions of a step whose agent is cut off.
    pub(crate) fn forget(&mut self, step: StepId) {
        self.waiting.retain(|(of, _), _| *of != step);
    }

    /// Whether the agent of a step waits.
    pub(crate) fn is_waiting(&self, step: StepId) -> bool {
        self.waiting.range((step, 0)..=(step, u32::MAX)).next().is_some()
    }

    /// The steps whose agents wait.
    pub(crate) fn steps(&self) -> Vec<StepId> {
        let mut steps: Vec<StepId> = self.waiting.keys().map(|(step, _)| *step).collect();
        steps.dedup();
        steps
    }
}
