//! Example objects with all required and some optional properties.
//!
//! Owns: which property names are used. Never: adds optional properties deep in a value.

use serde_json::{Map, Value};

use super::example::{MEMBERS_MAX, Maker, Spot, count, mix_text};
use super::{pattern, text};

/// Number of properties in an object whose property names are free.
const ENTRIES_USUAL: usize = 2;

pub(super) fn make(
    maker: &mut Maker<'_>,
    shape: &Map<String, Value>,
    spot: Spot<'_>,
) -> Option<Value> {
    let none = Map::new();
    let map = |keyword: &str| shape.get(keyword).and_then(Value::as_object).unwrap_or(&none);
    let (declared, patterned) = (map("properties"), map("patternProperties"));
    let open = Value::Bool(true);
    let others = ["additionalProperties", "unevaluatedProperties"];
    let others = others.iter().find_map(|keyword| shape.get(*keyword)).unwrap_or(&open);
    let (least, most) = (count(shape, "minProperties"), count(shape, "maxProperties"));
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(usize::MAX));
    if least > MEMBERS_MAX {
        return None;
    }
    let lean = maker.is_lean(spot.level);
    let required = required(shape, declared, lean);
    let mut made = Map::new();
    for (name, schema) in declared {
        if required.contains(&name.as_str()) {
            made.insert(name.clone(), maker.make(schema, within(spot, name))?);
        } else if (!lean || made.len() < least) && required.len().max(made.len()) < most {
            // An optional property without a possible value is left out.
            if let Some(value) = maker.make(schema, within(spot, name)) {
                made.insert(name.clone(), value);
            }
        }
    }
    for name in required {
        if !made.contains_key(name) {
            let schema = patterned.values().next().unwrap_or(others);
            made.insert(name.to_owned(), maker.make(schema, within(spot, name))?);
        }
    }
    let usual = if lean || !declared.is_empty() { 0 } else { ENTRIES_USUAL };
    for (pattern, schema) in patterned {
        if (lean && made.len() >= least) || made.len() >= most {
            break;
        }
        let name = pattern::example(pattern, maker.steps, &mut |count| maker.any(count, spot.salt));
        if let Some(name) = name.filter(|name| !made.contains_key(name))
            && let Some(value) = maker.make(schema, within(spot, &name))
        {
            made.insert(name, value);
        }
    }
    let free = if patterned.is_empty()
        && shape.get("additionalProperties").is_some_and(Value::is_object)
    {
        usual
    } else {
        0
    };
    fill(maker, shape, &mut made, others, least.max(free).min(most), spot);
    Some(Value::Object(made))
}

/// Names of required properties, and of those that optional ones require.
fn required<'s>(
    shape: &'s Map<String, Value>,
    declared: &Map<String, Value>,
    lean: bool,
) -> Vec<&'s str> {
    let mut names: Vec<&str> = shape
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let brought = shape.get("dependentRequired").and_then(Value::as_object);
    for (name, more) in brought.into_iter().flatten() {
        if names.contains(&name.as_str()) || (!lean && declared.contains_key(name)) {
            names.extend(more.as_array().into_iter().flatten().filter_map(Value::as_str));
        }
    }
    names.dedup();
    names
}

/// Adds properties with free names until there are `total`.
fn fill(
    maker: &mut Maker<'_>,
    shape: &Map<String, Value>,
    made: &mut Map<String, Value>,
    schema: &Value,
    total: usize,
    spot: Spot<'_>,
) {
    let mut ordinal = 0;
    while made.len() < total && ordinal < total + MEMBERS_MAX {
        ordinal += 1;
        let name = match shape.get("propertyNames") {
            Some(names) => {
                let spot =
                    Spot { ordinal, salt: mix_text(spot.salt, &ordinal.to_string()), ..spot };
                maker.make(names, Spot { name: "key", level: spot.level + 1, ..spot })
            }
            None => Some(Value::String(format!("key{ordinal}"))),
        };
        let Some(Value::String(name)) = name else { return };
        if made.contains_key(&name) {
            continue;
        }
        match maker.make(schema, within(spot, &name)) {
            Some(value) => {
                made.insert(name, value);
            }
            None => return,
        }
    }
}

fn within<'n>(spot: Spot<'_>, name: &'n str) -> Spot<'n> {
    // Example texts are made from the name, which may have no words.
    let name = if text::words(name).is_empty() { "value" } else { name };
    Spot { name, level: spot.level + 1, salt: mix_text(spot.salt, name), ordinal: spot.ordinal }
}
