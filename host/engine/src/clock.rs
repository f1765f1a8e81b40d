//! The wall clock, and the engine's own intervals.
//!
//! Owns: the one place that reads the time of day. Never: tells it to a script;
//! scripts see the time of their last delivery.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a lease lasts without renewal. Long enough for a busy machine, short
/// enough to wait for.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How often a lease is renewed.
pub(crate) const LEASE_RENEWAL: Duration = Duration::from_secs(10);

/// A durable sleep reads the wall clock at least this often, so that a suspended
/// machine or a corrected clock is noticed.
pub(crate) const NAP_MAX: Duration = Duration::from_secs(20);

/// When a turn takes longer than this, its delivery is made durable meanwhile. Shorter
/// turns save that commit.
pub(crate) const LATE_TURN: Duration = Duration::from_millis(5);

/// Entries that no effect waits for are made durable after this long.
pub(crate) const LAZY_COMMIT: Duration = Duration::from_millis(20);

/// Microseconds since 1970.
#[must_use]
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
