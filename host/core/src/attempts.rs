//! Retries: what follows from a failed attempt at an agent step.
//!
//! Owns: whether, when and in which session a step is tried again, and which failures
//! shut a provider for the rest of the epoch. Never: waits; the engine does.

use serde::{Deserialize, Serialize};

use crate::ids::{RunId, StepId};
use crate::step_request::Retry;

/// The most attempts that the option `retry` may ask for: waiting does not help a step
/// that fails ten times.
pub const RETRY_ATTEMPTS_MAX: u32 = 10;

/// Wait before the second attempt when `retry` does not say, in milliseconds.
pub const RETRY_BACKOFF_MS_DEFAULT: u64 = 1_000;

/// The longest first wait that `retry` may ask for, in milliseconds.
pub const RETRY_BACKOFF_MS_MAX: u64 = 10 * 60 * 1_000;

/// The longest wait before jitter, in milliseconds.
const RETRY_WAIT_MS_MAX: u64 = 30 * 60 * 1_000;

/// Attempts of a step without `retry`, so that one lost connection does not fail the
/// script.
const RETRY_ATTEMPTS_DEFAULT: u32 = 2;

/// Attempts of a step without `retry` whose agent falls silent: the first, one that
/// continues its session, and a fresh one.
const SILENT_ATTEMPTS_DEFAULT: u32 = 3;

/// A provider that asks to wait for longer than this, in milliseconds, is shut until
/// then: waiting would hold the run, and every other step would get the same answer.
pub const RATE_LIMIT_WAIT_MS_MAX: u64 = 60 * 1_000;

/// Why an attempt failed, as far as this matters for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The connection broke off, or the process was killed.
    Broken,
    /// The provider had too many requests.
    Crowded,
    /// The agent was silent for too long.
    Silent,
    /// The agent took too long.
    Slow,
    /// Not logged in, or no credit left: every step of the provider would fail.
    Shut,
    /// Cause unknown; also sessions that cannot be continued.
    Unclear,
    /// Another attempt would fail in the same way.
    Final,
}

/// How an attempt begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryStart {
    /// With the prompt alone.
    Fresh,
    /// In the session of the attempt that took too long, so that its work is not done,
    /// or paid for, a second time.
    InSession,
}

/// The decision after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again.
    Again {
        /// Wait before the next attempt, in milliseconds.
        wait_ms: u64,
        /// How it begins; fresh if there is no session to continue.
        start: RetryStart,
    },
    /// Give up: the step has failed.
    Failed,
    /// Shut the provider; the step stays open.
    Shut,
}

/// One failed attempt.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The step.
    pub step: StepId,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// How it began.
    pub start: RetryStart,
    /// Why it failed.
    pub class: FailureClass,
    /// How long the provider asks to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Decides whether and how a step is tried again after this attempt.
#[must_use]
pub fn after(failed: FailedAttempt<'_>, retry: Option<Retry>) -> RetryDecision {
    let too_long = failed.retry_after_ms.is_some_and(|ms| ms > RATE_LIMIT_WAIT_MS_MAX);
    let in_session = failed.start == RetryStart::InSession;
    let may_repeat = match failed.class {
        FailureClass::Shut => return RetryDecision::Shut,
        FailureClass::Crowded if too_long => return RetryDecision::Shut,
        FailureClass::Broken | FailureClass::Crowded | FailureClass::Silent => true,
        // Half an hour is not spent twice unless the script asks for it.
        FailureClass::Slow => retry.is_some() || in_session,
        // The session may be the cause.
        FailureClass::Unclear => in_session,
        FailureClass::Final => false,
    };
    let is_about_silence = in_session || failed.class == FailureClass::Silent;
    let max_attempts = match retry {
        Some(retry) => retry.max_attempts,
        None if is_about_silence => SILENT_ATTEMPTS_DEFAULT,
        None => RETRY_ATTEMPTS_DEFAULT,
    };
    if !may_repeat || failed.attempt >= max_attempts {
        return RetryDecision::Failed;
    }
    let start = match failed.class {
        // The session, if there is one, is not the cause.
        FailureClass::Crowded => failed.start,
        FailureClass::Silent | FailureClass::Slow if !in_session => RetryStart::InSession,
        _ => RetryStart::Fresh,
    };
    let backoff_ms = retry.map_or(RETRY_BACKOFF_MS_DEFAULT, |retry| retry.backoff_ms);
    RetryDecision::Again { wait_ms: wait_ms(failed, backoff_ms), start }
}

/// The prompt of an attempt that continues a session. It repeats the task, because some
/// agents lose the last prompt.
#[must_use]
pub fn go_on_prompt(prompt: &str) -> String {
    format!(
        "You were stopped before you had answered, because nothing was heard from you for too \
        long. Go on from there: look at what is done already, do not do it a second time, and \
        then answer. This is the task once more:\n\n{prompt}"
    )
}

/// The wait before the next attempt. It doubles with each attempt, and is never shorter
/// than the provider asks for. Up to half of it is added as jitter, so that steps that
/// failed together do not retry together. The jitter is a hash of the step and the
/// attempt, so it is the same every time.
fn wait_ms(failed: FailedAttempt<'_>, backoff_ms: u64) -> u64 {
    let doublings = failed.attempt.saturating_sub(1).min(u64::BITS - 1);
    let base = backoff_ms.saturating_mul(1 << doublings).min(RETRY_WAIT_MS_MAX);
    let base = base.max(failed.retry_after_ms.unwrap_or(0));
    let drawn =
        blake3::hash(format!("{}/{}/{}", failed.run, failed.step, failed.attempt).as_bytes());
    let share =
        drawn.as_bytes().iter().take(2).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    base + base / 2 * share / u64::from(u16::MAX)
}

/// A provider that is unavailable for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutProvider {
    /// Name of the provider.
    pub provider: String,
    /// Stable code of the failure that shut it.
    pub code: String,
    /// Message of that failure.
    pub message: String,
    /// When it is available again, in milliseconds since 1970, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(run: &RunId, attempt: u32, class: FailureClass) -> FailedAttempt<'_> {
        let start = RetryStart::Fresh;
        FailedAttempt { run, step: StepId(3), attempt, start, class, retry_after_ms: None }
    }

    fn in_session(failed: FailedAttempt<'_>) -> FailedAttempt<'_> {
        FailedAttempt { start: RetryStart::InSession, ..failed }
    }

    /// The next start, when there is one.
    fn start(failed: FailedAttempt<'_>, retry: Option<Retry>) -> Option<RetryStart> {
        match after(failed, retry) {
            RetryDecision::Again { start, .. } => Some(start),
            _ => None,
        }
    }

    #[test]
    fn a_lost_connection_is_retried_once_by_default() {
        let run = RunId::from_bits(1);
        for class in [FailureClass::Broken, FailureClass::Crowded] {
            let next = after(failed(&run, 1, class), None);
            assert!(
                matches!(
                    next,
                    RetryDecision::Again { wait_ms: 1_000..=1_500, start: RetryStart::Fresh }
                ),
                "{next:?}"
            );
            assert_eq!(after(failed(&run, 2, class), None), RetryDecision::Failed);
        }
        for class in [FailureClass::Slow, FailureClass::Unclear, FailureClass::Final] {
            assert_eq!(after(failed(&run, 1, class), None), RetryDecision::Failed);
        }
    }

    #[test]
    fn a_silent_step_continues_its_session_then_begins_afresh_then_fails() {
        let run = RunId::from_bits(1);
        let silent = |attempt| failed(&run, attempt, FailureClass::Silent);
        assert_eq!(start(silent(1), None), Some(RetryStart::InSession));
        for class in
            [FailureClass::Silent, FailureClass::Slow, FailureClass::Broken, FailureClass::Unclear]
        {
            let second = in_session(failed(&run, 2, class));
            assert_eq!(start(second, None), Some(RetryStart::Fresh), "{class:?}");
        }
        assert_eq!(after(silent(3), None), RetryDecision::Failed);
        // The session cannot be the cause.
        let crowded = in_session(failed(&run, 2, FailureClass::Crowded));
        assert_eq!(start(crowded, None), Some(RetryStart::InSession));
        let refused = in_session(failed(&run, 2, FailureClass::Final));
        assert_eq!(after(refused, None), RetryDecision::Failed);
    }

    #[test]
    fn the_option_retry_bounds_silent_and_slow_steps() {
        let run = RunId::from_bits(1);
        let retry = |max_attempts| Some(Retry { max_attempts, backoff_ms: 1 });
        for class in [FailureClass::Silent, FailureClass::Slow] {
            assert_eq!(start(failed(&run, 1, class), retry(1)), None);
            assert_eq!(start(failed(&run, 1, class), retry(2)), Some(RetryStart::InSession));
            let second = in_session(failed(&run, 2, class));
            assert_eq!(start(second, retry(2)), None);
            assert_eq!(start(second, retry(3)), Some(RetryStart::Fresh));
        }
    }

    #[test]
    fn waits_double_and_are_the_same_every_time() {
        let run = RunId::from_bits(1);
        let retry = Some(Retry { max_attempts: 10, backoff_ms: 100 });
        let wait = |attempt| match after(failed(&run, attempt, FailureClass::Slow), retry) {
            RetryDecision::Again { wait_ms, .. } => wait_ms,
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
    fn a_provider_that_asks_to_wait_is_waited_for_or_shut() {
        let run = RunId::from_bits(1);
        let asked = |retry_after_ms, class| FailedAttempt {
            retry_after_ms: Some(retry_after_ms),
            ..failed(&run, 1, class)
        };
        let soon = after(asked(20_000, FailureClass::Crowded), None);
        assert!(matches!(soon, RetryDecision::Again { wait_ms: 20_000..=30_000, .. }), "{soon:?}");
        let late = asked(RATE_LIMIT_WAIT_MS_MAX + 1, FailureClass::Crowded);
        assert_eq!(
            after(late, Some(Retry { max_attempts: 9, backoff_ms: 1 })),
            RetryDecision::Shut
        );
        assert_eq!(after(asked(1, FailureClass::Shut), None), RetryDecision::Shut);
    }
}
