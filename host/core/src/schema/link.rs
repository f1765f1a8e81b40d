//! Rewrites a schema so that every reference is a JSON Pointer into it.
//!
//! Owns: removing names (`$id`, anchors) from a schema, and copying the drafts' own
//! schemas into it where it refers to them, for readers that only know `#/…`. Never:
//! makes a schema stricter: a reference that cannot be rewritten is dropped.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::applicators::inner;
use super::document::{Document, Site};

/// Most documents of the drafts that are copied into a schema.
const FOREIGN_MAX: usize = 16;

/// Keywords without meaning once all references are pointers.
const NAMES: [&str; 5] = ["$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$recursiveRef"];

/// The same schema with pointers as its only references; an equal copy if it has no
/// others.
///
/// # Errors
/// For people, when a reference leads nowhere.
pub(super) fn linked(schema: &Value) -> Result<Value, String> {
    if is_linked(schema) {
        return Ok(schema.clone());
    }
    let document = Document::of(schema)?;
    let root = document.root()?;
    let mut linking = Linking { pointers: HashMap::new(), foreign: Vec::new() };
    linking.read_pointers(schema, String::new());
    let mut whole = linking.rewritten(&root)?;
    let mut next = 0;
    while let Some((name, site)) = linking.foreign.get(next).cloned() {
        let inside = linking.rewritten(&site)?;
        if let Value::Object(keywords) = &mut whole {
            let defs = keywords.entry("$defs").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(defs) = defs {
                defs.insert(name, inside);
            }
        }
        next += 1;
    }
    Ok(whole)
}

fn is_linked(schema: &Value) -> bool {
    let mut waiting = vec![schema];
    while let Some(one) = waiting.pop() {
        let text = |keyword: &str| one.get(keyword).and_then(Value::as_str);
        let by_pointer =
            text("$ref").is_none_or(|reference| reference == "#" || reference.starts_with("#/"));
        let is_root = std::ptr::eq(one, schema);
        let named = text("$id").or_else(|| text("id")).is_some() && !is_root;
        if !by_pointer || named || text("$dynamicRef").is_some() || text("$recursiveRef").is_some()
        {
            return false;
        }
        waiting.extend(inner(one).into_iter().map(|(_, one)| one));
    }
    true
}

struct Linking<'d> {
    /// The pointer to each value, by its address.
    pointers: HashMap<usize, String>,
    /// The drafts' own schemas to copy in, with the name of each.
    foreign: Vec<(String, Site<'d>)>,
}

impl<'d> Linking<'d> {
    fn read_pointers(&mut self, value: &Value, pointer: String) {
        let mut waiting = vec![(value, pointer)];
        while let Some((value, pointer)) = waiting.pop() {
            match value {
                Value::Object(map) => waiting.extend(map.iter().map(|(name, one)| {
                    let name = encoded(&name.replace('~', "~0").replace('/', "~1"));
                    (one, format!("{pointer}/{name}"))
                })),
                Value::Array(list) => waiting.extend(
                    list.iter().enumerate().map(|(at, one)| (one, format!("{pointer}/{at}"))),
                ),
                _ => {}
            }
            self.pointers.insert(std::ptr::from_ref(value).addr(), pointer);
        }
    }

    /// A rewritten copy of the schema and all schemas within it.
    fn rewritten(&mut self, site: &Site<'d>) -> Result<Value, String> {
        let mut copy = site.schema.clone();
        let Value::Object(keywords) = &mut copy else { return Ok(copy) };
        let references = site.references();
        for (keyword, _) in &references {
            keywords.shift_remove(*keyword);
        }
        let is_name = |keyword: &String| NAMES.contains(&keyword.as_str());
        keywords.retain(|keyword, value| !is_name(keyword) || value.is_object());
        for (_, reference) in references.into_iter().take(1) {
            if let Some(pointer) = self.pointer(&site.lookup(reference)?)? {
                keywords.insert("$ref".to_owned(), Value::String(format!("#{pointer}")));
            }
        }
        self.inside(site, keywords)?;
        Ok(copy)
    }

    /// Rewrites the schemas directly within `site` in the copy `keywords`.
    fn inside(&mut self, site: &Site<'d>, keywords: &mut Map<String, Value>) -> Result<(), String> {
        let Value::Object(before) = site.schema else { return Ok(()) };
        let schemas: HashMap<usize, &'d Value> = inner(site.schema)
            .into_iter()
            .map(|(_, one)| (std::ptr::from_ref(one).addr(), one))
            .collect();
        for (keyword, value) in before {
            let Some(copy) = keywords.get_mut(keyword) else { continue };
            let here = |one: &Value| schemas.get(&std::ptr::from_ref(one).addr()).copied();
            if let Some(one) = here(value) {
                *copy = self.rewritten(&site.within(one)?)?;
                continue;
            }
            match (value, copy) {
                (Value::Array(list), Value::Array(copies)) => {
                    for (one, copy) in list.iter().zip(copies) {
                        if let Some(one) = here(one) {
                            *copy = self.rewritten(&site.within(one)?)?;
                        }
                    }
                }
                (Value::Object(map), Value::Object(copies)) => {
                    for (name, one) in map {
                        if let (Some(one), Some(copy)) = (here(one), copies.get_mut(name)) {
                            *copy = self.rewritten(&site.within(one)?)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The pointer that a schema will have. A document of the drafts is copied in for
    /// it; none beyond [`FOREIGN_MAX`] of them.
    fn pointer(&mut self, target: &Site<'d>) -> Result<Option<String>, String> {
        let known = |linking: &Self| {
            linking.pointers.get(&std::ptr::from_ref(target.schema).addr()).cloned()
        };
        if let Some(pointer) = known(self) {
            return Ok(Some(pointer));
        }
        if self.foreign.len() >= FOREIGN_MAX {
            return Ok(None);
        }
        let resource = target.resource()?;
        let name = format!("json-schema-{}", self.foreign.len() + 1);
        self.read_pointers(resource.schema, format!("/$defs/{name}"));
        self.foreign.push((name, resource));
        Ok(known(self))
    }
}

/// Percent-encodes what a URI fragment cannot contain.
fn encoded(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// The value that a pointer reference leads to.
pub(super) fn at_pointer<'v>(root: &'v Value, reference: &str) -> Option<&'v Value> {
    referencing::pointer(root, &decoded(reference.strip_prefix('#')?))
}

/// Percent-decodes a URI fragment.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |at: usize| {
            bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16)?.try_into().ok())
        };
        let pair = digit(at + 1).zip(digit(at + 2));
        match (bytes[at], pair.map(|(high, low): (u8, u8)| 16 * high + low)) {
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
    fn names_become_pointers() {
        let schema = json!({
            "$id": "https://x.test/root.json",
            "type": "object",
            "properties": {
                "a": {"$ref": "item.json"},
                "b": {"$ref": "#named"},
                "c": {"$ref": "root.json"},
                "$id": {"type": "string"},
            },
            "$defs": {
                "i/t m": {"$id": "item.json", "$ref": "#/$defs/deep",
                    "$defs": {"deep": {"type": "integer"}}},
                "n": {"$anchor": "named", "enum": [{"$ref": "kept"}]},
            },
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "a": {"$ref": "#/$defs/i~1t%20m"},
                "b": {"$ref": "#/$defs/n"},
                "c": {"$ref": "#"},
                "$id": {"type": "string"},
            },
            "$defs": {
                "i/t m": {"$defs": {"deep": {"type": "integer"}},
                    "$ref": "#/$defs/i~1t%20m/$defs/deep"},
                "n": {"enum": [{"$ref": "kept"}]},
            },
        });
        let found = linked(&schema).unwrap();
        assert_eq!(found, expected);
        let pointer = found["properties"]["a"]["$ref"].as_str().unwrap();
        assert_eq!(at_pointer(&found, pointer), Some(&found["$defs"]["i/t m"]));
    }

    #[test]
    fn the_drafts_own_schemas_are_copied_in() {
        let schema = json!({"properties": {
            "s": {"$ref": "http://json-schema.org/draft-07/schema#"},
            "n": {"$ref": "http://json-schema.org/draft-07/schema#/definitions/nonNegativeInteger"},
        }});
        let found = linked(&schema).unwrap();
        assert_eq!(found["properties"]["s"]["$ref"], "#/$defs/json-schema-1");
        let pointer = found["properties"]["n"]["$ref"].as_str().unwrap();
        assert_eq!(at_pointer(&found, pointer).unwrap()["type"], "integer");
        assert!(is_linked(&found));
    }

    #[test]
    fn only_two_digits_stand_for_a_byte() {
        for (text, expected) in
            [("%41%c3%A9", "Aé"), ("%+f", "%+f"), ("%-1%4", "%-1%4"), ("%", "%"), ("%é", "%é")]
        {
            assert_eq!(decoded(text), expected);
        }
    }

    #[test]
    fn a_schema_with_pointers_only_stays_as_it_is() {
        let schema =
            json!({"$id": "https://x.test/", "$defs": {"a": true}, "items": {"$ref": "#/$defs/a"}});
        assert_eq!(linked(&schema).unwrap(), schema);
    }
}
