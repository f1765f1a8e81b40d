//! The lines of the log that have a text, from one frame to the next.
//!
//! Owns: which lines were looked at. Never: what a line says.

use std::collections::VecDeque;

use smol_wf_core::view::{Filter, Log, LogLine};

/// What was found in one log.
#[derive(Debug, Default)]
pub(crate) struct LogSearch {
    text: String,
    /// Lines that were looked at, those included that the log has dropped.
    seen: u64,
    /// Numbers of those that fit, from 0 for the first line of the run.
    fitting: VecDeque<u64>,
}

impl LogSearch {
    /// The places of the lines that fit, as the log has them now. Lines never change, so
    /// only new ones are looked at. Returns how many there are.
    pub(crate) fn look(
        &mut self,
        log: &Log,
        filter: &Filter,
        said: impl Fn(&LogLine) -> String,
    ) -> usize {
        if self.text != filter.text() {
            *self = Self { text: filter.text().to_owned(), ..Self::default() };
        }
        while self.fitting.front().is_some_and(|&number| number < log.dropped()) {
            self.fitting.pop_front();
        }
        let first = self.seen.max(log.dropped());
        let known = usize::try_from(first - log.dropped()).unwrap_or(usize::MAX);
        for (number, line) in (first..).zip(log.lines().iter().skip(known)) {
            if filter.is_in(&said(line)) {
                self.fitting.push_back(number);
            }
        }
        self.seen = log.dropped() + log.lines().len() as u64;
        self.fitting.len()
    }

    /// The place in the log of the fitting line of this place.
    pub(crate) fn place(&self, log: &Log, at: usize) -> Option<usize> {
        let number = self.fitting.get(at)?.checked_sub(log.dropped())?;
        usize::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use smol_wf_core::event::parse::event_line;
    use smol_wf_core::view::{LOG_LINES_MAX, RunView};

    use super::*;

    #[test]
    fn each_line_is_looked_at_once_and_dropped_ones_are_forgotten() {
        let (mut view, mut search) = (RunView::new(), LogSearch::default());
        let say = |view: &mut RunView, number: usize| {
            let line = format!(r#"{{"type":"workflow.log","data":{{"message":"line {number}"}}}}"#);
            view.apply(&event_line(&line).unwrap().event);
        };
        let wanted = Filter::all().with_text("7");
        let looked = Cell::new(0);
        let mut look = |view: &RunView, wanted: &Filter| {
            looked.set(0);
            let said = |line: &LogLine| {
                looked.set(looked.get() + 1);
                line.text.clone()
            };
            let found = search.look(view.log(), wanted, said);
            let first = search.place(view.log(), 0).and_then(|at| view.log().lines().get(at));
            (found, looked.get(), first.map(|line| line.text.clone()))
        };
        (0..100).for_each(|number| say(&mut view, number));
        assert_eq!(look(&view, &wanted), (19, 100, Some("line 7".to_owned())));
        say(&mut view, 700);
        assert_eq!(look(&view, &wanted), (20, 1, Some("line 7".to_owned())));
        assert_eq!(look(&view, &Filter::all().with_text("99")).0, 1);
        look(&view, &wanted);
        (0..LOG_LINES_MAX - 1).for_each(|_| say(&mut view, 1));
        assert_eq!(look(&view, &wanted).0, 1);
        say(&mut view, 1);
        say(&mut view, 1);
        assert_eq!(look(&view, &wanted), (0, 2, None));
    }
}
