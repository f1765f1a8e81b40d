//! How the arguments of a tool become those of its workflow.
//!
//! A tool takes an object, and hosts pass its schema on to services that take no other
//! keyword beside `type` at the top. A workflow may take any JSON value.
//!
//! Owns: which schemas a tool has as they are, and the object around the others. Never:
//! checks arguments; a run does.

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

/// The one field of a tool whose workflow takes more than a plain object.
const ARGS: &str = "args";

/// Longest schema that a tool has: all tools together are part of each prompt.
const SCHEMA_BYTES_MAX: usize = 8 * 1024;

/// Keywords that services refuse at the top of a tool's schema.
const NOT_AT_TOP: [&str; 10] =
    ["anyOf", "oneOf", "allOf", "not", "if", "enum", "const", "$ref", "$dynamicRef", "$id"];

/// Keywords whose schemas are found by a path from the top.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// Longest name of a field that all services take.
const FIELD_BYTES_MAX: usize = 64;

/// What a tool is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The arguments themselves.
    Object,
    /// The same, by a schema that is too long for a list of tools.
    Unsaid,
    /// The arguments in the field `args`.
    Wrapped,
    /// The same, by a schema that is too long, or that holds only where it stands.
    WrappedUnsaid,
}

impl Form {
    /// The form for arguments of this schema.
    pub(super) fn of(schema: &Value) -> Self {
        if schema.is_null() {
            return Self::Object;
        }
        let is_long = schema.to_string().len() > SCHEMA_BYTES_MAX;
        match (is_plain_object(schema), is_long) {
            (true, false) => Self::Object,
            (true, true) => Self::Unsaid,
            (false, false) if can_move(schema) => Self::Wrapped,
            (false, _) => Self::WrappedUnsaid,
        }
    }

    /// The schema of the tool.
    pub(super) fn schema(self, schema: &Value) -> JsonObject {
        let any = json!({ "type": "object" });
        let made = match self {
            Self::Object if schema.is_null() => any,
            Self::Object => with_objects(schema.clone()),
            Self::Unsaid => any,
            Self::Wrapped => wrapped(schema.clone()),
            Self::WrappedUnsaid => wrapped(json!({})),
        };
        match made {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    /// What the description says about it.
    pub(super) fn note(self, workflow: &str) -> String {
        match self {
            Self::Object | Self::Wrapped => String::new(),
            Self::Unsaid | Self::WrappedUnsaid => format!(
                " What its arguments must be: smol-wf run {} --help",
                crate::shell::word(workflow)
            ),
        }
    }

    /// The arguments of the workflow. Fails if they are not where the schema has them.
    pub(super) fn args(self, given: &JsonObject) -> Result<Option<Value>, String> {
        match self {
            Self::Object | Self::Unsaid => {
                Ok((!given.is_empty()).then(|| Value::Object(given.clone())))
            }
            Self::Wrapped | Self::WrappedUnsaid => match (given.get(ARGS), given.len()) {
                (Some(args), 1) => Ok(Some(args.clone())),
                (None, 0) => Ok(None),
                _ => Err(format!("this tool has one argument, `{ARGS}`")),
            },
        }
    }
}

/// Whether this is a schema of an object that all services take.
fn is_plain_object(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else { return false };
    let names = fields.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.get("type") == Some(&json!("object"))
        && NOT_AT_TOP.iter().all(|keyword| !fields.contains_key(*keyword))
        && names.into_iter().all(|(name, _)| is_plain_name(name))
}

fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=FIELD_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

/// Whether a schema means the same in a field of another: what it refers to moves along.
fn can_move(schema: &Value) -> bool {
    let is_fine = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("$ref", Value::String(to)) => {
            DEFINITIONS.iter().any(|name| to.starts_with(&format!("#/{name}/")))
        }
        ("$id" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef", _) => false,
        (_, value) => can_move(value),
    };
    match schema {
        Value::Object(fields) => fields.iter().all(is_fine),
        Value::Array(list) => list.iter().all(can_move),
        _ => true,
    }
}

/// An object with a schema in its one field.
fn wrapped(mut schema: Value) -> Value {
    let mut top = Map::new();
    top.insert("type".to_owned(), "object".into());
    for name in DEFINITIONS {
        if let Some(moved) = schema.as_object_mut().and_then(|fields| fields.shift_remove(name)) {
            top.insert(name.to_owned(), moved);
        }
    }
    top.insert("properties".to_owned(), json!({ ARGS: schema }));
    top.insert("required".to_owned(), json!([ARGS]));
    top.insert("additionalProperties".to_owned(), false.into());
    with_objects(top.into())
}

/// The schema with an object for each field: clients do not take `true` and `false` there.
fn with_objects(mut schema: Value) -> Value {
    let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
    for field in fields.into_iter().flat_map(|fields| fields.values_mut()) {
        match field {
            Value::Bool(true) => *field = json!({}),
            Value::Bool(false) => *field = json!({ "not": {} }),
            _ => {}
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn made(schema: &Value) -> Value {
        let made = Value::Object(Form::of(schema).schema(schema));
        assert_eq!(made["type"], "object", "{made}");
        made
    }

    #[test]
    fn a_plain_object_stays_as_it_is() {
        let plain = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
        assert_eq!(made(&plain), plain);
        assert_eq!(made(&Value::Null), json!({ "type": "object" }));
        let odd = json!({ "type": "object", "properties": { "a": true, "b": false } });
        assert_eq!(made(&odd)["properties"], json!({ "a": {}, "b": { "not": {} } }));
        let given = Map::from_iter([("a".to_owned(), json!(1))]);
        assert_eq!(Form::of(&plain).args(&given), Ok(Some(json!({ "a": 1 }))));
        assert_eq!(Form::of(&plain).args(&Map::new()), Ok(None));
    }

    #[test]
    fn other_schemas_are_those_of_one_field() {
        let list = json!({ "type": "array", "items": { "$ref": "#/$defs/one" },
            "$defs": { "one": { "type": "string" } } });
        let tool = made(&list);
        assert_eq!(tool["$defs"], list["$defs"]);
        assert_eq!(tool["properties"]["args"]["items"], list["items"]);
        let either = json!({ "type": "object", "anyOf": [{ "required": ["a"] }] });
        let spaced = json!({ "type": "object", "properties": { "a b": {} } });
        let text = json!({ "type": ["object", "null"] });
        for schema in [either, spaced, text, json!(true), json!({})] {
            assert_eq!(Form::of(&schema), Form::Wrapped, "{schema}");
            assert!(made(&schema)["properties"]["args"].is_object(), "{schema}");
        }
        let itself = json!({ "type": "array", "items": { "$ref": "#" } });
        assert_eq!(Form::of(&itself), Form::WrappedUnsaid);
        let long = json!({ "enum": vec!["choice"; 10_000] });
        assert_eq!(made(&long)["properties"], json!({ "args": {} }));
        assert!(Form::of(&long).note("a b").ends_with("smol-wf run 'a b' --help"));

        let given = |value: Value| Map::from_iter([("args".to_owned(), value)]);
        assert_eq!(Form::Wrapped.args(&given(json!([1]))), Ok(Some(json!([1]))));
        assert_eq!(Form::Wrapped.args(&Map::new()), Ok(None));
        let other = Map::from_iter([("x".to_owned(), json!(1))]);
        assert_eq!(Form::Wrapped.args(&other).unwrap_err(), "this tool has one argument, `args`");
    }
}
