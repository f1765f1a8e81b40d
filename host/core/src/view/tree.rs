//! The tree of a run: scripts, their phases, and their steps.
//!
//! Owns: the nodes, who is below whom, and the sums of every node, which follow each
//! change of a state. Never: which event changes a state.

use std::collections::{BTreeMap, BTreeSet};

use super::counts::Counts;
use super::state::StepState;
use super::stems::StemId;
use super::step_view::StepView;
use crate::reply::Usage;
use crate::step::StepKind;

/// Deepest node: far more than scripts can nest; a file may claim anything.
const DEPTH_MAX: usize = 32;

/// A node of the tree of one view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl NodeId {
    /// Its place in a list with one item for each node.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// The script of the run itself.
    pub const ROOT: Self = Self(0);
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum NodeKind {
    /// The script of the run.
    Run,
    /// A phase of a script: its title.
    Phase(String),
    /// A step. A `workflow()` step has the phases and steps of its script below it.
    Step(Box<StepView>),
}

/// A node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The node above it; none for the run.
    pub parent: Option<NodeId>,
    /// The nodes below it, in the order in which they appeared.
    pub children: Vec<NodeId>,
    /// Sums over the steps below it, and itself.
    pub counts: Counts,
    /// When the first step below it began, in milliseconds.
    pub first_ms: Option<u64>,
    /// When the last step below it ended, in milliseconds.
    pub last_ms: Option<u64>,
    /// What it is.
    pub kind: NodeKind,
    depth: usize,
}

impl Node {
    /// The step, if it is one.
    #[must_use]
    pub fn step(&self) -> Option<&StepView> {
        match &self.kind {
            NodeKind::Step(step) => Some(step),
            _ => None,
        }
    }

    /// Whether a step below it, or itself, is queued, at work, waiting or asleep.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let open = [StepState::Queued, StepState::Working, StepState::Waiting, StepState::Sleeping];
        open.into_iter().any(|state| self.counts.steps.get(state) > 0)
    }

    /// Milliseconds from the first start below it to the last end, or until now.
    #[must_use]
    pub fn took_ms(&self, now_ms: u64) -> Option<u64> {
        let until = if self.is_open() { now_ms } else { self.last_ms.unwrap_or(now_ms) };
        Some(until.saturating_sub(self.first_ms?))
    }
}

/// What decides whether a node is shown or folded, apart from the node: every frame reads
/// it of all nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) parent: Option<NodeId>,
    pub(super) is_phase: bool,
    pub(super) state: StepState,
    pub(super) stem: Option<StemId>,
    /// It is a step that may be folded: nothing below it would be hidden.
    pub(super) is_foldable: bool,
    /// The change in which its texts or its state became what they are.
    pub(super) changed: u64,
}

/// The tree.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// One for each node. A node stands behind the ones above it.
    marks: Vec<Mark>,
    /// Changes of nodes so far.
    changes: u64,
    /// Steps without an outcome.
    open: BTreeSet<NodeId>,
    /// Agents at work, in the order of their start.
    working: BTreeMap<u64, NodeId>,
    started: u64,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: vec![node(None, NodeKind::Run, 0)],
            marks: vec![Mark::new(None, &NodeKind::Run)],
            changes: 0,
            open: BTreeSet::new(),
            working: BTreeMap::new(),
            started: 0,
        }
    }
}

impl Mark {
    fn new(parent: Option<NodeId>, kind: &NodeKind) -> Self {
        let state = match kind {
            NodeKind::Step(step) => step.state,
            _ => StepState::Queued,
        };
        let is_phase = matches!(kind, NodeKind::Phase(_));
        Self { parent, is_phase, state, stem: None, is_foldable: false, changed: 0 }
    }
}

fn node(parent: Option<NodeId>, kind: NodeKind, depth: usize) -> Node {
    Node {
        parent,
        children: Vec::new(),
        counts: Counts::default(),
        first_ms: None,
        last_ms: None,
        kind,
        depth,
    }
}

impl Tree {
    /// A node; the run itself for one of another tree.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.0 as usize).unwrap_or(&self.nodes[0])
    }

    /// A step.
    #[must_use]
    pub fn step(&self, id: NodeId) -> Option<&StepView> {
        self.node(id).step()
    }

    /// The script of the run.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.nodes[0]
    }

    /// Agents at work, in the order of their start.
    pub fn working(&self) -> impl ExactSizeIterator<Item = NodeId> + '_ {
        self.working.values().copied()
    }

    /// Steps without an outcome, in the order in which they appeared.
    pub fn open(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.open.iter().copied()
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing below the run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() <= 1
    }

    /// Whether a node is this one, or below it.
    pub(super) fn is_within(&self, id: NodeId, top: NodeId) -> bool {
        std::iter::successors(Some(id), |&id| self.node(id).parent).any(|id| id == top)
    }

    /// A step that is about to change.
    pub(super) fn step_mut(&mut self, id: NodeId) -> Option<&mut StepView> {
        self.changes += 1;
        if let Some(mark) = self.marks.get_mut(id.0 as usize) {
            mark.changed = self.changes;
        }
        match &mut self.nodes.get_mut(id.0 as usize)?.kind {
            NodeKind::Step(step) => Some(step),
            _ => None,
        }
    }

    /// Adds a node. One that would be too deep goes below the run.
    pub(super) fn add(&mut self, parent: NodeId, kind: NodeKind) -> Option<NodeId> {
        let id = NodeId(u32::try_from(self.nodes.len()).ok()?);
        let depth = self.node(parent).depth + 1;
        let (parent, depth) = if depth > DEPTH_MAX { (NodeId::ROOT, 1) } else { (parent, depth) };
        let step = match &kind {
            NodeKind::Step(step) => Some((step.kind, step.state)),
            _ => None,
        };
        self.marks.push(Mark::new(Some(parent), &kind));
        self.nodes.push(node(Some(parent), kind, depth));
        self.nodes[parent.0 as usize].children.push(id);
        self.mark(parent);
        self.mark(id);
        if let Some((kind, state)) = step {
            self.open.insert(id);
            self.count(id, kind, None, state);
        }
        Some(id)
    }

    /// Sets the state of a step that has no outcome yet. Returns whether it is such a
    /// step.
    pub(super) fn set_state(&mut self, id: NodeId, state: StepState, at_ms: u64) -> bool {
        let Some(step) = self.step_mut(id).filter(|step| step.ended_ms.is_none()) else {
            return false;
        };
        let (kind, before) = (step.kind, step.state);
        step.state = state;
        let rests = matches!(state, StepState::Parked | StepState::Stopped);
        step.rest_ms = rests.then_some(at_ms);
        if state == StepState::Queued {
            // It begins anew.
            step.started_ms = None;
        }
        let left = step.work_order.take();
        let begins = state == StepState::Working && kind == StepKind::Agent;
        if matches!(state, StepState::Working | StepState::Waiting | StepState::Sleeping) {
            let first = *step.started_ms.get_or_insert(at_ms);
            self.each_above(id, |node| {
                node.first_ms = Some(node.first_ms.map_or(first, |ms| ms.min(first)));
            });
        }
        if let Some(order) = left {
            self.working.remove(&order);
        }
        if begins {
            let order = left.unwrap_or(self.started);
            self.started += u64::from(left.is_none());
            self.working.insert(order, id);
            if let Some(step) = self.step_mut(id) {
                step.work_order = Some(order);
            }
        }
        if before != state {
            self.count(id, kind, Some(before), state);
            self.mark(id);
        }
        true
    }

    /// Settles a step that has no outcome yet. Returns whether it is such a step.
    pub(super) fn end(&mut self, id: NodeId, state: StepState, at_ms: u64) -> bool {
        if !self.set_state(id, state, at_ms) {
            return false;
        }
        let (mut is_agent, mut took) = (false, None);
        if let Some(step) = self.step_mut(id) {
            step.ended_ms = Some(at_ms);
            (is_agent, took) = (step.kind == StepKind::Agent, step.took_ms(at_ms));
        }
        self.open.remove(&id);
        self.each_above(id, |node| {
            node.last_ms = node.last_ms.max(Some(at_ms));
            node.counts.steps.settle();
            if is_agent {
                node.counts.agents.settle();
                took.iter().for_each(|took_ms| node.counts.worked(*took_ms));
            }
        });
        true
    }

    /// Adds what an agent used.
    pub(super) fn spend(&mut self, id: NodeId, usage: Usage, cost_usd: Option<f64>) {
        if let Some(step) = self.step_mut(id) {
            step.usage += usage;
            if let Some(cost_usd) = cost_usd {
                *step.cost_usd.get_or_insert(0.0) += cost_usd;
            }
        }
        self.each_above(id, |node| node.counts.add(usage, cost_usd.unwrap_or_default()));
    }

    /// Sets the label of a step, and what it has in common with those of its like.
    pub(super) fn set_label(&mut self, id: NodeId, label: String, stem: Option<StemId>) {
        if let Some(step) = self.step_mut(id) {
            step.label = label;
            step.stem = stem;
        }
        self.mark(id);
    }

    /// The mark of a node.
    pub(super) fn mark_of(&self, id: NodeId) -> Mark {
        self.marks.get(id.0 as usize).copied().unwrap_or(self.marks[0])
    }

    /// The marks of all nodes, by their places.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The node of this place.
    pub(super) fn at(&self, place: usize) -> &Node {
        self.nodes.get(place).unwrap_or(&self.nodes[0])
    }

    /// Changes of nodes so far.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn mark(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get(id.0 as usize) else { return };
        let Some(step) = node.step() else { return };
        let is_foldable = step.state.is_folded() && node.children.is_empty();
        let (state, stem) = (step.state, step.stem);
        if let Some(mark) = self.marks.get_mut(id.0 as usize) {
            *mark = Mark { state, stem, is_foldable, ..*mark };
        }
    }

    fn count(&mut self, id: NodeId, kind: StepKind, from: Option<StepState>, to: StepState) {
        self.each_above(id, |node| {
            node.counts.steps.change(from, to);
            if kind == StepKind::Agent {
                node.counts.agents.change(from, to);
            }
        });
    }

    /// Changes a node and all above it.
    fn each_above(&mut self, id: NodeId, change: impl Fn(&mut Node)) {
        let mut next = Some(id);
        while let Some(node) = next.and_then(|id| self.nodes.get_mut(id.0 as usize)) {
            change(node);
            next = node.parent;
        }
    }
}
