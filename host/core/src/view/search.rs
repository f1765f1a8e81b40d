//! Looking for steps again and again while a run goes on.
//!
//! Owns: which nodes fit, from one frame to the next, so that only those that changed are
//! looked at again. Never: what fits; the filter says that.

use super::filter::Filter;
use super::folds::Folds;
use super::rows::{Row, walked};
use super::run_view::RunView;
use super::tree::Tree;

/// A search in one view.
#[derive(Debug, Default)]
pub struct Search {
    filter: Filter,
    /// Whether each node fits by itself.
    fits: Vec<bool>,
    /// Changes of the tree that were looked at.
    seen: u64,
}

impl Search {
    /// A search that has looked at nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The visible rows, as [`rows`](super::rows()) finds them. The view must be the same
    /// each time.
    pub fn rows(&mut self, view: &RunView, folds: &Folds, filter: &Filter) -> Vec<Row> {
        if filter.is_all() {
            return walked(view, folds, None, true);
        }
        self.look(view.tree(), filter);
        let shown = shown(view.tree(), &self.fits);
        walked(view, folds, Some(&shown), filter.text().is_empty())
    }

    fn look(&mut self, tree: &Tree, filter: &Filter) {
        if self.filter != *filter {
            *self = Self { filter: filter.clone(), ..Self::default() };
        }
        let stale: Vec<usize> = self.stale(tree).collect();
        self.fits.resize(tree.len(), false);
        for place in stale {
            self.fits[place] = filter.fits(tree.at(place));
        }
        self.seen = tree.changes();
    }

    /// The places of the nodes that are new or have changed.
    fn stale(&self, tree: &Tree) -> impl Iterator<Item = usize> {
        let (seen, known) = (self.seen, self.fits.len());
        let marks = tree.marks().iter().enumerate();
        marks
            .filter(move |(place, mark)| mark.changed > seen || *place >= known)
            .map(|(place, _)| place)
    }
}

/// The nodes that fit, those above them, and what is below a phase that fits.
fn shown(tree: &Tree, fits: &[bool]) -> Vec<bool> {
    let marks = tree.marks();
    let mut shown = fits.to_vec();
    let mut is_within = vec![false; fits.len()];
    for (place, mark) in marks.iter().enumerate() {
        let Some(above) = mark.parent.map(|above| above.index()) else { continue };
        is_within[place] = is_within[above] || fits[above] && marks[above].is_phase;
        shown[place] |= is_within[place];
    }
    for (place, mark) in marks.iter().enumerate().rev() {
        if let Some(above) = mark.parent.filter(|_| shown[place]) {
            shown[above.index()] = true;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse::event_line;

    fn tell(view: &mut RunView, kind: &str, step: u32, text: &str) {
        let line = format!(
            r#"{{"type":"workflow.{kind}","metadata":{{"stepId":"{step}"}},"data":{{"label":"{text}","phase":null,"model":null,"kind":"tool","text":"{text}"}}}}"#
        );
        view.apply(&event_line(&line).unwrap().event);
    }

    #[test]
    fn only_what_has_changed_is_looked_at_again() {
        let (mut view, mut search) = (RunView::new(), Search::new());
        (1..=500).for_each(|step| tell(&mut view, "agent_queued", step, "a file"));
        let wanted = Filter::all().with_text("needle");
        let found = |search: &mut Search, view: &RunView| {
            search.rows(view, &Folds::default(), &wanted).len()
        };
        assert_eq!(search.stale(view.tree()).count(), 501);
        assert_eq!(found(&mut search, &view), 0);
        assert_eq!(search.stale(view.tree()).count(), 0);
        tell(&mut view, "agent_event", 7, "has a Needle");
        tell(&mut view, "agent_queued", 501, "needle, too");
        assert_eq!(search.stale(view.tree()).count(), 2);
        assert_eq!(found(&mut search, &view), 2);
        tell(&mut view, "agent_event", 7, "has none");
        assert_eq!(found(&mut search, &view), 1);
    }
}
