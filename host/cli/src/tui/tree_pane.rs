//! The tree of phases and steps: which rows there are, and which one is selected.
//!
//! Owns: the selection, which stays on its row while the run goes on, folds and filters.
//! Never: draws.

use smol_wf_core::view::{Filter, Folds, Group, NodeId, Row, RowKind, RunView, Search, StepState};

/// The filters by state, in the order in which a key goes through them.
const FILTERS: [(&str, &[StepState]); 6] = [
    ("failed", &[StepState::Failed, StepState::Null, StepState::Parked, StepState::Stopped]),
    ("working", &[StepState::Working]),
    ("waiting", &[StepState::Waiting, StepState::Sleeping]),
    ("queued", &[StepState::Queued]),
    ("done", &[StepState::Done, StepState::Reused]),
    ("all", &[]),
];

/// What is selected, whatever row it is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Selected {
    Node(NodeId),
    Group(Group),
}

impl Selected {
    fn of(row: &Row) -> Self {
        match row.kind {
            RowKind::Group { group, .. } => Self::Group(group),
            _ => Self::Node(row.node()),
        }
    }
}

/// The tree and its selection.
#[derive(Debug)]
pub(crate) struct TreePane {
    pub(crate) folds: Folds,
    search: String,
    /// Place in [`FILTERS`]; the last is none.
    filter: usize,
    /// What was found at the last frame.
    found: Search,
    rows: Vec<Row>,
    is_stale: bool,
    selected: Option<Selected>,
    at: usize,
    /// The first row that is shown, and how many are.
    top: usize,
    height: usize,
    /// The selection goes to what began last.
    pub(crate) follows: bool,
}

impl Default for TreePane {
    fn default() -> Self {
        Self {
            folds: Folds::default(),
            search: String::new(),
            filter: FILTERS.len() - 1,
            found: Search::new(),
            rows: Vec::new(),
            is_stale: true,
            selected: None,
            at: 0,
            top: 0,
            height: 0,
            follows: false,
        }
    }
}

impl TreePane {
    /// The run has changed.
    pub(crate) fn set_stale(&mut self) {
        self.is_stale = true;
    }

    /// The rows, as of the last [`Self::refresh`].
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The place of the selected row.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The selected row.
    pub(crate) fn row(&self) -> Option<&Row> {
        self.rows.get(self.at)
    }

    /// Makes the rows anew if something changed, and finds the selection again.
    pub(crate) fn refresh(&mut self, view: &RunView) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let filter = self.filter();
        self.rows = self.found.rows(view, &self.folds, &filter);
        let newest = self.follows.then(|| view.tree().working().last()).flatten();
        let wanted = newest.map(Selected::Node).or(self.selected);
        let found = wanted.and_then(|wanted| self.place_of(wanted, view));
        self.at = found.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
        self.selected = self.row().map(Selected::of);
    }

    /// The row of what was selected; of a step that was folded away the row of its group.
    fn place_of(&self, wanted: Selected, view: &RunView) -> Option<usize> {
        let exact = self.rows.iter().position(|row| Selected::of(row) == wanted);
        let Selected::Node(node) = wanted else { return exact };
        exact.or_else(|| {
            let (parent, step) = (view.tree().node(node).parent?, view.tree().step(node)?);
            self.rows.iter().position(|row| match row.kind {
                RowKind::Group { group, .. } => {
                    group.parent == parent
                        && group.state == step.state
                        && (group.stem.is_none() || group.stem == step.stem)
                }
                _ => false,
            })
        })
    }

    /// Which steps are shown.
    pub(crate) fn filter(&self) -> Filter {
        let states = FILTERS.get(self.filter).map_or(&[][..], |(_, states)| states);
        Filter::all().with_text(&self.search).with_states(states.iter().copied())
    }

    /// The word of the filter by state; none if there is none.
    pub(crate) fn filter_word(&self) -> Option<&'static str> {
        let is_none = self.filter + 1 == FILTERS.len();
        FILTERS.get(self.filter).filter(|_| !is_none).map(|(word, _)| *word)
    }

    /// What is searched for.
    pub(crate) fn search(&self) -> &str {
        &self.search
    }

    /// Searches for something else.
    pub(crate) fn set_search(&mut self, text: &str) {
        text.clone_into(&mut self.search);
        self.is_stale = true;
    }

    /// The next filter by state.
    pub(crate) fn next_filter(&mut self) {
        self.filter = (self.filter + 1) % FILTERS.len();
        self.is_stale = true;
    }

    /// Rows of a page.
    pub(crate) fn page(&self) -> isize {
        isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Selects the row `by` rows further down, or up.
    pub(crate) fn step_by(&mut self, by: isize) {
        self.select(self.at.saturating_add_signed(by));
    }

    /// Selects a row; the last one for a place behind it.
    pub(crate) fn select(&mut self, at: usize) {
        self.follows = false;
        self.at = at.min(self.rows.len().saturating_sub(1));
        self.selected = self.row().map(Selected::of);
    }

    /// The first of the rows that are shown in this height, so that the selected one is
    /// among them.
    pub(crate) fn scroll(&mut self, height: usize) -> usize {
        self.height = height;
        let last_top = self.rows.len().saturating_sub(height);
        let lowest = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at.max(lowest)).min(last_top.max(lowest));
        self.top
    }

    /// Opens or closes the selected row. Returns whether there was something to open.
    pub(crate) fn toggle(&mut self, view: &RunView) -> bool {
        let Some(row) = self.row().copied() else { return false };
        match row.kind {
            RowKind::Group { group, .. } => self.folds.toggle_group(group),
            _ if view.tree().node(row.node()).children.is_empty() => return false,
            _ => self.folds.toggle(row.node()),
        }
        self.is_stale = true;
        true
    }

    /// Whether the selected row is open: what is below it is shown.
    pub(crate) fn is_open(&self, view: &RunView) -> bool {
        self.row().is_some_and(|row| match row.kind {
            RowKind::Group { group, .. } => self.folds.is_open(group),
            _ => {
                let node = row.node();
                !view.tree().node(node).children.is_empty() && !self.folds.is_closed(node)
            }
        })
    }

    /// Selects the row above the selected one in the tree.
    pub(crate) fn select_parent(&mut self) {
        let Some(depth) = self.row().map(|row| row.depth).filter(|depth| *depth > 0) else {
            return;
        };
        let above = self.rows[..self.at].iter().rposition(|row| row.depth < depth);
        if let Some(at) = above {
            self.select(at);
        }
    }

    /// Opens all groups, or closes them again.
    pub(crate) fn toggle_all(&mut self) {
        let groups = self.rows.iter().filter_map(|row| match row.kind {
            RowKind::Group { group, .. } if !self.folds.is_open(group) => Some(group),
            _ => None,
        });
        let closed: Vec<Group> = groups.collect();
        if closed.is_empty() {
            self.folds.reset();
        }
        closed.into_iter().for_each(|group| self.folds.toggle_group(group));
        self.is_stale = true;
    }
}
