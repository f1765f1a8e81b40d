//! Values of `--args-<name>`, typed by the schema that the workflow declares.
//!
//! Owns: which argument a flag means, and how its text becomes a value. Never: decides
//! whether a value fits; the schema does, and a text that cannot be typed stays text.

use serde_json::Value;
use smol_wf_core::args_schema::{ArgsSchema, DeclaredArg};
use smol_wf_core::near;

/// The argument that the flag of this name means: the one that is declared so, or the
/// only one that differs in case and separators alone (`max-depth` is `maxDepth`).
pub(super) fn declared<'a>(schema: &'a ArgsSchema, name: &str) -> Option<DeclaredArg<'a>> {
    if let Some(exact) = schema.argument(name) {
        return Some(exact);
    }
    let mut alike = schema.declared();
    alike.retain(|one| bare(one.name) == bare(name));
    match alike.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// A name without separators, in lower case.
fn bare(name: &str) -> String {
    name.chars().filter(|one| !matches!(one, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// What the user probably meant by flags that the workflow does not declare, but takes.
pub(super) fn likely_mistyped(schema: &ArgsSchema, names: &[String]) -> Vec<String> {
    let known = schema.declared();
    let unknown = names.iter().filter(|name| declared(schema, name).is_none());
    let told = unknown.filter_map(|name| {
        let meant = near::nearest(name, known.iter().map(|one| one.name))?;
        Some(format!(
            "the workflow declares no argument --args-{name}; did you mean --args-{meant}?"
        ))
    });
    told.collect()
}

/// Whether an argument takes several values.
pub(super) fn is_list(argument: &DeclaredArg<'_>) -> bool {
    let types = types(argument.schema);
    types.contains(&"array") || (types.is_empty() && argument.schema.get("items").is_some())
}

/// The value of an argument that was given these texts, in order; a flag without a value
/// has none.
pub(super) fn value(
    schema: &ArgsSchema,
    argument: &DeclaredArg<'_>,
    texts: Vec<Option<String>>,
) -> Value {
    let takes_one = !is_list(argument) || types(argument.schema).len() > 1;
    match texts.as_slice() {
        [Some(text)] => match serde_json::from_str(text) {
            Ok(list @ Value::Array(_)) if is_list(argument) => return list,
            _ if takes_one => return one(argument.schema, Some(text.clone())),
            _ => {}
        },
        [None] => return Value::Bool(true),
        _ => {}
    }
    let items = argument.schema.get("items").map(|items| schema.followed(items));
    let each = match items.filter(|_| is_list(argument)) {
        Some(items) => texts.into_iter().map(|text| one(items, text)).collect(),
        None if is_list(argument) => texts.into_iter().map(untyped).collect(),
        None => texts.into_iter().map(|text| one(argument.schema, text)).collect(),
    };
    if is_list(argument) { Value::Array(each) } else { collected(each) }
}

/// The value of a flag that no schema describes.
pub(super) fn untyped(text: Option<String>) -> Value {
    text.map_or(Value::Bool(true), |text| value_of(&text))
}

/// Reads a value: `5`, `true`, `null`, `[1]` and `{"a":1}` are JSON, everything
/// else is text. `'"5"'` is the text 5. A number that JavaScript would print
/// differently is text too: `1.10` may be a version, `12345e7` a commit, twenty
/// digits an id.
pub(super) fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) if !survives_javascript(&number, text) => {
            Value::String(text.to_owned())
        }
        Ok(value) => value,
        Err(_) => Value::String(text.to_owned()),
    }
}

/// Whether JavaScript would print the number exactly as it was typed.
fn survives_javascript(number: &serde_json::Number, text: &str) -> bool {
    // 2^53 - 1, and the smallest fraction that JavaScript prints without an
    // exponent.
    const EXACT_MAX: u64 = (1 << 53) - 1;
    const PLAIN_MIN: f64 = 1e-6;
    if let Some(whole) = number.as_i64() {
        return whole.unsigned_abs() <= EXACT_MAX && whole.to_string() == text;
    }
    let is_plain =
        |float: f64| float.abs() >= PLAIN_MIN && float.fract() != 0.0 && float.to_string() == text;
    number.as_f64().is_some_and(is_plain)
}

/// One value, or several as a list.
pub(super) fn collected(mut values: Vec<Value>) -> Value {
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}

/// One value. Where text is allowed, everything that no other allowed type reads is text.
fn one(schema: &Value, text: Option<String>) -> Value {
    let Some(text) = text else { return Value::Bool(true) };
    let choices = schema.get("enum").and_then(Value::as_array);
    if choices.is_some_and(|choices| choices.iter().any(|one| one == text.as_str())) {
        return Value::String(text);
    }
    let parsed: Option<Value> = serde_json::from_str(&text).ok();
    let types = types(schema);
    if types.is_empty() {
        let chosen = parsed.filter(|parsed| choices.is_some_and(|all| all.contains(parsed)));
        return chosen.unwrap_or_else(|| value_of(&text));
    }
    let takes_text = types.contains(&"string");
    match parsed {
        Some(value) if types.iter().any(|kind| is_of(&value, kind)) && !value.is_string() => value,
        // The error about a value of another type shows it as it was meant.
        Some(value) if !takes_text => value,
        _ => Value::String(text),
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "integer" | "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_read_by_the_type_of_its_argument() {
        let schema = json!({"properties": {
            "text": {"type": "string"},
            "whole": {"type": "integer"},
            "flag": {"type": "boolean"},
            "mode": {"enum": ["1", "deep", 2]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "ids": {"items": {"$ref": "#/properties/whole"}},
            "maybe": {"type": ["string", "null"]},
            "both": {"type": ["string", "array"]},
            "any": {},
            "deep": {"type": "object"},
            "maxDepth": {"type": "integer"},
        }});
        let schema = ArgsSchema::of(&schema).unwrap();
        let read = |name: &str, texts: &[&str]| {
            let argument = declared(&schema, name).unwrap();
            value(&schema, &argument, texts.iter().map(|one| Some((*one).to_owned())).collect())
        };
        for (name, texts, expected) in [
            ("text", &["5"][..], json!("5")),
            ("text", &["true"], json!("true")),
            ("text", &["\"q\""], json!("\"q\"")),
            ("text", &["a", "b"], json!(["a", "b"])),
            ("whole", &["5"], json!(5)),
            ("whole", &["x"], json!("x")),
            ("whole", &["\"5\""], json!("5")),
            ("flag", &["false"], json!(false)),
            ("flag", &["5"], json!(5)),
            ("mode", &["1"], json!("1")),
            ("mode", &["2"], json!(2)),
            ("mode", &["nope"], json!("nope")),
            ("tags", &["1", "b"], json!(["1", "b"])),
            ("tags", &["1"], json!(["1"])),
            ("tags", &["[\"a\"]"], json!(["a"])),
            ("ids", &["1", "2"], json!([1, 2])),
            ("maybe", &["null"], json!(null)),
            ("maybe", &["5"], json!("5")),
            ("both", &["x"], json!("x")),
            ("both", &["x", "y"], json!(["x", "y"])),
            ("any", &["1.10"], json!("1.10")),
            ("any", &["5"], json!(5)),
            ("deep", &["{\"a\":1}"], json!({"a": 1})),
            ("max-depth", &["5"], json!(5)),
        ] {
            assert_eq!(read(name, texts), expected, "{name} {texts:?}");
        }
        let argument = declared(&schema, "flag").unwrap();
        assert_eq!(value(&schema, &argument, vec![None]), json!(true));
        let said = likely_mistyped(&schema, &["txet".to_owned(), "text".to_owned()]);
        assert_eq!(said.len(), 1);
        assert!(said[0].ends_with("did you mean --args-text?"), "{said:?}");
    }
}
