//! Reads times as people write them.
//!
//! Owns: `2h`, `yesterday`, dates, RFC 3339 and milliseconds. Never: a local time
//! zone; times without a zone are UTC, as in lists.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::config::duration;

/// A smaller number is probably a mistake: seconds, or a year.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// A value parser for clap: microseconds since 1970.
pub(crate) fn when(text: &str) -> Result<i64, String> {
    at(text, Timestamp::now()).map(Timestamp::as_microsecond)
}

/// The time that `text` means at the time `now`.
fn at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let midnight = || {
        let today = TimeZone::UTC.to_datetime(now).start_of_day();
        TimeZone::UTC.to_timestamp(today).map_err(|error| error.to_string())
    };
    match text.to_ascii_lowercase().as_str() {
        "now" => return Ok(now),
        "today" => return midnight(),
        "yesterday" => return midnight()?.checked_sub(24.hours()).map_err(|e| e.to_string()),
        _ => {}
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return milliseconds(text);
    }
    if let Some(ago) = ago(text) {
        return now.checked_sub(ago).map_err(|error| error.to_string());
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local: DateTime = text.parse().map_err(|_| {
        format!(
            "`{text}` is not a time; write 2h, 3d, yesterday, 2026-11-01 or 2026-11-01T10:00:00Z"
        )
    })?;
    TimeZone::UTC.to_timestamp(local).map_err(|error| error.to_string())
}

/// A plain number: milliseconds since 1970. Fails if it is implausibly small.
fn milliseconds(text: &str) -> Result<Timestamp, String> {
    let number: i64 = text.parse().map_err(|_| format!("{text} is too large for a time"))?;
    if number < MILLISECONDS_MIN {
        return Err(format!(
            "{text} would be milliseconds since 1970, which is probably a mistake; append 000 to \
             seconds, or write a date: 2026-11-01"
        ));
    }
    Timestamp::from_millisecond(number).map_err(|error| error.to_string())
}

/// `2h`, `2h ago`, `1.5d`, `2w`.
fn ago(text: &str) -> Option<SignedDuration> {
    let text = text.strip_suffix("ago").map_or(text, str::trim_end);
    SignedDuration::try_from(age(text).ok()?).ok()
}

/// A value parser for clap: an age such as `12h`, `30d`, `2w`. A number without a
/// unit is refused: meant as days but read as seconds, it would match nearly
/// every run.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| *number >= 0.0);
    if number(text).is_some() {
        return Err(format!("a unit is missing: {text}h, {text}d or {text}w"));
    }
    match text.strip_suffix('w').and_then(number) {
        Some(weeks) => duration(&format!("{}d", weeks * 7.0)),
        None => duration(text).map_err(|_| {
            "a duration is a number and a unit, and there are s, m, h, d and w: 12h, 30d".to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_write_them() {
        let now: Timestamp = "2026-11-25T16:30:00Z".parse().unwrap();
        for (text, expected) in [
            ("now", "2026-11-25T16:30:00Z"),
            ("today", "2026-11-25T00:00:00Z"),
            ("yesterday", "2026-11-24T00:00:00Z"),
            ("Yesterday", "2026-11-24T00:00:00Z"),
            ("2h", "2026-11-25T14:30:00Z"),
            ("2h ago", "2026-11-25T14:30:00Z"),
            ("90s", "2026-11-25T16:28:30Z"),
            ("15m", "2026-11-25T16:15:00Z"),
            ("3d", "2026-11-22T16:30:00Z"),
            ("2w", "2026-11-11T16:30:00Z"),
            ("1.5d", "2026-11-24T04:30:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2026-11-01 10:05", "2026-11-01T10:05:00Z"),
            ("2026-11-01T10:05:06", "2026-11-01T10:05:06Z"),
            ("2026-11-01T10:05:06Z", "2026-11-01T10:05:06Z"),
            ("2026-11-01T10:05:06.25+02:00", "2026-11-01T08:05:06.25Z"),
            ("1761998706000", "2025-11-01T12:05:06Z"),
            (" 2h ", "2026-11-25T14:30:00Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(at(text, now), Ok(expected), "{text}");
        }
    }

    #[test]
    fn invalid_moments_are_refused_with_an_example() {
        let now: Timestamp = "2026-11-25T16:30:00Z".parse().unwrap();
        for text in
            ["", "soon", "2026-13-01", "2026-02-30", "h", "-2h", "2 fortnights", "10:05", "ago"]
        {
            let refused = at(text, now).unwrap_err();
            assert!(refused.contains("2026-11-01"), "{text}: {refused}");
        }
        for text in ["2026", "1761998706", "0"] {
            assert!(at(text, now).unwrap_err().contains("seconds"), "{text}");
        }
        assert!(at("99999999999999999999", now).is_err());
        assert!(at("99999999999999", now).is_ok_and(|far| far > now));
    }
    #[test]
    fn an_age_has_a_unit() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("2w"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(age("1.5h"), Ok(Duration::from_secs(5_400)));
        assert!(age("30").unwrap_err().contains("30d"));
        for text in ["", "0", "1.5", "-1d", "0w", "w", "30 days", "2 w", "nanw"] {
            assert!(age(text).is_err(), "{text}");
        }
    }
}
