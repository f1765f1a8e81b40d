//! The clock of this machine, for stores that live on it.
//!
//! Owns: the only place in this crate that reads the time of day. Never: decides
//! what has expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The current time in microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The time at which something that starts now and lasts this long ends, in
/// microseconds since 1970.
pub(crate) fn after(lasting: Duration) -> i64 {
    now_us().saturating_add(micros(lasting))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
