//! The wall clock, and the spans of time that the engine keeps to.
//!
//! Owns: the one place that reads the time of day. Never: tells it to a script;
//! scripts see the time of their last delivery.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a lease lasts without renewal. Long enough for a machine that is short
/// of CPU, short enough to wait for.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// How often a lease is renewed.
pub(crate) const LEASE_RENEWAL: Duration = Duration::from_secs(10);

/// Longest nap of a durable sleep before the wall clock is looked at again: a
/// suspended machine or a corrected clock is noticed within it.
pub(crate) const NAP_MAX: Duration = Duration::from_secs(20);

/// A turn that takes longer than this gets company: what was delivered to it is
/// made durable meanwhile. Shorter ones save that commit.
pub(crate) const LATE_TURN: Duration = Duration::from_millis(5);

/// Entries that no effect waits for are made durable after this long.
pub(crate) const LAZY_COMMIT: Duration = Duration::from_millis(20);

/// Microseconds since 1970.
#[must_use]
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
