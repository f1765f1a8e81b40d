//! Numbers and times as people read them.
//!
//! Owns: the form of counts, prices, durations and times. Never: used in JSON,
//! which has exact numbers.

use jiff::Timestamp;
use smol_wf_core::dollars::clean;

/// `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `+1,234`, `-5`, `0`.
pub(crate) fn change(before: u64, after: u64) -> String {
    let sign = match after.cmp(&before) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", count(after.abs_diff(before)))
}

/// `$1.25`; four digits below ten cents, because agents cost that little.
pub(crate) fn dollars(amount: f64) -> String {
    let digits = if amount != 0.0 && amount.abs() < 0.1 { 4 } else { 2 };
    let sign = if amount < 0.0 { "-" } else { "" };
    format!("{sign}${:.digits$}", amount.abs())
}

/// `$1.25`; empty for 0, which means that the price is unknown.
pub(crate) fn price(amount: f64) -> String {
    if amount > 0.0 { dollars(amount) } else { String::new() }
}

/// `+$0.0100`, `-$1.25`, `$0.00`.
pub(crate) fn dollars_change(before: f64, after: f64) -> String {
    let change = clean(after - before);
    let sign = if change > 0.0 { "+" } else { "" };
    format!("{sign}{}", dollars(change))
}

/// `1.2 s`, `3m05s`.
pub(crate) fn span(milliseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit")]
    let seconds = milliseconds as f64 / 1_000.0;
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    format!("{}m{:02}s", milliseconds / 60_000, milliseconds / 1_000 % 60)
}

/// `59s`, `3m05s`, `2h07m`, `12d`: six columns at the most.
pub(crate) fn short_span(milliseconds: u64) -> String {
    /// More days have no room, and no run lasts for 270 years.
    const DAYS_MAX: u64 = 99_999;
    match milliseconds / 1_000 {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds @ 3_600..360_000 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        seconds => format!("{}d", (seconds / 86_400).min(DAYS_MAX)),
    }
}

/// As [`short_span`], with tenths of a second below ten: `3.2s`.
pub(crate) fn short_time(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => format!("{}.{}s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => short_span(milliseconds),
    }
}

/// `999`, `1.2k`, `34k`, `5.6M`: four columns at the most.
pub(crate) fn short_count(number: u64) -> String {
    const UNITS: [(u32, char); 6] = [(18, 'E'), (15, 'P'), (12, 'T'), (9, 'G'), (6, 'M'), (3, 'k')];
    let one = |(digits, unit): (u32, char)| (10_u64.pow(digits), unit);
    let Some((one, unit)) = UNITS.into_iter().map(one).find(|(one, _)| number >= *one) else {
        return number.to_string();
    };
    match (number / one, number % one / (one / 10)) {
        (whole @ 0..10, tenth) => format!("{whole}.{tenth}{unit}"),
        (whole, _) => format!("{whole}{unit}"),
    }
}

/// `2026-11-23 23:05:09` in UTC; empty for a time out of range.
pub(crate) fn utc(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

/// `1 run`, `2 runs`.
pub(crate) fn plural(number: impl std::fmt::Display, what: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {what}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_right_and_never_longer_than_said() {
        for (number, short) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (1_999, "1.9k"),
            (9_999, "9.9k"),
            (34_567, "34k"),
            (999_999, "999k"),
            (5_678_901, "5.6M"),
            (u64::MAX, "18E"),
        ] {
            assert_eq!(short_count(number), short);
        }
        for (ms, short, time) in [
            (0, "0s", "0.0s"),
            (3_250, "3s", "3.2s"),
            (9_999, "9s", "9.9s"),
            (59_999, "59s", "59s"),
            (185_000, "3m05s", "3m05s"),
            (7_620_000, "2h07m", "2h07m"),
            (359_999_999, "99h59m", "99h59m"),
            (360_000_000, "4d", "4d"),
            (u64::MAX, "99999d", "99999d"),
        ] {
            assert_eq!((short_span(ms).as_str(), short_time(ms).as_str()), (short, time));
        }
        let mut dice = fastrand::Rng::with_seed(3);
        for _ in 0..100_000 {
            let number = dice.u64(..) >> dice.u32(..64);
            assert!(short_count(number).len() <= 4, "{number}: {}", short_count(number));
            assert!(short_span(number).len() <= 6, "{number}: {}", short_span(number));
            assert!(short_time(number).len() <= 6, "{number}: {}", short_time(number));
        }
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(utc(1_795_475_109_999), "2026-11-23 23:05:09");
    }

    #[test]
    fn numbers_are_grouped_and_prices_as_exact_as_they_need_be() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(change(5, 1_005), "+1,000");
        assert_eq!(change(3, 1), "-2");
        assert_eq!(change(1, 1), "0");
        assert_eq!(dollars(1.256), "$1.26");
        assert_eq!(dollars(0.0123), "$0.0123");
        assert_eq!(dollars(-0.0123), "-$0.0123");
        assert_eq!(dollars_change(0.01, 0.02), "+$0.0100");
        assert_eq!(dollars_change(3.0, 1.75), "-$1.25");
        assert_eq!(dollars_change(0.1 + 0.2, 0.3), "$0.00");
        assert_eq!(price(0.0), "");
    }
}
