//! What a failed attempt at an agent call means for the next one.
//!
//! Owns: whether and when a call is tried again, and which failures shut a
//! provider for the rest of the run. Never: waits; the engine does.

use serde::{Deserialize, Serialize};

use crate::call::Retry;
use crate::ids::{CallId, RunId};

/// The most attempts that the option `retry` may ask for: what fails ten times
/// fails for a reason that waiting does not mend.
pub const RETRY_ATTEMPTS_MAX: u32 = 10;

/// Wait before the second attempt when `retry` does not say, in milliseconds.
pub const RETRY_BACKOFF_MS_DEFAULT: u64 = 1_000;

/// The longest first wait that `retry` may ask for, in milliseconds.
pub const RETRY_BACKOFF_MS_MAX: u64 = 10 * 60 * 1_000;

/// No wait grows over this, in milliseconds.
const RETRY_WAIT_MS_MAX: u64 = 30 * 60 * 1_000;

/// Attempts of a call without `retry`: one lost connection does not become a
/// failure of the script.
const RETRY_ATTEMPTS_DEFAULT: u32 = 2;

/// A provider that asks to be left alone for longer than this, in
/// milliseconds, is shut until then: waiting would hold the run, and every
/// other call would hear the same.
pub const RATE_LIMIT_WAIT_MS_MAX: u64 = 60 * 1_000;

/// Why an attempt failed, as far as it matters for the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The connection broke off, or the process was killed.
    Broken,
    /// Too many requests just now.
    Crowded,
    /// It took too long, or was silent for too long.
    Slow,
    /// Not logged in, or nothing left: every call on the provider fails alike.
    Shut,
    /// Asking again would give the same.
    Final,
}

/// What becomes of a call whose attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is tried again after so many milliseconds.
    Again(u64),
    /// It has failed.
    Failed,
    /// It stays open: its provider is shut.
    Shut,
}

/// One failed attempt.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    /// Of which run.
    pub run: &'a RunId,
    /// At which call.
    pub call: CallId,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Why it failed.
    pub class: FailureClass,
    /// How long the provider asks to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Decides what becomes of a call after this attempt.
#[must_use]
pub fn after(failed: FailedAttempt<'_>, retry: Option<Retry>) -> Next {
    let too_long = failed.retry_after_ms.is_some_and(|ms| ms > RATE_LIMIT_WAIT_MS_MAX);
    let may_repeat = match failed.class {
        FailureClass::Shut => return Next::Shut,
        FailureClass::Crowded if too_long => return Next::Shut,
        FailureClass::Broken | FailureClass::Crowded => true,
        // Without being asked for, half an hour is not spent twice.
        FailureClass::Slow => retry.is_some(),
        FailureClass::Final => false,
    };
    let retry = retry.unwrap_or(Retry {
        max_attempts: RETRY_ATTEMPTS_DEFAULT,
        backoff_ms: RETRY_BACKOFF_MS_DEFAULT,
    });
    if may_repeat && failed.attempt < retry.max_attempts {
        Next::Again(wait_ms(failed, retry.backoff_ms))
    } else {
        Next::Failed
    }
}

/// Doubles with each attempt, is never less than the provider asks for, and up
/// to half as long again, so that calls that failed together do not come back
/// together. Drawn from the call, so that it is the same every time.
fn wait_ms(failed: FailedAttempt<'_>, backoff_ms: u64) -> u64 {
    let doublings = failed.attempt.saturating_sub(1).min(u64::BITS - 1);
    let base = backoff_ms.saturating_mul(1 << doublings).min(RETRY_WAIT_MS_MAX);
    let base = base.max(failed.retry_after_ms.unwrap_or(0));
    let drawn =
        blake3::hash(format!("{}/{}/{}", failed.run, failed.call, failed.attempt).as_bytes());
    let share =
        drawn.as_bytes().iter().take(2).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    base + base / 2 * share / u64::from(u16::MAX)
}

/// A provider that answers nobody for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutProvider {
    /// Who.
    pub provider: String,
    /// Stable code of the failure that said so.
    pub code: String,
    /// Its sentence.
    pub message: String,
    /// When it answers again, in milliseconds since 1970, when it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(run: &RunId, attempt: u32, class: FailureClass) -> FailedAttempt<'_> {
        FailedAttempt { run, call: CallId(3), attempt, class, retry_after_ms: None }
    }

    #[test]
    fn a_lost_connection_is_tried_once_more_without_being_asked() {
        let run = RunId::from_bits(1);
        for class in [FailureClass::Broken, FailureClass::Crowded] {
            assert!(matches!(after(failed(&run, 1, class), None), Next::Again(1_000..=1_500)));
            assert_eq!(after(failed(&run, 2, class), None), Next::Failed);
        }
        for class in [FailureClass::Slow, FailureClass::Final] {
            assert_eq!(after(failed(&run, 1, class), None), Next::Failed);
        }
    }

    #[test]
    fn waits_double_and_are_the_same_every_time() {
        let run = RunId::from_bits(1);
        let retry = Some(Retry { max_attempts: 10, backoff_ms: 100 });
        let wait = |attempt| match after(failed(&run, attempt, FailureClass::Slow), retry) {
            Next::Again(ms) => ms,
            other => panic!("{other:?}"),
        };
        for attempt in 1..10 {
            let base = 100 << (attempt - 1);
            assert!((base..=base * 3 / 2).contains(&wait(attempt)), "{attempt}: {}", wait(attempt));
            assert_eq!(wait(attempt), wait(attempt));
        }
        let shares: std::collections::BTreeSet<u64> =
            (1..10).map(|attempt| wait(attempt) * 1_000 / (100 << (attempt - 1))).collect();
        assert!(shares.len() > 5, "no jitter: {shares:?}");
    }

    #[test]
    fn a_provider_that_asks_for_time_gets_it_or_is_shut() {
        let run = RunId::from_bits(1);
        let asked = |retry_after_ms, class| FailedAttempt {
            retry_after_ms: Some(retry_after_ms),
            ..failed(&run, 1, class)
        };
        let soon = after(asked(20_000, FailureClass::Crowded), None);
        assert!(matches!(soon, Next::Again(20_000..=30_000)), "{soon:?}");
        let late = asked(RATE_LIMIT_WAIT_MS_MAX + 1, FailureClass::Crowded);
        assert_eq!(after(late, Some(Retry { max_attempts: 9, backoff_ms: 1 })), Next::Shut);
        assert_eq!(after(asked(1, FailureClass::Shut), None), Next::Shut);
    }
}
