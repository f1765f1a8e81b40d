//! A schema for a service that writes its answer by grammar.
//!
//! Owns: what OpenAI's strict mode takes: closed objects whose properties are all
//! required, optional ones as "or null". Never: guesses. One part that cannot be
//! expressed makes the whole schema inexpressible, and the caller writes it into the
//! prompt.

use serde_json::{Map, Value, json};

use super::{in_object, is_plain_object};

/// Keywords that narrow a value and are taken as they are.
const KEPT: [&str; 10] = [
    "description",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "title",
];

/// Formats that the service knows; it refuses others.
const FORMATS: [&str; 9] =
    ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"];

/// Deepest nesting that is followed; the service takes ten levels of objects.
const DEPTH_MAX: usize = 40;

/// The schema, and whether the answer is inside an object.
pub(super) fn adapt(author: &Value) -> Option<(Value, bool)> {
    let mut body = author.as_object()?.clone();
    let definitions = definitions(&mut body)?;
    let wrapped = !is_plain_object(author);
    let lowering = Lowering { wrapped };
    let root = lowering.one(&Value::Object(body), DEPTH_MAX)?;
    let mut schema = if wrapped { in_object(root) } else { root };
    if !definitions.is_empty() {
        let adapted: Option<Map<String, Value>> = definitions
            .into_iter()
            .map(|(name, one)| Some((name, lowering.one(&one, DEPTH_MAX)?)))
            .collect();
        schema.as_object_mut()?.insert("$defs".to_owned(), Value::Object(adapted?));
    }
    Some((schema, wrapped))
}

/// Takes the definitions out of the root, under either keyword.
fn definitions(root: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    let mut all = Map::new();
    for keyword in ["definitions", "$defs"] {
        match root.shift_remove(keyword) {
            Some(Value::Object(named)) => {
                for (name, one) in named {
                    // Two of one name, under two keywords: a reference would be
                    // ambiguous.
                    if all.insert(name, one).is_some() {
                        return None;
                    }
                }
            }
            Some(_) => return None,
            None => {}
        }
    }
    Some(all)
}

struct Lowering {
    wrapped: bool,
}

impl Lowering {
    fn one(&self, schema: &Value, depth: usize) -> Option<Value> {
        let keywords = schema.as_object()?;
        let depth = depth.checked_sub(1)?;
        if let Some(target) = keywords.get("$ref") {
            return self.reference(target.as_str()?);
        }
        if let Some(Value::Array(parts)) = keywords.get("allOf") {
            return self.all_of(keywords, parts, depth);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(Value::Array(choices)) = keywords.get(keyword) {
                return self.any_of(keywords, choices, depth);
            }
        }
        let kept = kept(keywords);
        if let Some(values) = values(keywords) {
            return enumeration(kept, values);
        }
        let kinds = kinds(keywords)?;
        let mut adapted = kept;
        if kinds.contains(&"object") {
            self.object(keywords, &mut adapted, depth)?;
        }
        if kinds.contains(&"array") {
            let items = keywords.get("items").filter(|_| !keywords.contains_key("prefixItems"))?;
            adapted.insert("items".to_owned(), self.one(items, depth)?);
        }
        let kind = if let [only] = kinds[..] { json!(only) } else { json!(kinds) };
        adapted.insert("type".to_owned(), kind);
        Some(Value::Object(adapted))
    }

    /// A reference to a definition by name, or to the root where it was not moved.
    fn reference(&self, target: &str) -> Option<Value> {
        if target == "#" && !self.wrapped {
            return Some(json!({"$ref": "#"}));
        }
        let path = target.strip_prefix("#/")?;
        let name = path.strip_prefix("$defs/").or(path.strip_prefix("definitions/"))?;
        // A name that is escaped in a reference is written differently in the
        // definitions.
        (!name.contains(['/', '%', '~'])).then(|| json!({"$ref": format!("#/$defs/{name}")}))
    }

    /// One part and nothing beside it, which is how generators write a reference with a
    /// description.
    fn all_of(
        &self,
        keywords: &Map<String, Value>,
        parts: &[Value],
        depth: usize,
    ) -> Option<Value> {
        let [part] = parts else { return None };
        let alone = keywords.keys().all(|keyword| {
            ["allOf", "description", "title", "default"].contains(&keyword.as_str())
        });
        if alone { self.one(part, depth) } else { None }
    }

    fn any_of(
        &self,
        keywords: &Map<String, Value>,
        choices: &[Value],
        depth: usize,
    ) -> Option<Value> {
        let narrowed = ["type", "properties", "required", "items", "enum", "const", "$ref"];
        if narrowed.iter().any(|keyword| keywords.contains_key(*keyword)) {
            return None;
        }
        let choices: Option<Vec<Value>> =
            choices.iter().map(|choice| self.one(choice, depth)).collect();
        let mut adapted = kept(keywords);
        adapted.insert("anyOf".to_owned(), Value::Array(choices?));
        Some(Value::Object(adapted))
    }

    fn object(
        &self,
        keywords: &Map<String, Value>,
        adapted: &mut Map<String, Value>,
        depth: usize,
    ) -> Option<()> {
        let empty = Map::new();
        let properties = keywords.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let closed = keywords.get("additionalProperties") == Some(&Value::Bool(false));
        // An open object without properties is a map; closed, it could only be empty.
        let map = keywords.get("additionalProperties").is_some_and(Value::is_object);
        if map || (properties.is_empty() && !closed) {
            return None;
        }
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        if required.iter().any(|name| !properties.contains_key(*name)) {
            return None;
        }
        let mut all = Map::new();
        for (name, property) in properties {
            let one = self.one(property, depth)?;
            let one = if required.contains(&name.as_str()) { one } else { or_null(one) };
            all.insert(name.clone(), one);
        }
        let names: Vec<&String> = properties.keys().collect();
        adapted.insert("required".to_owned(), json!(names));
        adapted.insert("properties".to_owned(), Value::Object(all));
        adapted.insert("additionalProperties".to_owned(), Value::Bool(false));
        Some(())
    }
}

fn kept(keywords: &Map<String, Value>) -> Map<String, Value> {
    let known = |(keyword, value): &(&String, &Value)| match keyword.as_str() {
        "format" => value.as_str().is_some_and(|format| FORMATS.contains(&format)),
        "pattern" => value.as_str().is_some_and(is_regular),
        // Draft 4 has booleans here.
        "exclusiveMaximum" | "exclusiveMinimum" => value.is_number(),
        other => KEPT.contains(&other),
    };
    keywords.iter().filter(known).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a pattern has no look-around and no back-reference, which a grammar cannot
/// express.
fn is_regular(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(one) = chars.next() {
        if one == '\\' && chars.next().is_some_and(|next| "123456789k".contains(next)) {
            return false;
        }
    }
    !pattern.contains("(?")
}

fn values(keywords: &Map<String, Value>) -> Option<Vec<Value>> {
    match (keywords.get("const"), keywords.get("enum")) {
        (Some(one), _) => Some(vec![one.clone()]),
        (None, Some(Value::Array(values))) => Some(values.clone()),
        _ => None,
    }
}

/// Writes out an `enum`'s values, if they are simple.
fn enumeration(mut kept: Map<String, Value>, values: Vec<Value>) -> Option<Value> {
    let mut kinds = Vec::new();
    for value in &values {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) | Value::Object(_) => return None,
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let kind = match kinds[..] {
        [] => return None,
        [only] => json!(only),
        _ => json!(kinds),
    };
    kept.insert("type".to_owned(), kind);
    kept.insert("enum".to_owned(), Value::Array(values));
    Some(Value::Object(kept))
}

/// The types of a schema, as it says or as its keywords imply.
fn kinds(keywords: &Map<String, Value>) -> Option<Vec<&str>> {
    match keywords.get("type") {
        Some(Value::String(kind)) => Some(vec![kind]),
        Some(Value::Array(kinds)) => kinds.iter().map(Value::as_str).collect(),
        Some(_) => None,
        None if keywords.contains_key("properties") => Some(vec!["object"]),
        None if keywords.contains_key("items") => Some(vec!["array"]),
        // "Any value" cannot be expressed.
        None => None,
    }
}

/// A schema that allows null as well.
fn or_null(schema: Value) -> Value {
    let Value::Object(mut keywords) = schema else { return schema };
    match keywords.get_mut("type") {
        Some(Value::String(kind)) if kind == "null" => {}
        Some(Value::String(kind)) => {
            let both = json!([kind, "null"]);
            keywords.insert("type".to_owned(), both);
        }
        Some(Value::Array(kinds)) => {
            if !kinds.contains(&json!("null")) {
                kinds.push(json!("null"));
            }
        }
        _ => {
            if let Some(Value::Array(choices)) = keywords.get_mut("anyOf") {
                choices.push(json!({"type": "null"}));
                return Value::Object(keywords);
            }
            return json!({"anyOf": [keywords, {"type": "null"}]});
        }
    }
    if let Some(Value::Array(values)) = keywords.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    Value::Object(keywords)
}
