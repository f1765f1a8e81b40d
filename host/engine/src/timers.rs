//! The timers of a run's scripts.
//!
//! Owns: when each is due, by the monotonic clock, so that only time in which this
//! process holds the run counts. Never: knows what a timer is for.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use smol_wf_core::ids::TimerId;
use tokio::time::Instant;

/// Timers that are set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Timers that are due at the same time are in order of creation.
    queue: BTreeSet<(Instant, TimerId)>,
    due: HashMap<TimerId, Instant>,
}

impl Timers {
    /// Sets a timer. `now` is the same for all that are set together.
    pub(crate) fn set(&mut self, timer: TimerId, left_us: i64, now: Instant) {
        let left = Duration::from_micros(u64::try_from(left_us).unwrap_or(0));
        let due = now + left;
        self.queue.insert((due, timer));
        self.due.insert(timer, due);
    }

    /// Clears one timer.
    pub(crate) fn clear(&mut self, timer: TimerId) {
        if let Some(due) = self.due.remove(&timer) {
            self.queue.remove(&(due, timer));
        }
    }

    /// Clears all timers.
    pub(crate) fn clear_all(&mut self) {
        self.queue.clear();
        self.due.clear();
    }

    /// Whether no timer is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Makes all timers due that much later.
    pub(crate) fn put_off(&mut self, by: Duration) {
        self.queue = self.queue.iter().map(|(due, timer)| (*due + by, *timer)).collect();
        for due in self.due.values_mut() {
            *due += by;
        }
    }

    /// Removes and returns the next timer that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<TimerId> {
        let (due, timer) = *self.queue.first()?;
        if due > now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_of_one_moment_go_in_order_of_creation_and_cleared_ones_never() {
        let now = Instant::now();
        let mut timers = Timers::default();
        for (timer, left_us) in [(1, 500), (2, 100), (3, 100), (4, 0), (5, 100)] {
            timers.set(TimerId(timer), left_us, now);
        }
        timers.clear(TimerId(3));
        assert_eq!(timers.take_due(now), Some(TimerId(4)));
        assert_eq!(timers.take_due(now), None);
        timers.put_off(Duration::from_micros(50));
        assert_eq!(timers.take_due(now + Duration::from_micros(100)), None);
        let later = now + Duration::from_micros(150);
        let due: Vec<_> = std::iter::from_fn(|| timers.take_due(later)).collect();
        assert_eq!(due, [TimerId(2), TimerId(5)]);
        timers.clear_all();
        assert!(timers.is_empty() && timers.next().is_none());
    }
}
