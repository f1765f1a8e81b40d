//! A custom keyword for patterns with look-around or back-references.
//!
//! Owns: replacing `pattern` by that keyword where the library must not match it.
//! Never: bounds the work; [`super::effort`] has run every pattern before.

use crate::cut;
use std::borrow::Cow;
use std::sync::Arc;

use jsonschema::{Keyword, ValidationError};
use serde_json::Value;

use super::applicators::inner;
use super::checker::CHECK_STEPS_MAX;
use super::effort::MATCHER_STEPS_PER_STEP;
use super::pattern::{self, Program};
use super::plan::Programs;

/// The name of the keyword.
pub(super) const BOUNDED: &str = "smol-wf bounded pattern";

/// Most bytes of an answer that a message repeats.
const SHOWN_BYTES: usize = 80;

/// The schema with such patterns under [`BOUNDED`]; unchanged if it has none.
pub(super) fn apart<'s>(schema: &'s Value, programs: &Programs) -> Cow<'s, Value> {
    let mut waiting = vec![schema];
    while let Some(one) = waiting.pop() {
        if has_bounded(one, programs) {
            let mut copy = schema.clone();
            rename(&mut copy, programs);
            return Cow::Owned(copy);
        }
        waiting.extend(inner(one).into_iter().map(|(_, one)| one));
    }
    Cow::Borrowed(schema)
}

/// Whether a schema has such a pattern. A pattern in an unreachable schema has no
/// program, so it is parsed here.
fn has_bounded(schema: &Value, programs: &Programs) -> bool {
    let text = schema.get("pattern").and_then(Value::as_str);
    text.is_some_and(|text| programs.contains_key(text) || pattern::is_bounded(text))
}

/// Renames the keyword in a schema and all schemas within it, at most 64 levels deep.
/// Values that only look like schemas, as in an `enum`, stay as they are.
fn rename(schema: &mut Value, programs: &Programs) {
    if has_bounded(schema, programs)
        && let Value::Object(keywords) = schema
        && let Some(text) = keywords.shift_remove("pattern")
    {
        keywords.insert(BOUNDED.to_owned(), text);
    }
    let places: Vec<usize> =
        inner(schema).into_iter().map(|(_, one)| std::ptr::from_ref(one).addr()).collect();
    let is_place = |one: &Value| places.contains(&std::ptr::from_ref(one).addr());
    let Value::Object(keywords) = schema else { return };
    for value in keywords.values_mut() {
        if is_place(value) {
            rename(value, programs);
            continue;
        }
        match value {
            Value::Array(list) => {
                list.iter_mut().filter(|one| is_place(one)).for_each(|one| rename(one, programs))
            }
            Value::Object(map) => {
                map.values_mut().filter(|one| is_place(one)).for_each(|one| rename(one, programs))
            }
            _ => {}
        }
    }
}

struct Bounded {
    program: Arc<Program>,
    text: Arc<str>,
}

impl<'i> Keyword<'i> for Bounded {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        let shown = cut::marked(instance.to_string(), SHOWN_BYTES);
        Err(ValidationError::custom(format!("{shown} does not match \"{}\"", self.text)))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        let Value::String(text) = instance else { return true };
        self.program
            .is_match(text, CHECK_STEPS_MAX.saturating_mul(MATCHER_STEPS_PER_STEP))
            .is_ok_and(|(found, _)| found)
    }
}

/// Makes the keyword for the library, which may call this for each path to a schema.
pub(super) fn bounded<'a>(
    value: &'a Value,
    programs: &Programs,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let text = value.as_str().unwrap_or_default();
    if let Some((text, program)) = programs.get_key_value(text) {
        return Ok(Box::new(Bounded { program: program.clone(), text: text.clone() }));
    }
    let program = pattern::program(text)
        .ok_or_else(|| ValidationError::custom(format!("the pattern `{text}` is not supported")))?;
    Ok(Box::new(Bounded { program: Arc::new(program), text: text.into() }))
}
