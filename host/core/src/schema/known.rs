//! The keywords of JSON Schema, and words that look like one.
//!
//! Owns: which word of a schema was probably meant for a keyword. Never: refuses
//! one; what no draft knows is allowed, and means nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::shorten;
use super::places::inner;
use crate::near;

/// Those of all drafts that answers are checked by.
const KEYWORDS: [&str; 62] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
];

/// Words of other dialects that say something to their readers and nothing here.
const ANNOTATIONS: [&str; 4] = ["comment", "comments", "example", "constant"];

/// Mistyped keywords of one schema that are told.
const TOLD_MAX: usize = 3;

/// Bytes of such a word that a message repeats.
const WORD_BYTES_MAX: usize = 40;

/// What is said of words that were probably meant for keywords, each once.
pub(crate) fn mistyped(schema: &Value) -> Vec<String> {
    let mut told = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![schema];
    while let Some(one) = waiting.pop() {
        for word in one.as_object().into_iter().flat_map(serde_json::Map::keys) {
            let is_known =
                KEYWORDS.contains(&word.as_str()) || ANNOTATIONS.contains(&word.as_str());
            if is_known || word.len() > WORD_BYTES_MAX || seen.contains(word) {
                continue;
            }
            if let Some(meant) = near::nearest(word, KEYWORDS) {
                seen.insert(word);
                let word = shorten(word, WORD_BYTES_MAX);
                told.push(format!(
                    "`{word}` in the schema of agent() is not a keyword of JSON Schema, and means nothing; did you mean `{meant}`?"
                ));
                if told.len() == TOLD_MAX {
                    return told;
                }
            }
        }
        waiting.extend(inner(one).into_iter().map(|(_, one)| one));
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_that_was_meant_for_a_keyword_is_told_once() {
        for (schema, word, meant) in [
            (json!({"type": "object", "require": ["a"]}), "require", "required"),
            (json!({"items": {"propertys": {}}}), "propertys", "properties"),
            (json!({"anyOf": [{"Enum": []}, {"Enum": []}]}), "Enum", "enum"),
            (json!({"properties": {"a": {"min": 3}}}), "min", "minimum"),
            (json!({"max_length": 3}), "max_length", "maxLength"),
        ] {
            let told = mistyped(&schema);
            assert_eq!(told.len(), 1, "{schema}: {told:?}");
            let says = format!("did you mean `{meant}`?");
            assert!(told[0].contains(&format!("`{word}`")) && told[0].ends_with(&says), "{told:?}");
        }
    }

    #[test]
    fn what_is_a_keyword_a_name_or_a_value_is_left_alone() {
        for schema in [
            json!(true),
            json!({"properties": {"require": {"type": "string"}, "min": {}}, "required": ["min"]}),
            json!({"const": {"require": 1}, "enum": [{"propertys": 1}], "default": {"min": 1}}),
            json!({"nullable": true, "x-order": 1, "example": 1, "comment": "", "$comment": ""}),
            json!({"definitions": {"require": {}}, "$defs": {"item": {}}}),
        ] {
            assert_eq!(mistyped(&schema), Vec::<String>::new(), "{schema}");
        }
    }

    #[test]
    fn a_hostile_schema_says_no_more_than_a_few_lines() {
        let many: serde_json::Map<_, _> = ["require", "item", "Enum", "patern", "tpye"]
            .map(|word| (word.into(), json!(1)))
            .into_iter()
            .collect();
        assert_eq!(mistyped(&Value::Object(many)).len(), TOLD_MAX);
    }
}
