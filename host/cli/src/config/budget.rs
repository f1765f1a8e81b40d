//! What a run may spend, as people write it.
//!
//! Owns: reading, writing and comparing it. Never: counts what is spent.

use std::cmp::Ordering;
use std::fmt;

/// The most that is taken: a number with more digits is a mistake, and would
/// not survive arithmetic in 64 bits.
const MICRODOLLARS_MAX: u64 = 1_000_000 * MICRODOLLARS;
const MICRODOLLARS: u64 = 1_000_000;
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// `$5`, or `200k` output tokens. The two do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Budget {
    /// Millionths of a dollar.
    Microdollars(u64),
    /// Output tokens.
    Tokens(u64),
}

impl Budget {
    /// Reads `$5`, `$0.50`, `200000`, `200k`, `1.5M`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wrong = || "a budget is dollars or output tokens: '$5', 200k, 1.5M".to_owned();
        if let Some(dollars) = text.strip_prefix('$') {
            let amount = scaled(dollars, MICRODOLLARS).ok_or_else(wrong)?;
            return match amount {
                1..=MICRODOLLARS_MAX => Ok(Self::Microdollars(amount)),
                _ => Err("a budget is more than nothing, and at most $1000000".to_owned()),
            };
        }
        let (number, scale) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1_000),
            Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
            _ => (text, 1),
        };
        let tokens = scaled(number, scale).ok_or_else(wrong)?;
        match tokens {
            1..=TOKENS_MAX => Ok(Self::Tokens(tokens)),
            _ => Err("a budget is more than nothing, and at most 1000000M tokens".to_owned()),
        }
    }
}

/// A decimal number times `scale`, exactly; none when digits are left over.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || number.ends_with('.') {
        return None;
    }
    let mut total = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    let mut place = scale;
    for digit in part.bytes() {
        if !place.is_multiple_of(10) {
            return None;
        }
        place /= 10;
        total = total.checked_add(u64::from(digit - b'0').checked_mul(place)?)?;
    }
    Some(total)
}

impl PartialOrd for Budget {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Microdollars(left), Self::Microdollars(right))
            | (Self::Tokens(left), Self::Tokens(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Microdollars(amount) if amount.is_multiple_of(MICRODOLLARS) => {
                write!(f, "${}", amount / MICRODOLLARS)
            }
            Self::Microdollars(amount) => {
                let part = format!("{:06}", amount % MICRODOLLARS);
                write!(f, "${}.{}", amount / MICRODOLLARS, part.trim_end_matches('0'))
            }
            Self::Tokens(tokens) if tokens.is_multiple_of(1_000_000) => {
                write!(f, "{}M", tokens / 1_000_000)
            }
            Self::Tokens(tokens) if tokens.is_multiple_of(1_000) => {
                write!(f, "{}k", tokens / 1_000)
            }
            Self::Tokens(tokens) => write!(f, "{tokens}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_read_as_people_write_them() {
        for (text, budget, written) in [
            ("$5", Budget::Microdollars(5_000_000), "$5"),
            ("$0.50", Budget::Microdollars(500_000), "$0.5"),
            ("$0.000001", Budget::Microdollars(1), "$0.000001"),
            ("200k", Budget::Tokens(200_000), "200k"),
            ("1.5M", Budget::Tokens(1_500_000), "1500k"),
            ("42", Budget::Tokens(42), "42"),
        ] {
            assert_eq!(Budget::read(text), Ok(budget));
            assert_eq!(budget.to_string(), written);
            assert_eq!(Budget::read(written), Ok(budget));
        }
        for wrong in [
            "",
            "$",
            "$0",
            "0",
            "-1",
            "5$",
            "1.5",
            "k",
            "$1.",
            "$.5",
            "1e3",
            "$99999999",
            "$0.0000001",
        ] {
            assert!(Budget::read(wrong).is_err(), "{wrong}");
        }
    }
}
