//! Flattens a schema: follows references, merges `allOf`, and takes one branch of each
//! choice.
//!
//! Owns: which branch a candidate takes, and how two schemas are merged into one that
//! requires both. Never: needs to be exact; a candidate from a bad merge fails its
//! check, and the next candidate is made.

use serde_json::{Map, Value, json};

use super::example::{Maker, Spot};
use super::link::at_pointer;
use crate::dice::mix;

/// The keywords that apply to a value, without indirection; none if they contradict
/// each other or cost too much to read.
pub(super) fn flat(
    maker: &mut Maker<'_>,
    schema: &Value,
    spot: Spot<'_>,
) -> Option<Map<String, Value>> {
    maker.reads = maker.reads.checked_sub(1)?;
    let keywords = match schema {
        Value::Bool(true) => return Some(Map::new()),
        Value::Object(keywords) => keywords,
        _ => return None,
    };
    let mut shape = Map::new();
    for (keyword, value) in keywords {
        let indirect = matches!(
            keyword.as_str(),
            "$ref"
                | "$dynamicRef"
                | "$recursiveRef"
                | "allOf"
                | "anyOf"
                | "oneOf"
                | "if"
                | "then"
                | "else"
                | "dependentSchemas"
                | "dependencies"
                | "$defs"
                | "definitions"
        );
        if !indirect {
            shape.insert(keyword.clone(), value.clone());
        }
    }
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
        let target = at_pointer(maker.root, reference)?;
        add(maker, &mut shape, target, spot)?;
    }
    if let Some(Value::Array(list)) = keywords.get("allOf") {
        for one in list {
            add(maker, &mut shape, one, spot)?;
        }
    }
    for (nth, keyword) in ["oneOf", "anyOf"].into_iter().enumerate() {
        if let Some(Value::Array(list)) = keywords.get(keyword) {
            choose(maker, &mut shape, list, spot, mix(spot.salt ^ nth as u64))?;
        }
    }
    condition(maker, &mut shape, keywords, spot)?;
    for keyword in ["dependentSchemas", "dependencies"] {
        if let Some(Value::Object(map)) = keywords.get(keyword) {
            depend(maker, &mut shape, map, spot)?;
        }
    }
    Some(shape)
}

fn add(
    maker: &mut Maker<'_>,
    shape: &mut Map<String, Value>,
    schema: &Value,
    spot: Spot<'_>,
) -> Option<()> {
    let other = flat(maker, schema, spot)?;
    merge(shape, other)
}

/// Merges one branch: the chosen one, or the next that does not contradict `shape`.
fn choose(
    maker: &mut Maker<'_>,
    shape: &mut Map<String, Value>,
    list: &[Value],
    spot: Spot<'_>,
    salt: u64,
) -> Option<()> {
    let mut order: Vec<&Value> = list.iter().collect();
    // Deep in the value, branches that end the recursion come first.
    if maker.is_lean(spot.level) && maker.variant < 2 {
        order.sort_by_key(|branch| goes_deeper(branch));
    }
    let first = maker.branch(order.len(), salt);
    order.rotate_left(first);
    for branch in order {
        let mut tried = shape.clone();
        if add(maker, &mut tried, branch, spot).is_some() {
            *shape = tried;
            return Some(());
        }
    }
    None
}

fn goes_deeper(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("$ref") || map.values().any(goes_deeper),
        Value::Array(list) => list.iter().any(goes_deeper),
        _ => false,
    }
}

/// Merges `if` and `then`, or else `else`; the candidates alternate.
fn condition(
    maker: &mut Maker<'_>,
    shape: &mut Map<String, Value>,
    keywords: &Map<String, Value>,
    spot: Spot<'_>,
) -> Option<()> {
    let Some(condition) = keywords.get("if") else {
        return Some(());
    };
    let open = Value::Bool(true);
    let (then, other) =
        (keywords.get("then").unwrap_or(&open), keywords.get("else").unwrap_or(&open));
    if maker.branch(2, mix(spot.salt ^ 0x1f)) == 0 {
        let mut tried = shape.clone();
        let met = add(maker, &mut tried, condition, spot).and_then(|()| {
            require_named(&mut tried, condition);
            add(maker, &mut tried, then, spot)
        });
        if met.is_some() {
            *shape = tried;
            return Some(());
        }
    }
    add(maker, shape, other, spot)
}

/// Makes the properties of a condition required, so that the condition really applies
/// to the candidate.
fn require_named(shape: &mut Map<String, Value>, condition: &Value) {
    if let Some(Value::Object(properties)) = condition.get("properties") {
        let names: Vec<Value> = properties.keys().map(|name| Value::String(name.clone())).collect();
        join(shape, "required", Value::Array(names));
    }
}

/// Merges the schemas that apply if a property is present: a required one, or, unless
/// the value should stay small, an optional one.
fn depend(
    maker: &mut Maker<'_>,
    shape: &mut Map<String, Value>,
    map: &Map<String, Value>,
    spot: Spot<'_>,
) -> Option<()> {
    for (name, wanted) in map {
        let named = |keyword: &str| shape.get(keyword).and_then(Value::as_array);
        let required =
            named("required").is_some_and(|list| list.iter().any(|one| one == name.as_str()));
        let declared = shape.get("properties").is_some_and(|map| map.get(name).is_some());
        if !required && (!declared || maker.is_lean(spot.level)) {
            continue;
        }
        if wanted.is_array() {
            join(shape, "required", wanted.clone());
        } else {
            add(maker, shape, wanted, spot)?;
        }
    }
    Some(())
}

fn merge(shape: &mut Map<String, Value>, other: Map<String, Value>) -> Option<()> {
    for (keyword, value) in other {
        let Some(own) = shape.get(&keyword) else {
            shape.insert(keyword, value);
            continue;
        };
        if *own == value {
            continue;
        }
        let both = match keyword.as_str() {
            "const" => return None,
            "enum" => Value::Array(common(own, &value)?),
            "type" => kinds_of_both(own, &value)?,
            "required" => {
                join(shape, "required", value);
                continue;
            }
            "properties" | "patternProperties" => by_name(own, &value),
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                if as_float(own) >= as_float(&value) {
                    own.clone()
                } else {
                    value
                }
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                if as_float(own) <= as_float(&value) {
                    own.clone()
                } else {
                    value
                }
            }
            "multipleOf" => common_multiple(own, &value),
            "items" | "additionalProperties" | "contains" | "propertyNames" | "additionalItems"
                if !own.is_array() && !value.is_array() =>
            {
                json!({ "allOf": [own, value] })
            }
            _ => continue,
        };
        shape.insert(keyword, both);
    }
    Some(())
}

fn join(shape: &mut Map<String, Value>, keyword: &str, more: Value) {
    let list = shape.entry(keyword).or_insert_with(|| Value::Array(Vec::new()));
    if let (Value::Array(list), Value::Array(more)) = (list, more) {
        for one in more {
            if !list.contains(&one) {
                list.push(one);
            }
        }
    }
}

fn common(own: &Value, other: &Value) -> Option<Vec<Value>> {
    let (Value::Array(own), Value::Array(other)) = (own, other) else { return None };
    let both: Vec<Value> = own.iter().filter(|one| other.contains(one)).cloned().collect();
    (!both.is_empty()).then_some(both)
}

fn kinds_of_both(own: &Value, other: &Value) -> Option<Value> {
    let list = |value: &Value| match value {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let (own, other) = (list(own), list(other));
    let takes = |kinds: &[Value], kind: &Value| {
        kinds.contains(kind) || (kind == "integer" && kinds.iter().any(|one| one == "number"))
    };
    let mut both: Vec<Value> = own.iter().filter(|kind| takes(&other, kind)).cloned().collect();
    both.extend(other.iter().filter(|kind| takes(&own, kind) && !own.contains(kind)).cloned());
    (!both.is_empty()).then_some(Value::Array(both))
}

fn by_name(own: &Value, other: &Value) -> Value {
    let mut both = own.as_object().cloned().unwrap_or_default();
    for (name, schema) in other.as_object().into_iter().flatten() {
        let joined = match both.get(name) {
            Some(own) if own != schema => json!({ "allOf": [own, schema] }),
            _ => schema.clone(),
        };
        both.insert(name.clone(), joined);
    }
    Value::Object(both)
}

fn common_multiple(own: &Value, other: &Value) -> Value {
    let (Some(a), Some(b)) = (own.as_u64(), other.as_u64()) else { return own.clone() };
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a.checked_div(x).and_then(|part| part.checked_mul(b)).map_or_else(|| own.clone(), Value::from)
}

fn as_float(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}
