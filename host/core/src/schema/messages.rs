//! Messages about violations of a schema, and about invalid schemas.
//!
//! Owns: messages that replace those of the library if they say too little. Never:
//! checks an answer.

use crate::cut;
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

/// Most bytes of a value that a message repeats.
const VALUE_BYTES_MAX: usize = 80;

/// The types of JSON Schema.
const TYPES: [&str; 7] = ["string", "number", "integer", "object", "array", "boolean", "null"];

/// Words of other languages for these types.
const OTHER_WORDS: [(&str, &str); 15] = [
    ("str", "string"),
    ("text", "string"),
    ("date", "string"),
    ("int", "integer"),
    ("long", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("bool", "boolean"),
    ("list", "array"),
    ("tuple", "array"),
    ("dict", "object"),
    ("map", "object"),
    ("record", "object"),
    ("none", "null"),
    ("undefined", "null"),
];

/// The message about a violation, without its path.
pub(super) fn violation(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            none_of(error, context)
        }
        ValidationErrorKind::OneOfMultipleValid { context } => {
            let fitting: Vec<String> = context
                .iter()
                .enumerate()
                .filter(|(_, errors)| errors.is_empty())
                .map(|(nth, _)| (nth + 1).to_string())
                .collect();
            let value = shown(error.instance());
            if fitting.len() < 2 {
                return error.to_string();
            }
            format!(
                "{value} fits several of the choices of `oneOf` (choices {}), and one is allowed",
                fitting.join(" and ")
            )
        }
        _ => error.to_string(),
    }
}

/// The message with the choice for which the value was probably meant, and what is
/// wrong with it there.
fn none_of(error: &ValidationError<'_>, context: &[Vec<ValidationError<'static>>]) -> String {
    let place = error.instance_path().as_str();
    let value = shown(error.instance());
    let choices = context.len();
    if let Some(types) = types_only(place, context) {
        return format!("{value} is not of type {types}");
    }
    let tells_apart = |one: &ValidationError<'_>| {
        let here = one.instance_path().as_str() == place;
        let near =
            one.instance_path().as_str().matches('/').count() <= place.matches('/').count() + 1;
        match one.kind() {
            ValidationErrorKind::Type { .. } => here,
            ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => near,
            _ => false,
        }
    };
    let rank =
        |errors: &&Vec<ValidationError<'static>>| (errors.iter().any(tells_apart), errors.len());
    let nearest = context.iter().filter(|errors| !errors.is_empty()).min_by_key(rank);
    let Some(first) = nearest.and_then(|errors| errors.first()) else {
        return error.to_string();
    };
    let inside = first.instance_path().as_str();
    let inside = inside.strip_prefix(place).unwrap_or(inside);
    let inside = if inside.is_empty() { String::new() } else { format!("{inside}: ") };
    let keyword = error.kind().keyword();
    format!(
        "{value} fits none of the {choices} choices of `{keyword}`; what keeps it from the nearest: {inside}{}",
        violation(first)
    )
}

/// The types of all choices, if the type is the only violation of each.
fn types_only(place: &str, context: &[Vec<ValidationError<'static>>]) -> Option<String> {
    let mut types: Vec<String> = Vec::new();
    for errors in context {
        let [one] = errors.as_slice() else { return None };
        let ValidationErrorKind::Type { kind } = one.kind() else { return None };
        if one.instance_path().as_str() != place {
            return None;
        }
        let names: Vec<String> = match kind {
            TypeKind::Single(kind) => vec![kind.to_string()],
            TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect(),
        };
        types.extend(names);
    }
    types.dedup();
    (!types.is_empty()).then(|| listed(&types))
}

fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

fn shown(value: &Value) -> String {
    cut::marked(value.to_string(), VALUE_BYTES_MAX)
}

/// The message about an invalid schema, with the path.
pub(super) fn of_schema(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().as_str();
    let said = match place.rsplit('/').next() {
        Some("type") => type_of(error.instance()),
        _ => None,
    };
    let said = said.unwrap_or_else(|| violation(error));
    if place.is_empty() { said } else { format!("at {place}: {said}") }
}

fn type_of(value: &Value) -> Option<String> {
    let list = TYPES.map(str::to_owned);
    let kinds = format!("`type` is {}, or a list of these", listed(&list));
    let names: Vec<&Value> = match value {
        Value::Array(names) => names.iter().collect(),
        one => vec![one],
    };
    let wrong =
        names.into_iter().find(|name| !name.as_str().is_some_and(|name| TYPES.contains(&name)))?;
    let hint = wrong.as_str().and_then(meant).unwrap_or_default();
    Some(format!("{} is not a type; {kinds}{hint}", shown(wrong)))
}

fn meant(word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    if lower == "any" || lower == "unknown" {
        return Some("; for any value leave it out".to_owned());
    }
    let known = OTHER_WORDS.iter().find(|(other, _)| *other == lower).map(|(_, own)| *own);
    let near = || {
        let distance = |own: &&&str| strsim::damerau_levenshtein(own, &lower);
        TYPES.iter().min_by_key(distance).filter(|own| distance(own) <= 2).copied()
    };
    known.or_else(near).map(|own| format!("; did you mean `{own}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Checker, accept, describe};
    use serde_json::json;

    fn of_answer(schema: &Value, answer: &Value) -> String {
        describe(&Checker::new(&schema.to_string()).unwrap().check(answer).unwrap_err())
    }

    #[test]
    fn a_wrong_type_is_named_and_the_right_one_offered() {
        for (kind, hint) in [
            (json!("strng"), "did you mean `string`?"),
            (json!("str"), "did you mean `string`?"),
            (json!("Bool"), "did you mean `boolean`?"),
            (json!("int"), "did you mean `integer`?"),
            (json!(["string", "nul"]), "did you mean `null`?"),
            (json!("any"), "leave it out"),
            (json!(7), "7 is not a type"),
        ] {
            let error = accept(&json!({"properties": {"a": {"type": kind}}})).unwrap_err();
            assert!(error.message.contains("at /properties/a/type: "), "{}", error.message);
            assert!(error.message.contains("`type` is string, number"), "{}", error.message);
            assert!(error.message.contains(hint), "{}", error.message);
        }
    }

    #[test]
    fn of_several_choices_the_nearest_is_told() {
        let simple = json!({"anyOf": [{"type": "string"}, {"type": "null"}]});
        assert_eq!(of_answer(&simple, &json!(3)), "(root): 3 is not of type string or null");
        let kinds = json!({"items": {"oneOf": [
            {"properties": {"kind": {"const": "a"}, "n": {"type": "integer"}}, "required": ["kind", "n"]},
            {"properties": {"kind": {"const": "b"}, "s": {"type": "string"}}, "required": ["kind", "s"]},
        ]}});
        let told = of_answer(&kinds, &json!([{"kind": "b", "s": 3}]));
        assert!(told.starts_with("/0: "), "{told}");
        assert!(told.contains("none of the 2 choices of `oneOf`"), "{told}");
        assert!(told.contains("/s: 3 is not of type \"string\""), "{told}");
        let both = json!({"oneOf": [{"type": "integer"}, {"minimum": 1}]});
        let told = of_answer(&both, &json!(5));
        assert!(told.contains("fits several of the choices"), "{told}");
    }
}
