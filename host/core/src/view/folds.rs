//! What is folded in the tree, and what somebody opened or closed.
//!
//! Owns: which like siblings are shown as one row. Never: folds a step that went wrong,
//! waits for somebody, or is at work.

use std::collections::{HashMap, HashSet};

use super::state::StepState;
use super::stems::StemId;
use super::step_view::StepView;
use super::tree::{NodeId, Tree};

/// From this many like siblings on, they are one row.
const ALIKE_MIN: u32 = 4;

/// From this many siblings in the same state on, they are one row, however different
/// their labels are.
const UNLIKE_MIN: u32 = 8;

/// Siblings that are shown as one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    /// The node above them.
    pub parent: NodeId,
    /// Their state.
    pub state: StepState,
    /// What their labels have in common; none if they have nothing.
    pub stem: Option<StemId>,
}

/// What somebody closed and opened.
#[derive(Debug, Clone, Default)]
pub struct Folds {
    closed: HashSet<NodeId>,
    opened: HashSet<Group>,
}

impl Folds {
    /// Closes a node, or opens it again.
    pub fn toggle(&mut self, node: NodeId) {
        if !self.closed.remove(&node) {
            self.closed.insert(node);
        }
    }

    /// Shows the steps of a group below its row, or no more.
    pub fn toggle_group(&mut self, group: Group) {
        if !self.opened.remove(&group) {
            self.opened.insert(group);
        }
    }

    /// Whether what is below a node is hidden.
    #[must_use]
    pub fn is_closed(&self, node: NodeId) -> bool {
        self.closed.contains(&node)
    }

    /// Whether the steps of a group are shown below its row.
    #[must_use]
    pub fn is_open(&self, group: Group) -> bool {
        self.opened.contains(&group)
    }

    /// Opens every node that is closed, and closes every group.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// The groups among the siblings below one node.
pub(super) struct Groups {
    parent: NodeId,
    /// Steps of each state and stem.
    alike: HashMap<(StepState, Option<StemId>), u32>,
    /// Steps of each state that have too few of their like.
    unlike: HashMap<StepState, u32>,
}

impl Groups {
    /// Those among these children of a node.
    pub(super) fn of(tree: &Tree, parent: NodeId, children: &[NodeId]) -> Self {
        let mut alike: HashMap<_, u32> = HashMap::new();
        for step in children.iter().filter_map(|&child| foldable(tree, child)) {
            *alike.entry((step.state, step.stem)).or_default() += 1;
        }
        let mut unlike: HashMap<_, u32> = HashMap::new();
        for (&(state, stem), &count) in &alike {
            if count < ALIKE_MIN || stem.is_none() {
                *unlike.entry(state).or_default() += count;
            }
        }
        Self { parent, alike, unlike }
    }

    /// The group of a child and the number of its steps; none if the child has a row of
    /// its own.
    pub(super) fn group(&self, tree: &Tree, child: NodeId) -> Option<(Group, u32)> {
        let step = foldable(tree, child)?;
        let group = |stem| Group { parent: self.parent, state: step.state, stem };
        let alike = self.alike.get(&(step.state, step.stem)).copied().unwrap_or(0);
        if step.stem.is_some() && alike >= ALIKE_MIN {
            return Some((group(step.stem), alike));
        }
        let unlike = self.unlike.get(&step.state).copied().unwrap_or(0);
        let unlike_min =
            if step.stem.is_none() && alike == unlike { ALIKE_MIN } else { UNLIKE_MIN };
        (unlike >= unlike_min).then(|| (group(None), unlike))
    }
}

/// A step that may be in a group: nothing below it would be hidden.
fn foldable(tree: &Tree, child: NodeId) -> Option<&StepView> {
    let node = tree.node(child);
    node.step().filter(|step| step.state.is_folded() && node.children.is_empty())
}
