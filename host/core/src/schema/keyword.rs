//! `pattern` with look-around or back-references, as a keyword of our own.
//!
//! Owns: taking such patterns out of what the library matches by itself. Never:
//! decides whether an answer may be checked; [`super::effort`] has run every
//! pattern before.

use std::borrow::Cow;

use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError};
use serde_json::{Map, Value};

use super::CHECK_STEPS_MAX;
use super::answer::shorten;
use super::effort::TURNS_PER_STEP;
use super::pattern::{self, Program};
use super::places::inner;

/// The keyword that stands for `pattern` where the library cannot match it.
pub(super) const BOUNDED: &str = "smol-wf bounded pattern";

/// Bytes of an answer that a message repeats.
const SHOWN_BYTES: usize = 80;

/// The schema with such patterns under [`BOUNDED`]; as it is without any.
pub(super) fn apart(schema: &Value) -> Cow<'_, Value> {
    let mut waiting = vec![schema];
    while let Some(one) = waiting.pop() {
        if bounded_pattern(one).is_some() {
            let mut copy = schema.clone();
            rename(&mut copy);
            return Cow::Owned(copy);
        }
        waiting.extend(inner(one).into_iter().map(|(_, one)| one));
    }
    Cow::Borrowed(schema)
}

fn bounded_pattern(schema: &Value) -> Option<&str> {
    let text = schema.get("pattern")?.as_str()?;
    pattern::program(text).map(|_| text)
}

/// Schemas are at most 64 levels deep. What only looks like a schema, as in an
/// `enum`, is left alone: only the places that hold schemas are gone through.
fn rename(schema: &mut Value) {
    if bounded_pattern(schema).is_some()
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
            rename(value);
            continue;
        }
        match value {
            Value::Array(list) => list.iter_mut().filter(|one| is_place(one)).for_each(rename),
            Value::Object(map) => map.values_mut().filter(|one| is_place(one)).for_each(rename),
            _ => {}
        }
    }
}

struct Bounded {
    program: Program,
    text: String,
}

impl<'i> Keyword<'i> for Bounded {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        let shown = shorten(&instance.to_string(), SHOWN_BYTES);
        Err(ValidationError::custom(format!("{shown} does not match \"{}\"", self.text)))
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        let Value::String(text) = instance else { return true };
        self.program
            .is_match(text, CHECK_STEPS_MAX.saturating_mul(TURNS_PER_STEP))
            .is_ok_and(|(found, _)| found)
    }
}

/// Makes the keyword for the library.
pub(super) fn bounded<'a>(
    _: &'a Map<String, Value>,
    value: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let text = value.as_str().unwrap_or_default();
    let program = pattern::program(text)
        .ok_or_else(|| ValidationError::custom(format!("the pattern `{text}` is not supported")))?;
    Ok(Box::new(Bounded { program, text: text.to_owned() }))
}
