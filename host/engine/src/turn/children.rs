//! The queue of child workflows that wait for an instance.
//!
//! Owns: the queue, and reporting a script to the machine. Never: searches a script.

use std::collections::{BTreeSet, VecDeque};

use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::StepId;
use smol_wf_core::journal::ScopeStart;
use smol_wf_core::limits::CHILDREN_OPEN_MAX;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_core::step_request::WorkflowTarget;

/// A `workflow` step whose script was not searched yet.
pub(crate) struct QueuedChild {
    pub(crate) step: StepId,
    /// Path of the script that has the step.
    pub(crate) caller: String,
    pub(crate) target: WorkflowTarget,
    pub(crate) args: Option<String>,
}

/// The script of a child, or why there is none.
pub(crate) type ChildScript = Result<Box<ScopeStart>, Failure>;

/// Child workflows in the order of their steps.
#[derive(Default)]
pub(super) struct ChildQueue {
    waiting: VecDeque<QueuedChild>,
}

impl ChildQueue {
    /// Takes the children out of these effects, and returns the other effects.
    pub(super) fn take_from(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut others = Vec::with_capacity(effects.len());
        let mut cut = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::FindChild { step, caller, target, args } => {
                    self.waiting.push_back(QueuedChild { step, caller, target, args });
                }
                other => {
                    if let Effect::Cancel(step) = other {
                        cut.insert(step);
                    }
                    others.push(other);
                }
            }
        }
        if !cut.is_empty() {
            self.waiting.retain(|child| !cut.contains(&child.step));
        }
        others
    }

    /// The next child, if there is room for it beside `open` instances, which include
    /// that of the first script.
    pub(super) fn next(&mut self, open: usize) -> Option<QueuedChild> {
        if open > CHILDREN_OPEN_MAX as usize {
            return None;
        }
        self.waiting.pop_front()
    }
}

/// Reports the result of a search to the machine.
pub(crate) fn report(machine: &mut Machine, step: StepId, found: ChildScript) {
    match found {
        Ok(start) => machine.child_found(*start),
        Err(failure) => machine.complete(step, Outcome::Failed(failure), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(step: u32) -> Effect {
        Effect::FindChild {
            step: StepId(step),
            caller: "a.js".to_owned(),
            target: WorkflowTarget::Name("b".to_owned()),
            args: None,
        }
    }

    #[test]
    fn children_wait_for_room_and_cancelled_ones_are_never_searched() {
        let mut queue = ChildQueue::default();
        let others = queue.take_from(vec![find(1), Effect::Cancel(StepId(9)), find(2), find(3)]);
        assert_eq!(others, [Effect::Cancel(StepId(9))]);
        let full = CHILDREN_OPEN_MAX as usize + 1;
        assert!(queue.next(full).is_none());
        assert_eq!(queue.next(full - 1).map(|child| child.step), Some(StepId(1)));
        assert_eq!(queue.take_from(vec![Effect::Cancel(StepId(2))]).len(), 1);
        assert_eq!(queue.next(0).map(|child| child.step), Some(StepId(3)));
        assert!(queue.next(0).is_none());
    }
}
