//! Durations as people write them.
//!
//! Owns: the text form for options, flags, settings and debug rules: `500ms`, `90s`,
//! `5m`, `1.5h`, `1h30m`, `2d`. Never: a bound of its own; each caller has one.

use crate::cut;
use std::time::Duration;

/// Most characters of the text that a message shows.
const SHOWN_CHARS: usize = 40;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// It has another form.
    #[error("a duration is a number and a unit: 90s")]
    Form,
    /// A number has no unit.
    #[error("`{number}` needs a unit, as in {number}s or {number}ms")]
    NoUnit {
        /// The number as written.
        number: String,
    },
    /// The unit is unknown.
    #[error("`{unit}` is not a unit of time; there are ms, s, m, h and d")]
    Unit {
        /// The unit as written.
        unit: String,
    },
    /// It is 0, or too large.
    #[error("a duration must be greater than 0 and finite")]
    Range,
}

/// Reads numbers with units, one after the other. A number alone is refused, because
/// some people would mean milliseconds and others seconds.
///
/// # Errors
/// When the text has another form, or the duration is 0 or too large.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let is_of_number = |one: char| one.is_ascii_digit() || one == '.';
        let digits = rest.find(|one| !is_of_number(one)).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let end = after.find(|one: char| one.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        // The digits found before keep out `inf` and the like, which `parse` accepts.
        let number: f64 = number.parse().map_err(|_| DurationError::Form)?;
        seconds += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                "" => {
                    if number == 0.0 {
                        return Err(DurationError::Range);
                    }
                    let number = cut::head_chars(&rest[..digits], SHOWN_CHARS).to_owned();
                    return Err(DurationError::NoUnit { number });
                }
                _ => {
                    let unit = cut::head_chars(unit, SHOWN_CHARS).to_owned();
                    return Err(DurationError::Unit { unit });
                }
            };
        rest = next;
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or(DurationError::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("90s", 90_000),
            ("1.5h", 5_400_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
            ("2d", 172_800_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(parse("0"), Err(DurationError::Range), "no unit would help");
        assert_eq!(parse("90").unwrap_err().to_string(), "`90` needs a unit, as in 90s or 90ms");
    }

    #[test]
    fn an_invalid_duration_is_refused() {
        for wrong in [
            "",
            "s",
            "5 minutes",
            "-1s",
            "0s",
            "0",
            "1e300d",
            "1h30",
            "h1",
            "1h 30m",
            "NaN",
            "NaNs",
            "inf",
            "Infinity",
            "1..5s",
            " 5s",
            "5s ",
            "5S",
            "1e3s",
            "٣s",
            ".s",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
