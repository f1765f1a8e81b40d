//! Example numbers within bounds.
//!
//! Owns: the arithmetic of `minimum`, `maximum` and `multipleOf`. Never: guarantees a
//! match; the checker decides.

use serde_json::{Map, Number, Value};

/// Whole numbers up to here are exact in a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A small number if the bounds allow it, or else one near a bound.
pub(super) fn make(
    shape: &Map<String, Value>,
    whole: bool,
    pick: usize,
    ordinal: usize,
) -> Option<Value> {
    let bound = |keyword: &str| shape.get(keyword).and_then(Value::as_f64);
    // In draft 4 the exclusive bounds are booleans.
    let strict = |keyword: &str| shape.get(keyword) == Some(&Value::Bool(true));
    let low = bound("minimum").unwrap_or(f64::NEG_INFINITY);
    let high = bound("maximum").unwrap_or(f64::INFINITY);
    let above = bound("exclusiveMinimum").or(strict("exclusiveMinimum").then_some(low));
    let below = bound("exclusiveMaximum").or(strict("exclusiveMaximum").then_some(high));
    let fits = |number: f64| {
        number >= low
            && number <= high
            && above.is_none_or(|bound| number > bound)
            && below.is_none_or(|bound| number < bound)
    };
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let unit = match step {
        // A whole number as the unit: a step that divides 1 has 1 as a multiple.
        Some(step) if !whole || step.fract() == 0.0 => step,
        Some(step) if (1.0 / step).fract() == 0.0 => 1.0,
        Some(step) => step * (1.0 / step.fract()).ceil(),
        None => 1.0,
    };
    let lowest = low.max(above.unwrap_or(f64::NEG_INFINITY));
    let highest = high.min(below.unwrap_or(f64::INFINITY));
    let start = if lowest.is_finite() {
        (lowest / unit).ceil()
    } else if highest.is_finite() && highest < unit {
        (highest / unit).floor() - 8.0
    } else {
        1.0
    };
    let steps = [pick + ordinal, ordinal, 1, 0, 2].map(|steps| steps as f64);
    let near = steps.iter().map(|steps| (start + steps) * unit);
    let ends = [highest, lowest, (lowest + highest) / 2.0, lowest + 0.5, highest - 0.5];
    let ends = ends.into_iter().filter(|_| step.is_none());
    near.chain([(highest / unit).floor() * unit])
        .chain(ends)
        .filter(|number| number.is_finite() && fits(*number))
        .find_map(|number| written(number, whole))
}

fn written(number: f64, whole: bool) -> Option<Value> {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX {
        // Through text: an exact conversion without a cast that could wrap.
        return format!("{number:.0}").parse::<i64>().ok().map(Value::from);
    }
    if whole {
        return None;
    }
    Number::from_f64(number).map(Value::Number)
}
