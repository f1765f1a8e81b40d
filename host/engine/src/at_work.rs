//! The agents of a run that are at work, and those that are being ended.
//!
//! Owns: the task of each. Never: starts an agent, or decides which one ends.

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
    /// The step, if its agent begins again.
    pub(crate) again: Option<QueuedAgent>,
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
    /// Tasks that wait until an agent has ended.
    ending: HashMap<StepId, AbortHandle>,
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

    /// Removes an agent that has ended by itself.
    pub(crate) fn remove(&mut self, step: StepId) {
        self.working.remove(&step);
    }

    /// The step of a task.
    pub(crate) fn step_of(&self, task: Id) -> Option<StepId> {
        let mut all = self.working.iter();
        all.find(|(_, working)| working.task.id() == task).map(|(step, _)| *step)
    }

    /// Ends the agent of a step. Returns its task if something is to be done when it has
    /// ended: its worktree is looked at, or it begins again.
    pub(crate) fn cut(&mut self, step: StepId, begins_again: bool) -> Option<AbortHandle> {
        if let Some(ending) = self.ending.remove(&step) {
            ending.abort();
        }
        let Working { task, is_isolated, .. } = self.working.remove(&step)?;
        task.abort();
        (begins_again || is_isolated).then_some(task)
    }

    /// Adds the task that waits until the agent of a step has ended.
    pub(crate) fn ends(&mut self, step: StepId, waits: AbortHandle) {
        self.ending.insert(step, waits);
    }

    /// The agent of a step has ended.
    pub(crate) fn ended(&mut self, step: StepId) {
        self.ending.remove(&step);
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Waits until an agent that was cut off has ended with all its programs, and looks at its
/// worktree.
pub(crate) async fn until_ended(
    agents: Arc<Agents>,
    cut: AbortHandle,
    step: StepId,
    again: Option<QueuedAgent>,
) -> CutAgent {
    // An aborted task drops its programs when it is polled for the last time.
    while !cut.is_finished() {
        yield_now().await;
    }
    agents.processes.all_ended().await;
    let kept = agents.finish_cut(step).await;
    CutAgent { step, kept, again }
}
