//! What draft 7 in strict mode and draft 2020-12 understand alike.
//!
//! Owns: which keywords stay, and the few that are rewritten. Never: makes a schema
//! narrower: a keyword that cannot be kept whole is dropped.

use serde_json::{Map, Value, json};
use smol_wf_core::schema::do_drafts_share;

use super::each_schema;

/// The schema without the keywords that one of the two would refuse.
pub(super) fn adapt(author: &Value) -> Value {
    let mut schema = author.clone();
    each_schema(&mut schema, &mut one_schema);
    // A second pass: which places exist is known only after the first.
    let whole = schema.clone();
    each_schema(&mut schema, &mut |keywords| keep_known_ref(keywords, &whole));
    schema
}

fn one_schema(keywords: &mut Map<String, Value>) {
    plain_bounds(keywords);
    plain_tuple(keywords);
    // `contains` alone asks for one; with `minContains` it may ask for none.
    if keywords.contains_key("minContains") {
        keywords.shift_remove("contains");
    }
    // A value may satisfy two choices once something is dropped from them.
    if let Some(choices) = keywords.shift_remove("oneOf") {
        keywords.entry("anyOf").or_insert(choices);
    }
    // These invert: dropping a keyword inside them makes the schema narrower.
    for keyword in ["not", "if"] {
        if keywords.get(keyword).is_some_and(loses) {
            keywords.shift_remove(keyword);
        }
    }
    let conditional = keywords.contains_key("if");
    let branches = keywords.contains_key("then") || keywords.contains_key("else");
    keywords.retain(|keyword, value| match keyword.as_str() {
        "if" => branches,
        "then" | "else" => conditional,
        "pattern" => value.as_str().is_some_and(is_plain_pattern),
        "patternProperties" => {
            value.as_object().is_some_and(|map| map.keys().all(|key| is_plain_pattern(key)))
        }
        "enum" => value.as_array().is_some_and(|values| !values.is_empty()),
        other => do_drafts_share(other),
    });
}

/// Whether anything in it might be dropped, here or in a schema that it refers to.
fn loses(schema: &Value) -> bool {
    let mut lost = false;
    each_schema(&mut schema.clone(), &mut |keywords| {
        lost |= keywords.iter().any(|(keyword, value)| match keyword.as_str() {
            "$ref" | "oneOf" | "if" | "then" | "else" | "patternProperties" => true,
            "items" => value.is_array(),
            "exclusiveMaximum" | "exclusiveMinimum" => value.is_boolean(),
            "pattern" => !value.as_str().is_some_and(is_plain_pattern),
            other => !do_drafts_share(other),
        });
    });
    lost
}

/// Rewrites draft 4: `minimum: 1, exclusiveMinimum: true` is `exclusiveMinimum: 1`.
fn plain_bounds(keywords: &mut Map<String, Value>) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match keywords.get(exclusive) {
            Some(Value::Bool(true)) => match keywords.shift_remove(bound) {
                Some(number) => drop(keywords.insert(exclusive.to_owned(), number)),
                None => drop(keywords.shift_remove(exclusive)),
            },
            Some(Value::Bool(false)) => drop(keywords.shift_remove(exclusive)),
            _ => {}
        }
    }
}

/// Rewrites a list with a schema for each place, which is `prefixItems` in one draft and
/// `items: […]` in the other. Both know "each is one of these".
fn plain_tuple(keywords: &mut Map<String, Value>) {
    let (places, rest) = match (keywords.shift_remove("prefixItems"), keywords.get("items")) {
        (Some(Value::Array(places)), _) => (places, keywords.shift_remove("items")),
        (_, Some(Value::Array(_))) => {
            let Some(Value::Array(places)) = keywords.shift_remove("items") else { return };
            (places, keywords.shift_remove("additionalItems"))
        }
        _ => return,
    };
    let mut choices = places;
    match rest {
        Some(Value::Bool(false)) => {
            let most = choices.len() as u64;
            let stated = keywords.get("maxItems").and_then(Value::as_u64).unwrap_or(most);
            keywords.insert("maxItems".to_owned(), json!(stated.min(most)));
        }
        // Everything after the places is free, so no schema holds for each.
        None | Some(Value::Bool(true)) => return,
        Some(other) => choices.push(other),
    }
    if !choices.is_empty() {
        keywords.insert("items".to_owned(), json!({"anyOf": choices}));
    }
}

/// Keeps a reference to a place in this document. References by an anchor or an id, which
/// are removed, would lead nowhere.
fn keep_known_ref(keywords: &mut Map<String, Value>, whole: &Value) {
    let Some(Value::String(target)) = keywords.get("$ref") else { return };
    let leads = target.strip_prefix('#').is_some_and(|path| whole.pointer(path).is_some());
    if !leads {
        keywords.shift_remove("$ref");
    }
}

/// Whether all engines of regular expressions read a pattern alike. A pattern that
/// JavaScript refuses in Unicode mode would cost the whole schema.
fn is_plain_pattern(pattern: &str) -> bool {
    let mut chars = pattern.chars().peekable();
    while let Some(one) = chars.next() {
        let fine = match one {
            '\\' => chars
                .next()
                .is_some_and(|escaped| "dDwWsSbBnrtfv.*+?()[]{}|^$/\\".contains(escaped)),
            '(' if chars.peek() == Some(&'?') => {
                chars.next();
                chars.peek() == Some(&':')
            }
            _ => true,
        };
        if !fine {
            return false;
        }
    }
    true
}
