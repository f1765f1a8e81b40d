//! The difference between two outcomes, in words.
//!
//! Owns: the first difference of two results, and the first of two journals.
//! Never: decides whether a difference matters.

use serde_json::Value;
use smol_wf_core::cut;
use smol_wf_core::journal::{Body, Entry};

/// Most characters of a value that are shown.
pub(super) const SHOWN_CHARS: usize = 160;

/// The first difference of two results: a path such as `.items[2]`, empty for the whole
/// result, and the value on both sides.
pub(super) fn results(one: &str, other: &str) -> (String, String, String) {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let (one, other) = (parse(one), parse(other));
    let mut path = String::new();
    let (mut left, mut right) = (&one, &other);
    // Results have at most 128 levels: the parser refuses more.
    while let Some((step, left_inner, right_inner)) = inner(left, right) {
        path.push_str(&step);
        (left, right) = (left_inner, right_inner);
    }
    (path, shown(left), shown(right))
}

/// The first member in which two values of one shape differ.
fn inner<'v>(one: &'v Value, other: &'v Value) -> Option<(String, &'v Value, &'v Value)> {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let index = one.iter().zip(other).position(|(one, other)| one != other)?;
            Some((format!("[{index}]"), one.get(index)?, other.get(index)?))
        }
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            let (key, value) = one.iter().find(|(key, value)| other.get(*key) != Some(*value))?;
            Some((format!(".{key}"), value, other.get(key)?))
        }
        _ => None,
    }
}

/// Whether the results are equal except for the order of items in lists.
pub(super) fn same_but_for_order(one: &str, other: &str) -> bool {
    let sorted = |text: &str| serde_json::from_str::<Value>(text).map(sorted).ok();
    sorted(one) == sorted(other)
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(sorted).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut members: Vec<_> =
                members.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            members.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(members.into_iter().collect())
        }
        other => other,
    }
}

fn shown(value: &Value) -> String {
    cut::to_chars(&value.to_string(), SHOWN_CHARS)
}

/// The first entry in which two journals differ, apart from entries about processes.
pub(super) fn journals(one: &[Entry], other: &[Entry]) -> Option<(String, String)> {
    let of_run = |entries| -> Vec<Body> {
        let bodies = <[Entry]>::iter(entries).map(|entry| &entry.body);
        bodies.filter(|body| !body.is_about_epochs()).cloned().collect()
    };
    let (one, other) = (of_run(one), of_run(other));
    let at = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))?;
    let shown = |body: Option<&Body>| match body {
        Some(body) => {
            let text = serde_json::to_string(body).unwrap_or_else(|_| body.kind().to_owned());
            cut::to_chars(&text, SHOWN_CHARS)
        }
        None => "nothing".to_owned(),
    };
    Some((shown(one.get(at)), shown(other.get(at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let (path, one, other) =
            results(r#"{"a":1,"b":[{"c":2},3]}"#, r#"{"a":1,"b":[{"c":9},3]}"#);
        assert_eq!((path.as_str(), one.as_str(), other.as_str()), (".b[0].c", "2", "9"));
        let (path, one, other) = results("[1]", "[1,2]");
        assert_eq!((path.as_str(), one.as_str(), other.as_str()), ("", "[1]", "[1,2]"));
    }

    #[test]
    fn lists_in_another_order_are_told_from_other_lists() {
        assert!(same_but_for_order(r#"{"a":[[1,2],3]}"#, r#"{"a":[3,[2,1]]}"#));
        assert!(!same_but_for_order("[1,2]", "[1,1]"));
    }
}
