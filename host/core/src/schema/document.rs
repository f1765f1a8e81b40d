//! A schema as a document whose references can be resolved.
//!
//! Owns: the use of the library's own resolver, so that this code and the library
//! cannot differ, and the messages about references that lead nowhere. The drafts' own
//! schemas are built in. Never: fetches a document.

use std::sync::Arc;

use referencing::{Draft, Error, Registry, Resolver, Retrieve, SPECIFICATIONS, Uri, uri};
use serde_json::{Map, Value};

use super::applicators::{Applicator, inner};

/// A document, and a resolver for its references.
pub(super) struct Document<'a> {
    root: &'a Value,
    draft: Draft,
    base: Uri<String>,
    registry: Registry<'a>,
}

/// The drafts' own schemas, by their addresses.
pub(super) fn drafts() -> &'static Registry<'static> {
    &SPECIFICATIONS
}

/// A retriever that fetches nothing.
struct Nothing;

impl Retrieve for Nothing {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("nothing is fetched".into())
    }
}

/// A schema at its position in a document, from which its relative references count.
#[derive(Clone)]
pub(super) struct Site<'r> {
    /// The schema.
    pub(super) schema: &'r Value,
    resolver: Resolver<'r>,
    draft: Draft,
}

/// The identity of a site: its address in memory and its base.
pub(super) type Identity = (usize, Arc<Uri<String>>);

impl<'a> Document<'a> {
    /// Reads the names in a document.
    ///
    /// # Errors
    /// For people, when it refers to another document.
    pub(super) fn of(root: &'a Value) -> Result<Self, String> {
        let draft = Draft::default().detect(root);
        let resource = draft.create_resource_ref(root);
        let base = uri::from_str(resource.id().unwrap_or("json-schema:///"))
            .map_err(|error| format!("its `$id` is not a URI: {error}"))?;
        let registry = drafts()
            .add(base.as_str(), resource)
            .and_then(|builder| builder.retriever(Nothing).draft(draft).prepare())
            .map_err(|error| Self::refusal(root, &base, &error))?;
        Ok(Self { root, draft, base, registry })
    }

    /// The message about a reference to another document, as its author wrote it.
    fn refusal(root: &Value, base: &Uri<String>, error: &Error) -> String {
        let Error::Unretrievable { uri: missing, .. } = error else {
            return error.to_string();
        };
        let mut waiting = vec![root];
        while let Some(schema) = waiting.pop() {
            let keywords = schema.as_object().into_iter().flat_map(references);
            for (_, reference) in keywords {
                let place = reference.split('#').next().unwrap_or_default();
                let resolved = uri::resolve_against(&base.borrow(), place);
                if resolved.is_ok_and(|resolved| resolved.as_str() == missing) {
                    return leads_out(reference);
                }
            }
            waiting.extend(inner(schema).into_iter().map(|(_, one)| one));
        }
        leads_out(missing)
    }

    /// The whole document.
    pub(super) fn root(&self) -> Result<Site<'_>, String> {
        let resolver = self.registry.resolver(self.base.clone());
        let outside = Site { schema: self.root, resolver, draft: self.draft };
        outside.within(self.root)
    }
}

fn leads_out(reference: &str) -> String {
    format!(
        "`$ref` `{reference}` leads out of the schema; nothing is fetched, so put it under `$defs`"
    )
}

impl<'r> Site<'r> {
    /// A schema directly inside this one.
    pub(super) fn within(&self, schema: &'r Value) -> Result<Self, String> {
        let draft = self.draft.detect(schema);
        let resource = draft.create_resource_ref(schema);
        let resolver = self.resolver.in_subresource(resource).map_err(|error| error.to_string())?;
        Ok(Self { schema, resolver, draft })
    }

    /// The schemas directly inside this one, except those that a `$ref` beside them
    /// disables up to draft 7.
    pub(super) fn inner(&self) -> Vec<(Applicator<'r>, &'r Value)> {
        let mut all = inner(self.schema);
        if self.is_reference_only() {
            all.retain(|(place, _)| *place == Applicator::Definition);
        }
        all
    }

    fn is_reference_only(&self) -> bool {
        let legacy = matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        legacy && self.schema.get("$ref").is_some_and(Value::is_string)
    }

    /// The references, each with its keyword, except those that a `$ref` beside them
    /// disables up to draft 7.
    pub(super) fn references(&self) -> Vec<(&'static str, &'r str)> {
        let Value::Object(keywords) = self.schema else { return Vec::new() };
        let only = self.is_reference_only();
        references(keywords).filter(|(keyword, _)| !only || *keyword == "$ref").collect()
    }

    /// The schema that a reference leads to if the dynamic scope is this document alone.
    ///
    /// # Errors
    /// For people, when the reference leads nowhere.
    pub(super) fn lookup(&self, reference: &str) -> Result<Self, String> {
        if reference.is_empty() {
            return Err("a `$ref` is empty; `#` is the whole schema".to_owned());
        }
        match self.resolver.lookup(reference) {
            Ok(resolved) => {
                let (schema, resolver, draft) = resolved.into_inner();
                Ok(Self { schema, resolver, draft })
            }
            Err(Error::Unretrievable { .. }) => Err(leads_out(reference)),
            Err(Error::InvalidUri(error)) => Err(format!("`$ref` `{reference}`: {error}")),
            Err(_) => Err(format!("`$ref` `{reference}` names nothing in the schema")),
        }
    }

    /// The resource that contains it.
    pub(super) fn resource(&self) -> Result<Self, String> {
        self.lookup("#")
    }

    /// Its identity.
    pub(super) fn identity(&self) -> Identity {
        (std::ptr::from_ref(self.schema).addr(), self.resolver.base_uri())
    }

    /// The value of a keyword, if it is text.
    pub(super) fn text(&self, keyword: &str) -> Option<&'r str> {
        self.schema.get(keyword).and_then(Value::as_str)
    }
}

/// The values of `$ref` and its dynamic variants, with their keywords.
fn references(keywords: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &str)> {
    ["$ref", "$dynamicRef", "$recursiveRef"]
        .into_iter()
        .filter_map(|keyword| Some((keyword, keywords.get(keyword)?.as_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_resolve_within_the_document() {
        let root = json!({
            "$id": "https://example.com/x.json",
            "$defs": {
                "a b": {"$anchor": "here", "type": "string"},
                "c/d": {"type": "null"},
                "other": {"$id": "other.json", "$defs": {"e": {"type": "boolean"}}},
            },
            "prefixItems": [{"type": "number"}],
        });
        let document = Document::of(&root).unwrap();
        let site = document.root().unwrap();
        for (reference, pointer) in [
            ("#", ""),
            ("x.json", ""),
            ("/x.json", ""),
            ("#/$defs/a%20b", "/$defs/a b"),
            ("#/$defs/c~1d", "/$defs/c~1d"),
            ("#here", "/$defs/a b"),
            ("#/prefixItems/0", "/prefixItems/0"),
            ("https://example.com/x.json#here", "/$defs/a b"),
            ("other.json", "/$defs/other"),
            ("other.json#/$defs/e", "/$defs/other/$defs/e"),
            ("https://example.com/other.json", "/$defs/other"),
        ] {
            let found = site.lookup(reference).unwrap();
            assert!(std::ptr::eq(found.schema, root.pointer(pointer).unwrap()), "{reference}");
        }
        let other = site.lookup("other.json").unwrap();
        assert_eq!(other.lookup("#/$defs/e").unwrap().schema, &json!({"type": "boolean"}));
        for draft in ["draft-07/schema#", "draft-04/schema", "draft-06/schema"] {
            let meta = site.lookup(&format!("http://json-schema.org/{draft}")).unwrap();
            assert!(meta.schema.get("properties").is_some());
        }
        for reference in
            ["", "none.json", "https://example.com/y", "file:///etc/passwd", "#nope", "#/x"]
        {
            assert!(site.lookup(reference).is_err(), "{reference}");
        }
    }

    #[test]
    fn a_reference_to_another_document_is_named_as_written() {
        for reference in ["https://example.com/x", "x.json", "../x", "file:///etc/passwd"] {
            let root = json!({"properties": {"a": {"$ref": reference}}});
            let error = match Document::of(&root) {
                Ok(document) => {
                    let root = document.root().unwrap();
                    root.lookup(reference).err().unwrap()
                }
                Err(error) => error,
            };
            assert!(error.contains(reference), "{error}");
        }
    }
}
