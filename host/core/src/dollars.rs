//! Sums of dollars.
//!
//! Owns: the rounding of sums. Binary fractions add up to amounts such as
//! $3.0000000000000013, so a sum is rounded to a billionth of a dollar, a hundredth of
//! the cheapest token's price. Never: a price, or an amount in a journal; those stay as
//! they are.

/// Sums are rounded to one part of this many of a dollar.
const PARTS: f64 = 1e9;

/// From this amount on, floats are too far apart for billionths.
const WHOLE_FROM: f64 = 4e6;

/// Adds an amount to a sum.
pub fn add(sum: &mut f64, amount: f64) {
    *sum = clean(*sum + amount);
}

/// The sum of these amounts.
#[must_use]
pub fn sum(amounts: impl IntoIterator<Item = f64>) -> f64 {
    let mut total = 0.0;
    for amount in amounts {
        add(&mut total, amount);
    }
    total
}

/// An amount rounded to a billionth of a dollar.
#[must_use]
pub fn clean(amount: f64) -> f64 {
    // Large amounts, NaN and infinities stay as they are.
    if amount.abs() < WHOLE_FROM { (amount * PARTS).round() / PARTS } else { amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_no_rounding_errors() {
        #[expect(clippy::float_cmp, reason = "that is what is tested")]
        for (amounts, expected) in [
            (vec![0.1; 30], 3.0),
            (vec![0.1, 0.2], 0.3),
            (vec![0.000_000_3; 3], 0.000_000_9),
            (vec![1e-9; 1_000], 1e-6),
            (vec![5e6, 0.1], 5_000_000.1),
            (vec![], 0.0),
        ] {
            assert_eq!(sum(amounts.clone()), expected, "{amounts:?}");
        }
        assert!(clean(f64::NAN).is_nan() && clean(f64::INFINITY).is_infinite());
    }
}
