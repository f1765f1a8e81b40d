//! What is folded in the tree, and what somebody opened or closed.
//!
//! Owns: which like siblings are shown as one row. Never: folds a step that went wrong,
//! waits for somebody, or is at work.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::state::StepState;
use super::stems::StemId;
use super::tree::{Mark, NodeId, Tree};

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
    alike: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    /// Steps of each state that have too few of their like, and how many of those have no
    /// stem.
    unlike: [(u32, u32); StepState::ALL.len()],
}

impl Groups {
    /// Those among these children of a node.
    pub(super) fn of(tree: &Tree, parent: NodeId, children: &[NodeId]) -> Self {
        let mut alike: HashMap<_, u32, _> = HashMap::default();
        for mark in children.iter().map(|&child| tree.mark_of(child)) {
            if mark.is_foldable {
                *alike.entry(key(mark)).or_default() += 1;
            }
        }
        let mut unlike = [(0, 0); StepState::ALL.len()];
        for (key, &count) in &alike {
            let (all, without_stem) = &mut unlike[(key % STATES) as usize];
            let has_stem = *key >= STATES;
            if !has_stem || count < ALIKE_MIN {
                *all += count;
                *without_stem += if has_stem { 0 } else { count };
            }
        }
        Self { parent, alike, unlike }
    }

    /// The group of a child and the number of its steps; none if the child has a row of
    /// its own.
    pub(super) fn group(&self, tree: &Tree, child: NodeId) -> Option<(Group, u32)> {
        let mark = tree.mark_of(child);
        if !mark.is_foldable {
            return None;
        }
        let group = |stem| Group { parent: self.parent, state: mark.state, stem };
        let alike = self.alike.get(&key(mark)).copied().unwrap_or(0);
        if mark.stem.is_some() && alike >= ALIKE_MIN {
            return Some((group(mark.stem), alike));
        }
        let (unlike, without_stem) = self.unlike[mark.state as usize];
        // Without a stem they are alike among themselves.
        let unlike_min = if unlike == without_stem { ALIKE_MIN } else { UNLIKE_MIN };
        (unlike >= unlike_min).then(|| (group(None), unlike))
    }
}

const STATES: u64 = StepState::ALL.len() as u64;

/// A number for each state and stem; below [`STATES`] without a stem.
fn key(mark: Mark) -> u64 {
    let stem = mark.stem.map_or(0, |stem| u64::from(stem.0) + 1);
    stem * STATES + mark.state as u64
}

/// Mixes a number: stems are numbered one after the other, so nobody can choose keys that
/// collide, and every frame hashes one for each step.
#[derive(Default)]
pub(super) struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, number: u64) {
        // The multiplier of Fibonacci hashing: 2^64 divided by the golden ratio.
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0 ^ number).wrapping_mul(GOLDEN).rotate_left(32);
    }
}
