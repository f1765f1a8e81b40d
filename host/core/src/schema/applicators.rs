//! Applicators: the keywords through which a schema holds other schemas.
//!
//! Owns: which keywords those are, and which part of an answer each inner schema
//! applies to. Never: follows a reference.

use serde_json::Value;

/// How a schema holds another: the part of an answer that the inner one applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applicator<'a> {
    /// On the same value, always.
    Same,
    /// On the same value, and again when errors are collected.
    Choice,
    /// On one property.
    Property(&'a str),
    /// On the properties whose name matches.
    Pattern(&'a str),
    /// On the properties that have no schema by name.
    OtherProperties,
    /// On every property name.
    Names,
    /// On one leading item.
    Prefix,
    /// On every item.
    Items,
    /// Nowhere, unless something refers to it.
    Definition,
}

/// All schemas directly inside this one, references aside. Knows the keywords
/// of every draft at once: one too many costs a little, one too few would be
/// a hole.
pub(super) fn inner(schema: &Value) -> Vec<(Applicator<'_>, &Value)> {
    let mut found = Vec::new();
    let Value::Object(keywords) = schema else {
        return found;
    };
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("allOf", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Applicator::Same, one)))
            }
            ("anyOf" | "oneOf", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Applicator::Choice, one)));
            }
            ("not" | "if" | "then" | "else" | "contentSchema", one) => {
                found.push((Applicator::Choice, one));
            }
            ("dependentSchemas" | "dependencies", Value::Object(map)) => {
                let schemas = map.values().filter(|one| !one.is_array());
                found.extend(schemas.map(|one| (Applicator::Same, one)));
            }
            ("properties", Value::Object(map)) => {
                found.extend(map.iter().map(|(name, one)| (Applicator::Property(name), one)));
            }
            ("patternProperties", Value::Object(map)) => {
                found.extend(map.iter().map(|(pattern, one)| (Applicator::Pattern(pattern), one)));
            }
            ("additionalProperties" | "unevaluatedProperties", one) => {
                found.push((Applicator::OtherProperties, one));
            }
            ("propertyNames", one) => found.push((Applicator::Names, one)),
            ("prefixItems" | "items", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Applicator::Prefix, one)));
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", one) => {
                found.push((Applicator::Items, one));
            }
            ("$defs" | "definitions", Value::Object(map)) => {
                found.extend(map.values().map(|one| (Applicator::Definition, one)));
            }
            _ => {}
        }
    }
    found
}
