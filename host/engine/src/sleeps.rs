//! Durable sleeps that are not over.
//!
//! Owns: the end of each sleep, by the wall clock and by the monotonic clock. Never: settles a
//! step.
//!
//! The wall clock ends a sleep after the machine was suspended. The monotonic clock ends
//! it when the wall clock was set back, so that no sleep is too long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smol_wf_core::ids::StepId;
use tokio::time::Instant;

/// When a sleep ends, by the clock that comes first.
#[derive(Debug, Clone, Copy)]
struct Ends {
    wake_at_us: i64,
    by: Instant,
}

/// Steps that sleep.
#[derive(Debug, Default)]
pub(crate) struct Sleeps {
    open: BTreeMap<StepId, Ends>,
    by_wall: BTreeSet<(i64, StepId)>,
    by_span: BTreeSet<(Instant, StepId)>,
}

impl Sleeps {
    /// Adds a sleep that ends at this wall-clock time, and after `left` at the latest.
    pub(crate) fn add(&mut self, step: StepId, wake_at_us: i64, left: Duration) {
        let by = Instant::now() + left;
        self.open.insert(step, Ends { wake_at_us, by });
        self.by_wall.insert((wake_at_us, step));
        self.by_span.insert((by, step));
    }

    /// Drops the sleep of a step.
    pub(crate) fn remove(&mut self, step: StepId) -> Option<i64> {
        let Ends { wake_at_us, by } = self.open.remove(&step)?;
        self.by_wall.remove(&(wake_at_us, step));
        self.by_span.remove(&(by, step));
        Some(wake_at_us)
    }

    /// Whether no sleep is open.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Removes and returns the steps whose sleeps are over, in the order of their ends.
    pub(crate) fn over(&mut self, now_us: i64) -> Vec<StepId> {
        let now = Instant::now();
        let by_wall = self.by_wall.iter().take_while(|(at_us, _)| *at_us <= now_us);
        let by_span = self.by_span.iter().take_while(|(by, _)| *by <= now);
        let over: BTreeSet<StepId> =
            by_wall.map(|(_, step)| *step).chain(by_span.map(|(_, step)| *step)).collect();
        let mut over: Vec<(i64, StepId)> = over
            .into_iter()
            .filter_map(|step| self.remove(step).map(|wake_at_us| (wake_at_us, step)))
            .collect();
        over.sort_unstable();
        over.into_iter().map(|(_, step)| step).collect()
    }

    /// When the first sleep ends by the wall clock, in microseconds since 1970.
    pub(crate) fn wakes_at_us(&self) -> Option<i64> {
        self.by_wall.first().map(|(at_us, _)| *at_us)
    }

    /// Time until the first sleep ends, by the clock that comes first.
    pub(crate) fn next(&self, now_us: i64) -> Option<Duration> {
        let (at_us, _) = self.by_wall.first()?;
        let (by, _) = self.by_span.first()?;
        let wall = Duration::from_micros(u64::try_from(at_us.saturating_sub(now_us)).unwrap_or(0));
        Some(wall.min(by.saturating_duration_since(Instant::now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn steps(sleeps: &mut Sleeps, now_us: i64) -> Vec<u32> {
        sleeps.over(now_us).into_iter().map(|step| step.0).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_set_back_makes_no_sleep_longer() {
        let mut sleeps = Sleeps::default();
        sleeps.add(StepId(1), 10 * S, Duration::from_secs(10));
        sleeps.add(StepId(2), 20 * S, Duration::from_secs(20));
        // An hour back.
        assert_eq!(sleeps.next(-3_600 * S), Some(Duration::from_secs(10)));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(steps(&mut sleeps, -3_590 * S), [1]);
        assert_eq!(sleeps.next(-3_590 * S), Some(Duration::from_secs(10)));
        assert_eq!(sleeps.wakes_at_us(), Some(20 * S));
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspended_machine_wakes_by_the_wall_clock_in_order() {
        let mut sleeps = Sleeps::default();
        for (step, at) in [(3, 30_i64), (1, 20), (2, 20), (4, 40)] {
            let left = Duration::from_secs(at.unsigned_abs());
            sleeps.add(StepId(step), at * S, left);
        }
        assert_eq!(steps(&mut sleeps, 19 * S), [] as [u32; 0]);
        assert_eq!(steps(&mut sleeps, 35 * S), [1, 2, 3]);
        assert_eq!(sleeps.remove(StepId(4)), Some(40 * S));
        assert_eq!((sleeps.next(0), sleeps.wakes_at_us()), (None, None));
    }
}
