//! Time in which this process did not run: Ctrl-Z, `kill -STOP`, a paused container, a
//! machine without CPU for it.
//!
//! Owns: noticing it. Never: decides what is delayed by it.
//!
//! Meanwhile nothing is read. A time limit that passed says nothing about an agent,
//! whose answer may be ready in a pipe, and a script's timer would win a race that it
//! had lost.

use std::time::Duration;

use tokio::time::Instant;

/// Longest wait without a look at the clock while an agent works or a timer runs.
const LOOK: Duration = Duration::from_secs(1);

/// The same while only people and sleeps are waited for: as often as the lease is
/// renewed, since each look costs CPU.
const IDLE_LOOK: Duration = Duration::from_secs(10);

/// A wait that ends later than this was a standstill, not a busy machine.
const LATE: Duration = Duration::from_secs(1);

/// One wait, up to a moment at which this process should run again.
pub(crate) struct Nap {
    pub(crate) until: Instant,
    look: Duration,
}

impl Nap {
    /// A wait until this moment, or shorter.
    pub(crate) fn before(due: Option<Instant>) -> Self {
        Self::looking(LOOK, due)
    }

    /// The same while no agent works and no timer runs.
    pub(crate) fn idle(due: Option<Instant>) -> Self {
        Self::looking(IDLE_LOOK, due)
    }

    fn looking(look: Duration, due: Option<Instant>) -> Self {
        let now = Instant::now();
        let latest = now + look;
        // A moment in the past is late without a standstill.
        Self { until: due.map_or(latest, |due| due.clamp(now, latest)), look }
    }

    /// How long this process stood still, if it did. Rounded up, so that no limit gets
    /// shorter.
    pub(crate) fn stood_still(&self) -> Option<Duration> {
        let late = Instant::now().saturating_duration_since(self.until);
        (late > LATE).then_some(late + self.look)
    }
}
