//! Questions to people that are open.
//!
//! Owns: which are open, and when the time of each is up. Never: shows one, or takes in
//! an answer.

use std::collections::BTreeSet;
use std::time::Duration;

use smol_wf_core::ids::StepId;

use crate::sleeps::Sleeps;

/// The open questions of a run.
#[derive(Debug, Default)]
pub(crate) struct OpenAsks {
    open: BTreeSet<StepId>,
    /// Those with a deadline, which is a sleep that an answer ends.
    deadlines: Sleeps,
}

impl OpenAsks {
    /// Adds a question. `deadline` is its end by the wall clock, and the longest time to
    /// wait for it.
    pub(crate) fn add(&mut self, step: StepId, deadline: Option<(i64, Duration)>) {
        self.open.insert(step);
        if let Some((at_us, left)) = deadline {
            self.deadlines.add(step, at_us, left);
        }
    }

    /// Drops a question that is answered or given up.
    pub(crate) fn remove(&mut self, step: StepId) {
        self.open.remove(&step);
        self.deadlines.remove(step);
    }

    /// Removes and returns the questions whose time is up.
    pub(crate) fn timed_out(&mut self, now_us: i64) -> Vec<StepId> {
        let over = self.deadlines.over(now_us);
        for step in &over {
            self.open.remove(step);
        }
        over
    }

    /// Number of open questions.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no question is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// When the first time is up by the wall clock, in microseconds since 1970.
    pub(crate) fn deadline_us(&self) -> Option<i64> {
        self.deadlines.wakes_at_us()
    }

    /// Whether a time is up.
    pub(crate) fn is_due(&self, now_us: i64) -> bool {
        self.next_deadline(now_us).is_some_and(|left| left.is_zero())
    }

    /// Time until the first time is up.
    pub(crate) fn next_deadline(&self, now_us: i64) -> Option<Duration> {
        self.deadlines.next(now_us)
    }
}
