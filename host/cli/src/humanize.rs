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
