//! Nulls that stand for omitted properties.
//!
//! Owns: telling them from nulls that the author's schema allows. Never: adds or changes
//! anything else.

use serde_json::{Map, Value};

/// Most schemas that are considered for one value: references, choices and parts of a
/// hostile schema multiply.
const VIEWS_MAX: usize = 64;

/// Removes nulls from an answer that the author's schema does not allow there and whose
/// properties are optional.
pub(super) fn drop_stand_ins(author: &Value, answer: &mut Value) {
    one_value(author, &[author], answer);
}

/// Handles one value. `schemas` are all schemas that are known to apply to it.
fn one_value(author: &Value, schemas: &[&Value], value: &mut Value) {
    let views = views(author, schemas);
    match value {
        Value::Object(fields) => {
            fields
                .retain(|name, field| !(field.is_null() && may_be_left_out(author, &views, name)));
            for (name, field) in fields.iter_mut() {
                one_value(author, &properties(&views, name), field);
            }
        }
        Value::Array(items) => {
            let inner: Vec<&Value> = views.iter().filter_map(|view| view.get("items")).collect();
            for item in items {
                one_value(author, &inner, item);
            }
        }
        _ => {}
    }
}

/// The schemas with those that they refer to, their choices and their parts.
fn views<'a>(author: &'a Value, schemas: &[&'a Value]) -> Vec<&'a Map<String, Value>> {
    let mut todo: Vec<&Value> = schemas.to_vec();
    let mut found: Vec<&Map<String, Value>> = Vec::new();
    while let Some(schema) = todo.pop() {
        let Value::Object(keywords) = schema else { continue };
        // By identity: a schema that refers to itself is taken once.
        if found.len() >= VIEWS_MAX || found.iter().any(|seen| std::ptr::eq(*seen, keywords)) {
            continue;
        }
        found.push(keywords);
        let target = keywords.get("$ref").and_then(Value::as_str);
        todo.extend(target.and_then(|at| author.pointer(at.strip_prefix('#')?)));
        for keyword in ["anyOf", "oneOf", "allOf"] {
            todo.extend(keywords.get(keyword).and_then(Value::as_array).into_iter().flatten());
        }
    }
    found
}

fn properties<'a>(views: &[&'a Map<String, Value>], name: &str) -> Vec<&'a Value> {
    views.iter().filter_map(|view| view.get("properties")?.get(name)).collect()
}

/// Whether a property may be missing and may not be null.
fn may_be_left_out(author: &Value, views: &[&Map<String, Value>], name: &str) -> bool {
    let declares = |view: &&&Map<String, Value>| {
        view.get("properties").is_some_and(|properties| properties.get(name).is_some())
    };
    let optional = views.iter().filter(declares).any(|view| !requires(view, name));
    optional && !properties(views, name).into_iter().any(|one| admits_null(author, one))
}

fn requires(view: &Map<String, Value>, name: &str) -> bool {
    let names = view.get("required").and_then(Value::as_array);
    names.is_some_and(|names| names.iter().any(|one| one == name))
}

/// Whether some reading of the schema allows null.
fn admits_null(author: &Value, schema: &Value) -> bool {
    if *schema == Value::Bool(true) {
        return true;
    }
    views(author, &[schema]).into_iter().any(|view| {
        if let Some(values) = view.get("enum").and_then(Value::as_array) {
            return values.contains(&Value::Null);
        }
        match (view.get("const"), view.get("type")) {
            (Some(one), _) => one.is_null(),
            (None, Some(Value::String(kind))) => kind == "null",
            (None, Some(Value::Array(kinds))) => kinds.iter().any(|kind| kind == "null"),
            // Without a type it allows anything, unless it only refers or chooses.
            (None, _) => !["$ref", "anyOf", "oneOf", "allOf", "properties", "items"]
                .iter()
                .any(|keyword| view.contains_key(*keyword)),
        }
    })
}
