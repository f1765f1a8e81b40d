//! The places in which a schema holds other schemas.
//!
//! Owns: which keyword holds schemas and on which part of an answer each is
//! tried. Never: follows a reference.

use serde_json::Value;

/// How a schema holds another, which decides on which part of an answer the
/// inner one is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
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
pub(super) fn inner(schema: &Value) -> Vec<(Place<'_>, &Value)> {
    let mut found = Vec::new();
    let Value::Object(keywords) = schema else {
        return found;
    };
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("allOf", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Place::Same, one)))
            }
            ("anyOf" | "oneOf", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Place::Choice, one)));
            }
            ("not" | "if" | "then" | "else" | "contentSchema", one) => {
                found.push((Place::Choice, one));
            }
            ("dependentSchemas" | "dependencies", Value::Object(map)) => {
                let schemas = map.values().filter(|one| !one.is_array());
                found.extend(schemas.map(|one| (Place::Same, one)));
            }
            ("properties", Value::Object(map)) => {
                found.extend(map.iter().map(|(name, one)| (Place::Property(name), one)));
            }
            ("patternProperties", Value::Object(map)) => {
                found.extend(map.iter().map(|(pattern, one)| (Place::Pattern(pattern), one)));
            }
            ("additionalProperties" | "unevaluatedProperties", one) => {
                found.push((Place::OtherProperties, one));
            }
            ("propertyNames", one) => found.push((Place::Names, one)),
            ("prefixItems" | "items", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Place::Prefix, one)));
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", one) => {
                found.push((Place::Items, one));
            }
            ("$defs" | "definitions", Value::Object(map)) => {
                found.extend(map.values().map(|one| (Place::Definition, one)));
            }
            _ => {}
        }
    }
    found
}
