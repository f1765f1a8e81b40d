//! How long an error text asks to wait.
//!
//! Owns: reading a time span or a moment in words. Never: reads a time of day ("resets
//! 3pm"), which means nothing without the writer's time zone; it stays in the message.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait that is believed: limits are monthly at most.
const WAIT_MAX: Duration = Duration::from_secs(32 * 24 * 3600);

/// What comes before a time span.
const PHRASES: [&str; 6] =
    ["try again in", "retry in", "retry after", "retry-after:", "resets in", "available in"];

/// The time span that the text asks to wait, at this time.
pub(super) fn wait_in(text: &str, now: SystemTime) -> Option<Duration> {
    let lower = text.to_lowercase();
    let span = PHRASES.iter().find_map(|phrase| {
        let at = lower.find(phrase)?;
        span(&lower[at + phrase.len()..])
    });
    let moment = || {
        let (_, seconds) = text.rsplit_once('|')?;
        until(seconds.trim().parse().ok()?, now)
    };
    span.or_else(moment).filter(|wait| *wait <= WAIT_MAX)
}

/// From `now` to a moment in seconds since 1970; none when it has passed.
pub(crate) fn until(seconds: u64, now: SystemTime) -> Option<Duration> {
    let moment = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    moment.duration_since(now).ok().filter(|wait| *wait <= WAIT_MAX)
}

/// Reads "20s", "1m30.5s", "3 days 20 hours" or "90": numbers with units, one after
/// another. A number alone is in seconds.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim_start();
    let mut seconds = 0.0_f64;
    let mut found = false;
    while let Some(end) = number_end(rest) {
        let value: f64 = rest[..end].parse().ok()?;
        let after = rest[end..].trim_start();
        let word_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let factor = match &after[..word_end] {
            "ms" | "millisecond" | "milliseconds" => 0.001,
            "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => break,
        };
        seconds += value * factor;
        found = true;
        rest = after[word_end..].trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    if found { Duration::try_from_secs_f64(seconds).ok() } else { None }
}

/// The end of the number at the start, if there is one.
fn number_end(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    (!number.is_empty()).then_some(number.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_moments_are_read() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let cases = [
            ("Please try again in 20s.", Some(20.0)),
            ("Rate limit reached. Please try again in 1m30.5s. Visit…", Some(90.5)),
            ("try again in 450ms", Some(0.45)),
            ("Try again in 3 days 20 hours 9 minutes.", Some(331_740.0)),
            ("retry after 90", Some(90.0)),
            ("Retry-After: 7", Some(7.0)),
            ("resets in 2 hours and 5 minutes", Some(7500.0)),
            ("usage limit reached|1000000060", Some(60.0)),
            ("usage limit reached|999999999", None),
            ("try again in a moment", None),
            ("try again in 4 weeks", None),
            ("try again in 900 days", None),
            ("resets 3pm (Europe/Berlin)", None),
            ("a|b", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(wait_in(text, now), seconds.map(Duration::from_secs_f64), "{text}");
        }
    }
}
