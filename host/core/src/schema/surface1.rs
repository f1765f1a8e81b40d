//! Schemas that surface 1 refuses although they are accepted now.
//!
//! Owns: the rules of surface 1, for runs that were recorded with it: a call that was
//! refused must be refused again, or the run does not replay. Never: refuses a schema in
//! a new run.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::applicators::{Applicator, inner};
use super::link::at_pointer;

/// Most states of all patterns together, as surface 1 counted them.
const PATTERN_STATES_MAX: u64 = 40_000;

/// Checks a schema that [`super::accept`] accepts; the error is surface 1's reason to
/// refuse it.
pub(super) fn refusal(root: &Value) -> Result<(), String> {
    let names = Names::of(root)?;
    let mut states: HashMap<&str, u64> = HashMap::new();
    let (mut seen, mut waiting) = (HashSet::new(), vec![root]);
    while let Some(schema) = waiting.pop() {
        if !seen.insert(std::ptr::from_ref(schema).addr()) {
            continue;
        }
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            if let Some(reference) = schema.get(keyword).and_then(Value::as_str) {
                waiting.push(names.resolve(reference)?);
            }
        }
        let own = schema.get("pattern").and_then(Value::as_str);
        for (place, one) in inner(schema) {
            if let Applicator::Pattern(pattern) = place {
                states.insert(pattern, weigh(pattern)?);
            }
            if place != Applicator::Definition {
                waiting.push(one);
            }
        }
        if let Some(pattern) = own {
            states.insert(pattern, weigh(pattern)?);
        }
    }
    let states: u64 = states.values().copied().fold(0, u64::saturating_add);
    if states > PATTERN_STATES_MAX {
        return Err(format!(
            "its patterns need {states} states, and {PATTERN_STATES_MAX} is the most"
        ));
    }
    Ok(())
}

/// The states of a pattern, with Unicode classes, as surface 1 counted them.
fn weigh(pattern: &str) -> Result<u64, String> {
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(pattern);
    match parsed {
        Ok(hir) => Ok(super::pattern::states(&hir)),
        Err(_) if pattern.contains(['{', '\\']) || super::pattern::is_bounded(pattern) => {
            Err(format!("the pattern `{}` is not supported", super::pattern::shown(pattern)))
        }
        Err(_) => Ok(pattern.len() as u64),
    }
}

struct Names<'a> {
    root: &'a Value,
    id: Option<&'a str>,
    anchors: HashMap<&'a str, &'a Value>,
    draft4: bool,
}

impl<'a> Names<'a> {
    fn of(root: &'a Value) -> Result<Self, String> {
        let draft4 =
            root.get("$schema").and_then(Value::as_str).is_some_and(|uri| uri.contains("draft-04"));
        let mut names = Self { root, id: None, anchors: HashMap::new(), draft4 };
        let id = names.own_id(root).map(|id| id.trim_end_matches('#'));
        names.id = id.filter(|id| !id.is_empty());
        let mut waiting = vec![root];
        while let Some(schema) = waiting.pop() {
            names.read(schema)?;
            waiting.extend(inner(schema).into_iter().map(|(_, one)| one));
        }
        Ok(names)
    }

    fn read(&mut self, schema: &'a Value) -> Result<(), String> {
        let id = self.own_id(schema);
        if let Some(id) = id.filter(|id| !id.starts_with('#'))
            && !std::ptr::eq(schema, self.root)
        {
            return Err(format!(
                "the inner schema with the `$id` `{id}` is a document of its own; use `$defs` and `#/…`"
            ));
        }
        let keyword = |name| schema.get(name).and_then(Value::as_str);
        let by_id = id.and_then(|id| id.strip_prefix('#'));
        let names = [by_id, keyword("$anchor"), keyword("$dynamicAnchor")];
        for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
            let before = self.anchors.insert(name, schema);
            if before.is_some_and(|before| !std::ptr::eq(before, schema)) {
                return Err(format!("two schemas have the anchor `{name}`"));
            }
        }
        Ok(())
    }

    fn own_id<'v>(&self, schema: &'v Value) -> Option<&'v str> {
        let keyword = |name| schema.get(name).and_then(Value::as_str);
        keyword("$id").or_else(|| if self.draft4 { keyword("id") } else { None })
    }

    fn resolve(&self, reference: &str) -> Result<&'a Value, String> {
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
        let found = if fragment.is_empty() {
            Some(self.root)
        } else if fragment.starts_with('/') {
            at_pointer(self.root, &format!("#{fragment}"))
        } else {
            self.anchors.get(fragment).copied()
        };
        found.ok_or_else(|| format!("`$ref` `{reference}` names nothing in the schema"))
    }
}

#[cfg(test)]
mod tests {
    use crate::codes::Code;
    use crate::schema::{accept, was_accepted_by_first};
    use serde_json::json;

    #[test]
    fn schemas_that_surface_1_refused_are_refused_in_its_runs() {
        for schema in [
            json!({"$defs": {"a": {"$id": "b.json", "type": "string"}}}),
            json!({"$ref": "http://json-schema.org/draft-07/schema#"}),
            json!({"$id": "https://x.test/a.json", "properties": {"a": {"$ref": "a.json"}}}),
            json!({"pattern": r"^\w{1,30}$"}),
            json!({"pattern": r"^(?!\s*$).+"}),
            json!({"pattern": "(?=a)b"}),
            json!({"pattern": r"(a)\1"}),
        ] {
            let text = accept(&schema).unwrap();
            let failure = was_accepted_by_first(&text).unwrap_err();
            assert_eq!(failure.code, Code::SchemaInvalid, "{schema}");
            assert!(failure.message.starts_with("the schema cannot be used: "));
        }
        for schema in [
            json!({"$defs": {"a": {"$anchor": "n"}}, "items": {"$ref": "#n"}}),
            json!({"properties": {"a": {"pattern": r"^\d+$"}, "b": {"pattern": "^.{1,5000}$"}}}),
            json!(true),
        ] {
            assert_eq!(was_accepted_by_first(&accept(&schema).unwrap()), Ok(()), "{schema}");
        }
    }
}
