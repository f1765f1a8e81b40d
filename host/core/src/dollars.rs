//! Sums of dollars.
//!
//! Owns: that a sum ends where its amounts do. Binary fractions add up to
//! $3.0000000000000013, which nobody was charged; a sum is kept to the billionth
//! of a dollar, a hundredth of the cheapest token there is. Never: a price, nor
//! what a journal holds; that stays as it came.

/// Parts of a dollar that sums are kept to.
const PARTS: f64 = 1e9;

/// Amounts from here on have no billionths: the numbers between which a float
/// can choose are further apart.
const WHOLE_FROM: f64 = 4e6;

/// Adds an amount to a sum.
pub fn add(sum: &mut f64, amount: f64) {
    *sum = clean(*sum + amount);
}

/// The sum of some amounts.
#[must_use]
pub fn sum(amounts: impl IntoIterator<Item = f64>) -> f64 {
    let mut total = 0.0;
    for amount in amounts {
        add(&mut total, amount);
    }
    total
}

/// An amount without what is below a billionth of a dollar.
#[must_use]
pub fn clean(amount: f64) -> f64 {
    // Large amounts, NaN and infinities stay as they are.
    if amount.abs() < WHOLE_FROM { (amount * PARTS).round() / PARTS } else { amount }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_end_where_their_amounts_do() {
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
