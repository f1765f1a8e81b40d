//! Applicators: the keywords of a schema whose values contain other schemas.
//!
//! Owns: which keywords these are, and to which part of an answer each inner schema
//! applies. Never: follows a reference.

use serde_json::Value;

/// The part of an answer to which an inner schema applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applicator<'a> {
    /// The same value.
    Same,
    /// The same value, and again when errors are collected.
    Choice,
    /// The property with this name.
    Property(&'a str),
    /// The properties whose names match this pattern.
    Pattern(&'a str),
    /// The properties without a schema by name.
    OtherProperties,
    /// Every property name.
    Names,
    /// One leading item.
    Prefix,
    /// Every item.
    Items,
    /// Nothing, unless a reference leads to the schema.
    Definition,
}

/// All schemas directly inside this one, without following references. Uses the
/// keywords of every draft at the same time: an extra one costs a little work, a missing
/// one would leave a schema without bounds.
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
