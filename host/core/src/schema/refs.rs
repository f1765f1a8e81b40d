//! Where a schema's own references lead.
//!
//! Owns: the places in which a schema holds other schemas, and the resolution
//! of `$ref` within one document. Never: reads another document. Whatever is
//! not found in here is refused, so that this reading and the library's cannot
//! part ways.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// How a schema holds another, which decides on which part of an answer the
/// inner one is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// On the same value, always.
    Same,
    /// On the same value, and again when errors are collected.
    Choice,
    /// On one property.
    Property(&'a str),
    /// On the properties whose name matches.
    Pattern(&'a str),
    /// On the properties that have no schema by name.
    OtherProperties,
    /// On every property name.
    Names,
    /// On one leading item.
    Prefix,
    /// On every item.
    Items,
    /// Nowhere, unless something refers to it.
    Definition,
}

/// All schemas directly inside this one, references aside. Knows the keywords
/// of every draft at once: one too many costs a little, one too few would be
/// a hole.
pub(super) fn inner(schema: &Value) -> Vec<(Place<'_>, &Value)> {
    let mut found = Vec::new();
    let Value::Object(keywords) = schema else {
        return found;
    };
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            ("allOf", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Place::Same, one)))
            }
            ("anyOf" | "oneOf", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Place::Choice, one)));
            }
            ("not" | "if" | "then" | "else" | "contentSchema", one) => {
                found.push((Place::Choice, one));
            }
            ("dependentSchemas" | "dependencies", Value::Object(map)) => {
                let schemas = map.values().filter(|one| !one.is_array());
                found.extend(schemas.map(|one| (Place::Same, one)));
            }
            ("properties", Value::Object(map)) => {
                found.extend(map.iter().map(|(name, one)| (Place::Property(name), one)));
            }
            ("patternProperties", Value::Object(map)) => {
                found.extend(map.iter().map(|(pattern, one)| (Place::Pattern(pattern), one)));
            }
            ("additionalProperties" | "unevaluatedProperties", one) => {
                found.push((Place::OtherProperties, one));
            }
            ("propertyNames", one) => found.push((Place::Names, one)),
            ("prefixItems" | "items", Value::Array(list)) => {
                found.extend(list.iter().map(|one| (Place::Prefix, one)));
            }
            ("items" | "additionalItems" | "unevaluatedItems" | "contains", one) => {
                found.push((Place::Items, one));
            }
            ("$defs" | "definitions", Value::Object(map)) => {
                found.extend(map.values().map(|one| (Place::Definition, one)));
            }
            _ => {}
        }
    }
    found
}

/// The references of one schema: `$ref` and its dynamic kin, which mean the
/// same as long as there is one document.
pub(super) fn references(keywords: &Map<String, Value>) -> impl Iterator<Item = &str> {
    ["$ref", "$dynamicRef", "$recursiveRef"]
        .into_iter()
        .filter_map(|keyword| keywords.get(keyword).and_then(Value::as_str))
}

/// The names and the root of one document.
#[derive(Debug)]
pub(super) struct Refs<'a> {
    root: &'a Value,
    /// The document's own `$id`, without an empty fragment.
    id: Option<&'a str>,
    anchors: HashMap<&'a str, &'a Value>,
    /// Draft 4 says `id` where the later ones say `$id`.
    draft4: bool,
}

impl<'a> Refs<'a> {
    /// Reads the names in a document.
    pub(super) fn new(root: &'a Value) -> Result<Self, String> {
        let draft4 =
            root.get("$schema").and_then(Value::as_str).is_some_and(|uri| uri.contains("draft-04"));
        let mut refs = Self { root, id: None, anchors: HashMap::new(), draft4 };
        refs.id = refs.own_id(root).map(|id| id.trim_end_matches('#')).filter(|id| !id.is_empty());
        let mut waiting = vec![root];
        while let Some(schema) = waiting.pop() {
            refs.read_names(schema)?;
            waiting.extend(inner(schema).into_iter().map(|(_, one)| one));
        }
        Ok(refs)
    }

    fn read_names(&mut self, schema: &'a Value) -> Result<(), String> {
        self.refuse_embedded(schema)?;
        let by_id = self.own_id(schema).and_then(|id| id.strip_prefix('#'));
        let keyword = |name| schema.get(name).and_then(Value::as_str);
        let names = [by_id, keyword("$anchor"), keyword("$dynamicAnchor")];
        for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
            let before = self.anchors.insert(name, schema);
            if before.is_some_and(|before| !std::ptr::eq(before, schema)) {
                return Err(format!("two schemas have the anchor `{name}`"));
            }
        }
        Ok(())
    }

    /// A document within the document would give `#/…` a second meaning.
    fn refuse_embedded(&self, schema: &Value) -> Result<(), String> {
        match self.own_id(schema) {
            Some(id) if !id.starts_with('#') && !std::ptr::eq(schema, self.root) => Err(format!(
                "the inner schema with the `$id` `{id}` is a document of its own; use `$defs` and `#/…`"
            )),
            _ => Ok(()),
        }
    }

    /// The name of a schema, where it is a text at all: a property that is
    /// called so holds a schema.
    fn own_id<'v>(&self, schema: &'v Value) -> Option<&'v str> {
        let keyword = |name| schema.get(name).and_then(Value::as_str);
        keyword("$id").or_else(|| if self.draft4 { keyword("id") } else { None })
    }

    /// The schema that a reference names.
    pub(super) fn resolve(&self, reference: &str) -> Result<&'a Value, String> {
        let own = self.id.and_then(|id| reference.strip_prefix(id)).unwrap_or(reference);
        let fragment = match own.strip_prefix('#') {
            Some(fragment) => fragment,
            None if own.is_empty() && !reference.is_empty() => "",
            None => {
                return Err(format!(
                    "`$ref` `{reference}` leads out of the schema; nothing is fetched, so put it under `$defs`"
                ));
            }
        };
        if fragment.is_empty() {
            return Ok(self.root);
        }
        let missing = || format!("`$ref` `{reference}` names nothing in the schema");
        if !fragment.starts_with('/') {
            return self.anchors.get(fragment).copied().ok_or_else(missing);
        }
        let mut at = self.root;
        for segment in fragment[1..].split('/') {
            let key = percent_decoded(segment).replace("~1", "/").replace("~0", "~");
            at = match at {
                Value::Object(map) => map.get(&key),
                Value::Array(list) => key.parse::<usize>().ok().and_then(|index| list.get(index)),
                _ => None,
            }
            .ok_or_else(missing)?;
            self.refuse_embedded(at)?;
        }
        Ok(at)
    }
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_resolve_within_the_document_only() {
        let root = json!({
            "$id": "https://example.com/x.json",
            "$defs": {"a b": {"$anchor": "here", "type": "string"}, "c/d": {"type": "null"}},
            "prefixItems": [{"type": "number"}],
        });
        let refs = Refs::new(&root).unwrap();
        for (reference, pointer) in [
            ("#", ""),
            ("#/$defs/a%20b", "/$defs/a b"),
            ("#/$defs/c~1d", "/$defs/c~1d"),
            ("#here", "/$defs/a b"),
            ("#/prefixItems/0", "/prefixItems/0"),
            ("https://example.com/x.json#here", "/$defs/a b"),
        ] {
            let found = refs.resolve(reference).unwrap();
            assert!(std::ptr::eq(found, root.pointer(pointer).unwrap()), "{reference}");
        }
        for reference in
            ["", "other.json", "https://example.com/y", "file:///etc/passwd", "#nope", "#/x"]
        {
            assert!(refs.resolve(reference).is_err(), "{reference}");
        }
    }

    #[test]
    fn a_document_within_is_refused_and_a_property_called_id_is_not() {
        assert!(Refs::new(&json!({"$defs": {"a": {"$id": "b.json"}}})).is_err());
        let draft4 = "http://json-schema.org/draft-04/schema#";
        assert!(
            Refs::new(&json!({"$schema": draft4, "definitions": {"a": {"id": "b.json"}}})).is_err()
        );
        assert!(Refs::new(&json!({"properties": {"$id": {"type": "string"}}})).is_ok());
        assert!(
            Refs::new(&json!({"$defs": {"a": {"$anchor": "x"}, "b": {"$anchor": "x"}}})).is_err()
        );
    }
}
