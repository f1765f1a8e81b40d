//! The keywords of JSON Schema, and words that look like one.
//!
//! Owns: the table of keywords, which other readers accept each, and which words of a
//! schema are probably mistyped keywords. Never: refuses a word; unknown keywords are
//! allowed and have no effect.

use std::collections::BTreeSet;

use serde_json::Value;

use super::applicators::inner;
use crate::cut;
use crate::near;

/// A keyword, and which other readers accept it.
struct Keyword {
    name: &'static str,
    /// Claude Code accepts a schema with it, as measured: draft 7, and `$defs`.
    claude_code: bool,
    /// Draft 7 in strict mode and draft 2020-12 agree on its meaning, so it may be sent
    /// to a service that knows either.
    shared: bool,
}

const fn anywhere(name: &'static str) -> Keyword {
    Keyword { name, claude_code: true, shared: true }
}

const fn claude_code(name: &'static str) -> Keyword {
    Keyword { name, claude_code: true, shared: false }
}

const fn shared(name: &'static str) -> Keyword {
    Keyword { name, claude_code: false, shared: true }
}

const fn here(name: &'static str) -> Keyword {
    Keyword { name, claude_code: false, shared: false }
}

/// The keywords of all drafts that answers are checked by, sorted by name.
static KEYWORDS: [Keyword; 62] = [
    here("$anchor"),
    claude_code("$comment"),
    anywhere("$defs"),
    here("$dynamicAnchor"),
    here("$dynamicRef"),
    claude_code("$id"),
    here("$recursiveAnchor"),
    here("$recursiveRef"),
    anywhere("$ref"),
    claude_code("$schema"),
    here("$vocabulary"),
    claude_code("additionalItems"),
    anywhere("additionalProperties"),
    anywhere("allOf"),
    anywhere("anyOf"),
    anywhere("const"),
    anywhere("contains"),
    claude_code("contentEncoding"),
    claude_code("contentMediaType"),
    here("contentSchema"),
    anywhere("default"),
    anywhere("definitions"),
    claude_code("dependencies"),
    here("dependentRequired"),
    here("dependentSchemas"),
    shared("deprecated"),
    anywhere("description"),
    anywhere("else"),
    anywhere("enum"),
    anywhere("examples"),
    anywhere("exclusiveMaximum"),
    anywhere("exclusiveMinimum"),
    anywhere("format"),
    anywhere("if"),
    anywhere("items"),
    here("maxContains"),
    anywhere("maxItems"),
    anywhere("maxLength"),
    anywhere("maxProperties"),
    anywhere("maximum"),
    here("minContains"),
    anywhere("minItems"),
    anywhere("minLength"),
    anywhere("minProperties"),
    anywhere("minimum"),
    anywhere("multipleOf"),
    anywhere("not"),
    anywhere("oneOf"),
    anywhere("pattern"),
    anywhere("patternProperties"),
    here("prefixItems"),
    anywhere("properties"),
    anywhere("propertyNames"),
    anywhere("readOnly"),
    anywhere("required"),
    anywhere("then"),
    anywhere("title"),
    anywhere("type"),
    here("unevaluatedItems"),
    here("unevaluatedProperties"),
    anywhere("uniqueItems"),
    claude_code("writeOnly"),
];

/// Whether Claude Code accepts a schema with this keyword.
#[must_use]
pub fn does_claude_code_take(word: &str) -> bool {
    find(word).is_some_and(|keyword| keyword.claude_code)
}

/// Whether draft 7 and draft 2020-12 agree on the meaning of this keyword.
#[must_use]
pub fn do_drafts_share(word: &str) -> bool {
    find(word).is_some_and(|keyword| keyword.shared)
}

fn find(word: &str) -> Option<&'static Keyword> {
    let at = KEYWORDS.binary_search_by(|keyword| keyword.name.cmp(word)).ok()?;
    KEYWORDS.get(at)
}

/// Words of other dialects, which are not mistyped keywords.
const ANNOTATIONS: [&str; 4] = ["comment", "comments", "example", "constant"];

/// Most mistyped keywords of one schema that are reported.
const TOLD_MAX: usize = 3;

/// Most bytes of a word that is reported; a longer one is not a mistyped keyword.
const WORD_BYTES_MAX: usize = 40;

/// One message for each word that is probably a mistyped keyword. `place` names the
/// schema in it.
pub(crate) fn mistyped(schema: &Value, place: &str) -> Vec<String> {
    let mut told = Vec::new();
    let mut seen = BTreeSet::new();
    let mut waiting = vec![schema];
    while let Some(one) = waiting.pop() {
        for word in one.as_object().into_iter().flat_map(serde_json::Map::keys) {
            let is_known = find(word).is_some() || ANNOTATIONS.contains(&word.as_str());
            if is_known || word.len() > WORD_BYTES_MAX || seen.contains(word) {
                continue;
            }
            if let Some(meant) = near::nearest(word, KEYWORDS.iter().map(|keyword| keyword.name)) {
                seen.insert(word);
                let word = cut::marked(word.to_owned(), WORD_BYTES_MAX);
                told.push(format!(
                    "`{word}` in {place} is not a keyword of JSON Schema, and means nothing; did you mean `{meant}`?"
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

/// Whether a schema has a keyword that is checked. One without accepts everything.
pub(crate) fn has_keyword(schema: &Value) -> bool {
    schema.as_object().is_none_or(|words| words.keys().any(|word| find(word).is_some()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_is_sorted_and_says_who_accepts_a_keyword() {
        assert!(KEYWORDS.is_sorted_by(|one, next| one.name < next.name));
        for (word, claude_code, shared) in [
            ("properties", true, true),
            ("$defs", true, true),
            ("additionalItems", true, false),
            ("deprecated", false, true),
            ("prefixItems", false, false),
            ("require", false, false),
        ] {
            assert_eq!(
                (does_claude_code_take(word), do_drafts_share(word)),
                (claude_code, shared),
                "{word}"
            );
        }
    }

    #[test]
    fn a_mistyped_keyword_is_reported_once() {
        for (schema, word, meant) in [
            (json!({"type": "object", "require": ["a"]}), "require", "required"),
            (json!({"items": {"propertys": {}}}), "propertys", "properties"),
            (json!({"anyOf": [{"Enum": []}, {"Enum": []}]}), "Enum", "enum"),
            (json!({"properties": {"a": {"min": 3}}}), "min", "minimum"),
            (json!({"max_length": 3}), "max_length", "maxLength"),
        ] {
            let told = mistyped(&schema, "the schema of agent()");
            assert_eq!(told.len(), 1, "{schema}: {told:?}");
            let says = format!("did you mean `{meant}`?");
            assert!(told[0].contains(&format!("`{word}`")) && told[0].ends_with(&says), "{told:?}");
        }
    }

    #[test]
    fn keywords_names_and_values_are_not_reported() {
        for schema in [
            json!(true),
            json!({"properties": {"require": {"type": "string"}, "min": {}}, "required": ["min"]}),
            json!({"const": {"require": 1}, "enum": [{"propertys": 1}], "default": {"min": 1}}),
            json!({"nullable": true, "x-order": 1, "example": 1, "comment": "", "$comment": ""}),
            json!({"definitions": {"require": {}}, "$defs": {"item": {}}}),
        ] {
            assert_eq!(
                mistyped(&schema, "the schema of agent()"),
                Vec::<String>::new(),
                "{schema}"
            );
        }
    }

    #[test]
    fn a_hostile_schema_gets_a_few_messages_at_most() {
        let many: serde_json::Map<_, _> = ["require", "item", "Enum", "patern", "tpye"]
            .map(|word| (word.into(), json!(1)))
            .into_iter()
            .collect();
        assert_eq!(mistyped(&Value::Object(many), "x").len(), TOLD_MAX);
    }
}
