//! A schema in words: `integer, 1 to 5`.
//!
//! Owns: the words for common schemas. Never: leaves a rule out; a schema with a keyword
//! that has no words is shown as JSON.

use serde_json::{Map, Value};

use crate::cut;

/// Most bytes of a schema that is shown as JSON, and of the list of choices.
const JSON_BYTES_MAX: usize = 300;

/// Keywords that say nothing about which values are allowed.
const ANNOTATIONS: [&str; 10] = [
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "title",
];

/// What a schema allows, in a few words; as JSON if words would leave something out.
#[must_use]
pub fn in_words(schema: &Value) -> String {
    if let Value::Bool(all) = schema {
        return if *all { "any value" } else { "no value" }.to_owned();
    }
    let words = schema.as_object().and_then(|keywords| words(keywords, false));
    words.unwrap_or_else(|| cut::marked(plain(schema), JSON_BYTES_MAX))
}

/// The schema without what only people read.
fn plain(schema: &Value) -> String {
    let Value::Object(keywords) = schema else { return schema.to_string() };
    let kept = keywords.iter().filter(|(word, _)| !ANNOTATIONS.contains(&word.as_str()));
    let kept: Map<String, Value> =
        kept.map(|(word, value)| (word.clone(), value.clone())).collect();
    Value::Object(kept).to_string()
}

fn words(keywords: &Map<String, Value>, many: bool) -> Option<String> {
    let mut left = Left::of(keywords);
    if let Some(choices) = left.take("enum").and_then(Value::as_array) {
        left.take("type");
        let choices: Vec<String> = choices.iter().map(choice).collect();
        return left
            .is_empty()
            .then(|| cut::marked(format!("one of {}", choices.join(", ")), JSON_BYTES_MAX));
    }
    if let Some(only) = left.take("const") {
        left.take("type");
        return left.is_empty().then(|| format!("only {}", choice(only)));
    }
    let types = match left.take("type") {
        None => vec!["value"],
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(_) => return None,
    };
    let mut parts = Vec::new();
    let items = left.take("items");
    let names: Vec<String> = types.iter().map(|one| named(one, many)).collect();
    parts.push(match (types.as_slice(), items) {
        (["array"], Some(items)) => {
            let inner = items.as_object().and_then(|items| words(items, true))?;
            format!("{} of {inner}", names.join(" or "))
        }
        (_, Some(_)) => return None,
        (_, None) => names.join(" or "),
    });
    parts.extend(range(left.take("minimum"), left.take("maximum"), ""));
    parts.extend(left.take("exclusiveMinimum").map(|least| format!("more than {least}")));
    parts.extend(left.take("exclusiveMaximum").map(|most| format!("less than {most}")));
    parts.extend(left.take("multipleOf").map(|step| format!("a multiple of {step}")));
    parts.extend(range(left.take("minLength"), left.take("maxLength"), " characters"));
    parts.extend(range(left.take("minItems"), left.take("maxItems"), " items"));
    if left.take("uniqueItems") == Some(&Value::Bool(true)) {
        parts.push("no two alike".to_owned());
    }
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    parts.extend(text(left.take("format")));
    parts.extend(text(left.take("pattern")).map(|pattern| format!("matches /{pattern}/")));
    left.is_empty().then(|| cut::marked(parts.join(", "), JSON_BYTES_MAX))
}

/// A type, in the plural behind `array of`.
fn named(kind: &str, many: bool) -> String {
    match (kind, many) {
        ("value", false) => "any value".to_owned(),
        (kind, false) => kind.to_owned(),
        ("null", true) => "nulls".to_owned(),
        (kind, true) => format!("{kind}s"),
    }
}

fn choice(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn range(least: Option<&Value>, most: Option<&Value>, unit: &str) -> Option<String> {
    Some(match (least, most) {
        (None, None) => return None,
        (Some(least), Some(most)) if least == most => format!("exactly {least}{unit}"),
        (Some(least), Some(most)) => format!("{least} to {most}{unit}"),
        (Some(least), None) => format!("{least}{unit} or more"),
        (None, Some(most)) => format!("at most {most}{unit}"),
    })
}

/// The keywords that no words were found for yet.
struct Left<'a>(Vec<(&'a str, &'a Value)>);

impl<'a> Left<'a> {
    fn of(keywords: &'a Map<String, Value>) -> Self {
        let all = keywords.iter().map(|(word, value)| (word.as_str(), value));
        Self(all.filter(|(word, _)| !ANNOTATIONS.contains(word)).collect())
    }

    fn take(&mut self, word: &str) -> Option<&'a Value> {
        let at = self.0.iter().position(|(known, _)| *known == word)?;
        Some(self.0.swap_remove(at).1)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn common_schemas_have_words_and_others_are_json() {
        for (schema, words) in [
            (json!({"type": "integer", "minimum": 1, "maximum": 5}), "integer, 1 to 5"),
            (json!({"type": "string", "description": "x", "default": "y"}), "string"),
            (json!({"enum": ["quick", "deep", 3]}), "one of quick, deep, 3"),
            (json!({"type": "string", "enum": ["a"]}), "one of a"),
            (json!({"const": true}), "only true"),
            (json!({"type": ["string", "null"]}), "string or null"),
            (json!({"type": "array", "items": {"type": "string"}}), "array of strings"),
            (
                json!({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1}),
                "array of one of a, b, 1 items or more",
            ),
            (
                json!({"type": "string", "pattern": "^a$", "maxLength": 3}),
                "string, at most 3 characters, matches /^a$/",
            ),
            (json!({"minimum": 0}), "any value, 0 or more"),
            (json!({}), "any value"),
            (json!(true), "any value"),
            (json!({"type": "number", "exclusiveMinimum": 0}), "number, more than 0"),
            (
                json!({"type": "object", "properties": {"a": {}}, "title": "t"}),
                r#"{"type":"object","properties":{"a":{}}}"#,
            ),
            (json!({"anyOf": [{"type": "string"}]}), r#"{"anyOf":[{"type":"string"}]}"#),
            (json!({"enum": ["a"], "minLength": 1}), r#"{"enum":["a"],"minLength":1}"#),
        ] {
            assert_eq!(in_words(&schema), words, "{schema}");
        }
    }
}
