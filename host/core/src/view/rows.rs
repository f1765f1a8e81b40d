//! The visible rows of the tree.
//!
//! Owns: which nodes and groups have a row, and in which order. Never: the text of a
//! row. A row is small and holds no text, so that thousands are made for every frame.

use std::collections::HashSet;

use super::filter::Filter;
use super::folds::{Folds, Group, Groups};
use super::run_view::RunView;
use super::search::Search;
use super::tree::{NodeId, NodeKind};

/// A row of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// How many nodes above it have a row.
    pub depth: u16,
    /// What it shows.
    pub kind: RowKind,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowKind {
    /// A phase.
    Phase(NodeId),
    /// A step.
    Step(NodeId),
    /// Like siblings.
    Group {
        /// Which ones.
        group: Group,
        /// Number of them.
        count: u32,
        /// The first of them.
        first: NodeId,
    },
}

impl Row {
    /// The node that it shows; of a group the first one.
    #[must_use]
    pub fn node(&self) -> NodeId {
        match self.kind {
            RowKind::Phase(node) | RowKind::Step(node) => node,
            RowKind::Group { first, .. } => first,
        }
    }
}

/// The visible rows. A node that does not fit the filter is shown if one below it does.
/// While a text is looked for nothing is folded. [`Search`] is for a reader who asks again
/// and again.
#[must_use]
pub fn rows(view: &RunView, folds: &Folds, filter: &Filter) -> Vec<Row> {
    Search::new().rows(view, folds, filter)
}

/// The rows of these nodes; none for all.
pub(super) fn walked(
    view: &RunView,
    folds: &Folds,
    shown: Option<&[bool]>,
    folds_groups: bool,
) -> Vec<Row> {
    let mut walk = Walk { view, folds, shown, folds_groups, rows: Vec::new() };
    walk.below(NodeId::ROOT, 0);
    walk.rows
}

struct Walk<'a> {
    view: &'a RunView,
    folds: &'a Folds,
    /// The nodes to show; none for all.
    shown: Option<&'a [bool]>,
    folds_groups: bool,
    rows: Vec<Row>,
}

impl Walk<'_> {
    fn below(&mut self, parent: NodeId, depth: u16) {
        let tree = self.view.tree();
        let all = &tree.node(parent).children;
        let fitting: Vec<NodeId>;
        let children = match self.shown {
            None => all,
            Some(shown) => {
                let is_shown = |child: &NodeId| shown.get(child.index()).is_some_and(|is| *is);
                fitting = all.iter().copied().filter(is_shown).collect();
                &fitting
            }
        };
        let groups = self.folds_groups.then(|| Groups::of(tree, parent, children));
        let mut seen: HashSet<Group> = HashSet::new();
        for &child in children {
            let group = groups.as_ref().and_then(|groups| groups.group(tree, child));
            let Some((group, count)) = group else {
                self.node(child, depth);
                continue;
            };
            if !seen.insert(group) {
                continue;
            }
            self.rows.push(Row { depth, kind: RowKind::Group { group, count, first: child } });
            if self.folds.is_open(group) {
                let is_in = |&other: &NodeId| {
                    groups.as_ref().and_then(|all| all.group(tree, other)) == Some((group, count))
                };
                for member in children.iter().copied().filter(is_in) {
                    self.node(member, depth + 1);
                }
            }
        }
    }

    fn node(&mut self, id: NodeId, depth: u16) {
        let node = self.view.tree().node(id);
        let kind = match node.kind {
            NodeKind::Phase(_) => RowKind::Phase(id),
            _ => RowKind::Step(id),
        };
        self.rows.push(Row { depth, kind });
        if !self.folds.is_closed(id) {
            self.below(id, depth + 1);
        }
    }
}
