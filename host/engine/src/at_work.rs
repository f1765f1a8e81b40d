//! The agents of a run that are at work, and those that are being ended.
//!
//! Owns: the task of each, and what begins again when an agent has ended. Never: starts an
//! agent, or decides which one ends.

use std::collections::HashMap;
use std::sync::Arc;

use smol_wf_core::ids::StepId;
use smol_wf_core::step_request::AgentRequest;
use smol_wf_core::worktree::Worktree;
use tokio::task::{AbortHandle, Id, yield_now};

use crate::agents::Agents;
use crate::writer::Counted;

/// An agent step that waits for a free slot.
pub(crate) struct QueuedAgent {
    pub(crate) step: StepId,
    pub(crate) ordinal: u32,
    /// Shared with its entry: a hundred thousand may wait.
    pub(crate) request: Arc<AgentRequest>,
}

/// An agent that was ended before it answered.
pub(crate) struct CutAgent {
    pub(crate) step: StepId,
    /// Its worktree, if that was kept.
    pub(crate) kept: Option<Box<Worktree>>,
}

/// What follows for an agent that is cut.
pub(crate) enum Cut {
    /// It was not at work; it may be queued at once.
    Idle(Option<QueuedAgent>),
    /// Its task was aborted, and something is to be done when it has ended.
    Ending(AbortHandle),
    /// Nothing more is to be done now.
    Done,
}

struct Working {
    task: AbortHandle,
    /// Whether it has a worktree.
    is_isolated: bool,
    _counted: Counted,
}

/// The agents of a run that have a process.
#[derive(Default)]
pub(crate) struct AtWork {
    working: HashMap<StepId, Working>,
    /// Steps whose agent is being ended, each with what begins again then. No other agent
    /// of such a step begins before.
    ending: HashMap<StepId, Option<QueuedAgent>>,
}

impl AtWork {
    /// Number of agents at work. Those that are being ended do not count.
    pub(crate) fn len(&self) -> usize {
        self.working.len()
    }

    /// Whether no agent is at work or being ended.
    pub(crate) fn is_empty(&self) -> bool {
        self.working.is_empty() && self.ending.is_empty()
    }

    /// Whether some agents are at work, all of them do this, and none is being ended.
    pub(crate) fn all(&self, does: impl Fn(StepId) -> bool) -> bool {
        let mut working = self.working.keys();
        !self.working.is_empty() && self.ending.is_empty() && working.all(|step| does(*step))
    }

    /// Adds an agent that was started.
    pub(crate) fn add(
        &mut self,
        step: StepId,
        task: AbortHandle,
        is_isolated: bool,
        counted: Counted,
    ) {
        self.working.insert(step, Working { task, is_isolated, _counted: counted });
    }

    /// Removes an agent that has ended by itself. Returns false if it was cut before: then
    /// its result is not wanted.
    pub(crate) fn remove(&mut self, step: StepId) -> bool {
        self.working.remove(&step).is_some()
    }

    /// The step of a task.
    pub(crate) fn step_of(&self, task: Id) -> Option<StepId> {
        let mut all = self.working.iter();
        all.find(|(_, working)| working.task.id() == task).map(|(step, _)| *step)
    }

    /// Ends the agent of a step. `again` begins when it has ended.
    pub(crate) fn cut(&mut self, step: StepId, again: Option<QueuedAgent>) -> Cut {
        if let Some(ending) = self.ending.get_mut(&step) {
            *ending = again;
            return Cut::Done;
        }
        let Some(Working { task, is_isolated, .. }) = self.working.remove(&step) else {
            return Cut::Idle(again);
        };
        task.abort();
        if again.is_none() && !is_isolated {
            return Cut::Done;
        }
        self.ending.insert(step, again);
        Cut::Ending(task)
    }

    /// The agent of a step has ended. Returns what begins again.
    pub(crate) fn ended(&mut self, step: StepId) -> Option<QueuedAgent> {
        self.ending.remove(&step).flatten()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Waits until an agent that was cut off has ended with all its programs, and looks at its
/// worktree.
pub(crate) async fn until_ended(agents: Arc<Agents>, cut: AbortHandle, step: StepId) -> CutAgent {
    // An aborted task drops its programs when it is polled for the last time.
    while !cut.is_finished() {
        yield_now().await;
    }
    agents.processes.all_ended().await;
    let kept = agents.finish_cut(step).await;
    CutAgent { step, kept }
}
