//! Time in which this process did not run: Ctrl-Z, `kill -STOP`, a paused
//! container, a machine that had no CPU left for it.
//!
//! Owns: noticing it. Never: says what is put off by it.
//!
//! While it lasts nobody is heard and nothing is read. A time limit that passed
//! meanwhile says nothing of an agent, whose answer may lie ready in a pipe, and a
//! script's timer would win a race that it had lost.

use std::time::Duration;

use tokio::time::Instant;

/// Nobody waits for longer than this without a look at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// What comes later than this was no busy machine.
const LATE: Duration = Duration::from_secs(1);

/// One wait, up to a moment at which this process is to run again.
pub(crate) struct Nap {
    pub(crate) until: Instant,
}

impl Nap {
    /// A wait for this moment, or for a shorter time.
    pub(crate) fn before(due: Option<Instant>) -> Self {
        let now = Instant::now();
        let look = now + LOOK;
        // One that is over already is late without a standstill.
        Self { until: due.map_or(look, |due| due.clamp(now, look)) }
    }

    /// How long this process stood still, when it did. Rounded up: what was left of
    /// a limit before is left of it after.
    pub(crate) fn stood_still(&self) -> Option<Duration> {
        let late = Instant::now().saturating_duration_since(self.until);
        (late > LATE).then_some(late + LOOK)
    }
}
