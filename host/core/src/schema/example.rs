//! Example answers that satisfy a schema.
//!
//! Owns: the order of candidates, and the value for each type. Never: trusts its own
//! work; the [`Checker`] checks every candidate before it is returned.

use std::cell::Cell;

use serde_json::{Map, Value};

use super::checker::{CHECK_STEPS_MAX, Checker, read, refuse};
use super::{link, number, object, shape, text};
use crate::dice::mix;
use crate::outcome::Failure;

/// Most schemas that one candidate may read, following references.
const READS_MAX: u32 = 20_000;

/// Most levels of one candidate: a deeper value is probably endless.
const LEVELS_MAX: u32 = 48;

/// Number of variants, each of which makes other choices.
const VARIANTS: u64 = 24;

/// Most steps of writing texts for patterns, for all candidates: about a second.
const TEXT_STEPS_MAX: u64 = 40_000_000;

/// Most steps of checking, for all candidates.
const CHECKS_MAX: u64 = 4 * CHECK_STEPS_MAX;

/// Most items for a `minItems`, and properties for a `minProperties`.
pub(super) const MEMBERS_MAX: usize = 1_000;

/// Number of items in a list if the schema leaves it open: enough to show how a
/// pipeline works.
const ITEMS_USUAL: usize = 2;

/// An example answer: always the same for the same schema and seed.
///
/// # Errors
/// When the schema cannot be used, or no example was found.
pub fn example(schema_text: &str, seed: u64) -> Result<Value, Failure> {
    example_by(&Checker::new(schema_text)?, schema_text, seed)
}

/// As [`example`], with a schema that is compiled already.
pub(super) fn example_by(
    checker: &Checker,
    schema_text: &str,
    seed: u64,
) -> Result<Value, Failure> {
    let schema = link::linked(&read(schema_text)?).map_err(refuse)?;
    let (steps, mut checks) = (Cell::new(TEXT_STEPS_MAX), CHECKS_MAX);
    for variant in 0..VARIANTS {
        // With optional properties three levels deep first, then with fewer.
        for optional_levels in [3, 1, 0] {
            for defaults in [true, false] {
                let mut maker = Maker {
                    root: &schema,
                    steps: &steps,
                    reads: READS_MAX,
                    seed,
                    variant,
                    optional_levels,
                    defaults,
                };
                let spot = Spot { name: "answer", level: 0, salt: seed, ordinal: 0 };
                let candidate = maker.make(&schema, spot);
                let Some(candidate) = candidate else { continue };
                let (taken, verdict) = checker.judge_within(&candidate, checks);
                if verdict.is_ok() {
                    return Ok(candidate);
                }
                checks -= taken;
            }
        }
    }
    Err(refuse("no example that satisfies it was found"))
}

/// The position of a value in a candidate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot<'n> {
    /// The nearest property name.
    pub(super) name: &'n str,
    /// Number of levels above it.
    pub(super) level: u32,
    /// A hash of the position, for choices.
    pub(super) salt: u64,
    /// Number of the list item that contains it, from 1; 0 outside of lists.
    pub(super) ordinal: usize,
}

/// Makes one candidate.
pub(super) struct Maker<'r> {
    /// The schema, with pointers as its only references.
    pub(super) root: &'r Value,
    /// Steps left for texts for patterns, for all candidates together.
    pub(super) steps: &'r Cell<u64>,
    /// Schemas that may still be read.
    pub(super) reads: u32,
    pub(super) seed: u64,
    pub(super) variant: u64,
    pub(super) optional_levels: u32,
    pub(super) defaults: bool,
}

impl Maker<'_> {
    /// Picks a branch. The first variant takes the first branch, which is usually the
    /// most typical; later ones pick as [`Self::any`] does.
    pub(super) fn branch(&self, count: usize, salt: u64) -> usize {
        if self.variant == 0 { 0 } else { self.any(count, salt) }
    }

    /// Picks at random, but always the same for the same seed, salt and variant.
    pub(super) fn any(&self, count: usize, salt: u64) -> usize {
        let count = count.max(1) as u64;
        let bits = mix(self.seed ^ mix(salt) ^ self.variant.wrapping_mul(0x9e37_79b9));
        usize::try_from(bits % count).unwrap_or(0)
    }

    /// Whether optional values are left out at this level.
    pub(super) fn is_lean(&self, level: u32) -> bool {
        level >= self.optional_levels || self.reads < READS_MAX / 4
    }

    /// A value for a schema; none if this candidate fails.
    pub(super) fn make(&mut self, schema: &Value, spot: Spot<'_>) -> Option<Value> {
        if spot.level > LEVELS_MAX {
            return None;
        }
        let shape = shape::flat(self, schema, spot)?;
        self.of_shape(&shape, spot)
    }

    fn of_shape(&mut self, shape: &Map<String, Value>, spot: Spot<'_>) -> Option<Value> {
        if let Some(value) = shape.get("const") {
            return Some(value.clone());
        }
        let kinds = kinds(shape);
        if let Some(Value::Array(values)) = shape.get("enum") {
            let fitting: Vec<&Value> = values
                .iter()
                .filter(|value| kinds.is_empty() || kinds.iter().any(|kind| is_a(value, kind)))
                .collect();
            return fitting.get(self.any(fitting.len(), spot.salt)).map(|value| (*value).clone());
        }
        if self.defaults
            && let Some(value) = given(shape)
        {
            return Some(value.clone());
        }
        let kind = match kinds.iter().filter(|kind| **kind != "null").count() {
            0 if kinds.is_empty() => implied(shape),
            0 => "null",
            count => {
                let nth = self.branch(count, spot.salt);
                kinds.iter().filter(|kind| **kind != "null").nth(nth).copied()?
            }
        };
        match kind {
            "object" => object::make(self, shape, spot),
            "array" => self.array(shape, spot),
            "string" => text::make(self, shape, spot).map(Value::String),
            "integer" => number::make(shape, true, self.any(7, spot.salt), spot.ordinal),
            "number" => number::make(shape, false, self.any(7, spot.salt), spot.ordinal),
            "boolean" => Some(Value::Bool(self.any(2, spot.salt) == 0)),
            _ => Some(Value::Null),
        }
    }

    fn array(&mut self, shape: &Map<String, Value>, spot: Spot<'_>) -> Option<Value> {
        let none = Vec::new();
        let leading =
            ["prefixItems", "items"].iter().find_map(|keyword| shape.get(*keyword)?.as_array());
        let leading = leading.unwrap_or(&none);
        let rest = match shape.get("items") {
            Some(one) if !one.is_array() => one,
            _ => shape.get("additionalItems").unwrap_or(&Value::Bool(true)),
        };
        let least = count(shape, "minItems").unwrap_or(0);
        let most = count(shape, "maxItems").unwrap_or(usize::MAX);
        let usual = if self.is_lean(spot.level) { 0 } else { ITEMS_USUAL.max(leading.len()) };
        let contains = shape.get("contains");
        let wanted = contains.map_or(0, |_| count(shape, "minContains").unwrap_or(1));
        let total = usual.max(least).max(wanted).min(most);
        if total > MEMBERS_MAX {
            return None;
        }
        let unique = shape.get("uniqueItems") == Some(&Value::Bool(true));
        let mut items: Vec<Value> = Vec::with_capacity(total);
        while items.len() < total {
            let at = items.len();
            let base = leading.get(at).unwrap_or(rest);
            // The items for `contains` come first.
            let schema = match contains {
                Some(contains) if at < wanted => serde_json::json!({ "allOf": [contains, base] }),
                _ => base.clone(),
            };
            match self.item(&schema, &items, unique, spot) {
                Some(item) => items.push(item),
                None if at >= least.max(wanted) => break,
                None => return None,
            }
        }
        Some(Value::Array(items))
    }

    /// The next item; with `unique`, different from those before it.
    fn item(
        &mut self,
        schema: &Value,
        before: &[Value],
        unique: bool,
        spot: Spot<'_>,
    ) -> Option<Value> {
        const TRIES: usize = 24;
        for again in 0..if unique { TRIES } else { 1 } {
            let ordinal = before.len() + 1 + again;
            let salt = mix(spot.salt ^ ordinal as u64);
            let inner = Spot { name: spot.name, level: spot.level + 1, salt, ordinal };
            let item = self.make(schema, inner)?;
            if !unique || !before.contains(&item) {
                return Some(item);
            }
        }
        None
    }
}

/// The value of a keyword that bounds a number of members.
pub(super) fn count(shape: &Map<String, Value>, keyword: &str) -> Option<usize> {
    let number = shape.get(keyword)?;
    let whole = number.as_u64().or_else(|| {
        let float = number.as_f64().filter(|float| *float >= 0.0)?;
        // The metaschema allows 2.0 for 2, but no fractions.
        format!("{float:.0}").parse().ok()
    })?;
    usize::try_from(whole).ok()
}

fn kinds(shape: &Map<String, Value>) -> Vec<&str> {
    match shape.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match (value, kind) {
        (Value::Number(number), "integer") => {
            number.as_f64().is_some_and(|float| float.fract() == 0.0)
        }
        (Value::Null, "null")
        | (Value::Bool(_), "boolean")
        | (Value::Number(_), "number")
        | (Value::String(_), "string")
        | (Value::Array(_), "array")
        | (Value::Object(_), "object") => true,
        _ => false,
    }
}

/// The author's own example: the default, or else the first of `examples`.
fn given(shape: &Map<String, Value>) -> Option<&Value> {
    let examples = shape.get("examples").and_then(Value::as_array);
    let stated = shape.get("default").filter(|value| !value.is_null());
    stated.or_else(|| examples.and_then(|list| list.first()))
}

/// The type that the other keywords imply; `string` if they imply none.
fn implied(shape: &Map<String, Value>) -> &'static str {
    const SPEAKING: [(&str, &[&str]); 4] = [
        (
            "object",
            &[
                "properties",
                "required",
                "additionalProperties",
                "patternProperties",
                "propertyNames",
                "minProperties",
                "unevaluatedProperties",
            ],
        ),
        ("array", &["items", "prefixItems", "minItems", "contains", "uniqueItems", "maxItems"]),
        ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
        ("string", &["pattern", "format", "minLength", "maxLength"]),
    ];
    let spoken =
        SPEAKING.iter().find(|(_, words)| words.iter().any(|word| shape.contains_key(*word)));
    spoken.map_or("string", |(kind, _)| kind)
}

/// Adds a name to a salt.
pub(super) fn mix_text(salt: u64, text: &str) -> u64 {
    text.bytes().fold(mix(salt), |bits, byte| mix(bits ^ u64::from(byte)))
}
