//! The clock of this machine, for the stores that are on it.
//!
//! Owns: the one place of this crate that reads the time of day. Never: decides
//! what is over by it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub(crate) fn now_us() -> i64 {
    micros(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// When what begins now and lasts so long is over.
pub(crate) fn after(lasting: Duration) -> i64 {
    now_us().saturating_add(micros(lasting))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
