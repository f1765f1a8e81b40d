//! Checks schemas and answers, within bounds.
//!
//! Owns: [`Checker`], a compiled schema, and the bounds of its work. Never: makes an
//! example, or reads an agent's text.

use std::fmt;
use std::sync::Arc;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::effort::{self, TooMuch};
use super::plan::Plan;
use super::{document, keyword, link, messages, surface1};
use crate::codes::Code;
use crate::cut;
use crate::json_kind::kind_of;
use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};
use crate::outcome::Failure;

/// Most steps of checking one answer: at most a second, with the slowest kind of step.
/// An answer of 4 MiB of prose against an ordinary schema takes a hundredth of this, and
/// ten thousand items with a choice of fifty half of it.
pub const CHECK_STEPS_MAX: u64 = 40_000_000;

/// Most steps of an answer whose errors are collected, which takes memory for each.
/// Beyond that there is only a verdict.
const LISTED_STEPS_MAX: u64 = 400_000;

/// Most steps of an answer that counts as quick to check: about a millisecond.
const QUICK_STEPS_MAX: u64 = 40_000;

/// Most violations that are reported: an agent corrects the first few.
const VIOLATIONS_MAX: usize = 20;

/// Most bytes of a message and of a path.
const MESSAGE_BYTES_MAX: usize = 300;

/// Most bytes of one compiled pattern, and of its cache.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The supported drafts, without scheme and fragment.
const DRAFTS: [&str; 5] = [
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
];

/// Accepts a schema from a script, and returns the text to journal.
///
/// # Errors
/// When it is not a JSON Schema of a known draft, larger or deeper than
/// allowed, refers to another document, or cannot be checked in bounded time.
pub fn accept(schema: &Value) -> Result<String, Failure> {
    let text = bounded_text(schema)?;
    Checker::of(schema)?;
    Ok(text)
}

/// The text of a schema within the bounds of size and depth.
pub(crate) fn bounded_text(schema: &Value) -> Result<String, Failure> {
    // The depth first, because everything else recurses.
    if is_deeper(schema, SCHEMA_DEPTH_MAX) {
        return Err(Failure::new(
            Code::CallTooLarge,
            format!("the schema is nested more than {SCHEMA_DEPTH_MAX} levels deep"),
        ));
    }
    let text = schema.to_string();
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(Failure::new(
            Code::CallTooLarge,
            format!(
                "the schema is {} bytes of JSON, and {SCHEMA_BYTES_MAX} is the most",
                text.len()
            ),
        ));
    }
    Ok(text)
}

/// Checks by the rules of surface 1 a schema that [`accept`] accepts.
///
/// # Errors
/// When surface 1 refused such a schema.
pub fn was_accepted_by_first(schema_text: &str) -> Result<(), Failure> {
    surface1::refusal(&read(schema_text)?).map_err(refuse)
}

/// The same schema with pointers (`#/…`) as its only references, for readers that know
/// no others. The drafts' own schemas are copied into it if it refers to them. A
/// reference by a dynamic name becomes one to the nearest schema of that name.
///
/// # Errors
/// When a reference leads nowhere; [`accept`] refuses such a schema.
pub fn linked(schema: &Value) -> Result<Value, Failure> {
    link::linked(schema).map_err(refuse)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(list) => levels == 0 || list.iter().any(|one| is_deeper(one, levels - 1)),
        Value::Object(map) => levels == 0 || map.values().any(|one| is_deeper(one, levels - 1)),
        _ => false,
    }
}

/// One reason why an answer does not satisfy a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer into the answer; empty for the whole answer.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// Why an answer is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// It does not satisfy the schema, for these reasons, at most 20.
    Violations(Vec<Violation>),
    /// Checking it would take more than [`CHECK_STEPS_MAX`] steps. The same is probably
    /// true of another answer.
    TooCostly,
}

/// The message about an answer that is too costly to check.
pub const TOO_COSTLY: &str = "checking it against the schema takes more steps than allowed: the \
     answer is too long or too deep for the choices, patterns or references of the schema";

/// The violations, one per line, for an agent.
#[must_use]
pub fn describe(violations: &[Violation]) -> String {
    let lines: Vec<String> = violations
        .iter()
        .map(|one| {
            let place = if one.path.is_empty() { "(root)" } else { &one.path };
            format!("{place}: {}", one.message)
        })
        .collect();
    lines.join("\n")
}

/// A compiled schema.
pub struct Checker {
    validator: Validator,
    plan: Plan,
}

impl fmt::Debug for Checker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checker").field("schemas", &self.plan.nodes.len()).finish_non_exhaustive()
    }
}

impl Checker {
    /// Compiles the text that [`accept`] returned.
    ///
    /// # Errors
    /// As in [`accept`]: a text from a journal is not trusted either.
    pub fn new(schema_text: &str) -> Result<Self, Failure> {
        let schema: Value = read(schema_text)?;
        if is_deeper(&schema, SCHEMA_DEPTH_MAX) || schema_text.len() > SCHEMA_BYTES_MAX {
            return Err(Failure::new(Code::CallTooLarge, "the schema is larger than allowed"));
        }
        Self::of(&schema)
    }

    /// Compiles a schema of bounded size and depth.
    pub(super) fn of(schema: &Value) -> Result<Self, Failure> {
        Self::placed(schema).map_err(|(_, failure)| failure)
    }

    /// As [`Self::of`]. The error has the place of the fault, a JSON
    /// Pointer into the schema; empty if it has none.
    pub(crate) fn placed(schema: &Value) -> Result<Self, (String, Failure)> {
        #[cfg(test)]
        tests::count_compilation();
        let nowhere = |failure| (String::new(), failure);
        refuse_other_kinds(schema).map_err(nowhere)?;
        let plan = Plan::of(schema).map_err(|reason| nowhere(refuse(reason)))?;
        let programs = Arc::clone(&plan.programs);
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = jsonschema::options()
            .offline()
            .with_registry(document::drafts())
            .with_pattern_options(patterns)
            .with_keyword(keyword::BOUNDED, move |_, value, _| keyword::bounded(value, &programs))
            .build(&keyword::apart(schema, &plan.programs))
            .map_err(|error| {
                let place = error.instance_path().as_str().to_owned();
                (place, refuse(messages::of_schema(&error)))
            })?;
        Ok(Self { validator, plan })
    }

    /// Whether checking an answer takes at most about a millisecond.
    #[must_use]
    pub fn is_quick(&self, answer: &Value) -> bool {
        effort::measure(&self.plan, answer, QUICK_STEPS_MAX).is_ok()
    }

    /// Checks an answer, within about a second.
    ///
    /// # Errors
    /// The violations, or [`Rejection::TooCostly`] if checking would take too long.
    pub fn judge(&self, answer: &Value) -> Result<(), Rejection> {
        self.judge_within(answer, CHECK_STEPS_MAX).1
    }

    /// The verdict, and the steps that it took, at most `left`.
    pub(super) fn judge_within(&self, answer: &Value, left: u64) -> (u64, Result<(), Rejection>) {
        let limit = left.min(CHECK_STEPS_MAX);
        match effort::measure(&self.plan, answer, limit) {
            Ok(steps) => (steps, self.weighed(answer, steps)),
            Err(TooMuch) => (limit, Err(Rejection::TooCostly)),
        }
    }

    fn weighed(&self, answer: &Value, steps: u64) -> Result<(), Rejection> {
        if self.validator.is_valid(answer) {
            return Ok(());
        }
        if steps > LISTED_STEPS_MAX {
            return Err(Rejection::Violations(vec![whole(TOO_LARGE)]));
        }
        let listed = self.validator.iter_errors(answer).take(VIOLATIONS_MAX);
        Err(Rejection::Violations(listed.map(|error| violation_of(&error)).collect()))
    }

    /// As [`Self::check`], with the properties that a violation is about, and what the
    /// value may be instead.
    pub(crate) fn check_names(&self, value: &Value) -> Result<(), Vec<NamedViolation>> {
        let steps = effort::measure(&self.plan, value, LISTED_STEPS_MAX);
        if steps.is_err() {
            let unnamed = |violations: Vec<Violation>| {
                violations.into_iter().map(NamedViolation::unnamed).collect()
            };
            return self.check(value).map_err(unnamed);
        }
        let listed = self.validator.iter_errors(value).take(VIOLATIONS_MAX);
        let found: Vec<NamedViolation> = listed.map(|error| NamedViolation::of(&error)).collect();
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    /// As [`Self::judge`], for callers to which [`Rejection::TooCostly`] is a violation
    /// like any other.
    ///
    /// # Errors
    /// The violations, at most 20.
    pub fn check(&self, answer: &Value) -> Result<(), Vec<Violation>> {
        self.judge(answer).map_err(|rejection| match rejection {
            Rejection::Violations(violations) => violations,
            Rejection::TooCostly => vec![whole(TOO_COSTLY)],
        })
    }
}

/// The message about an answer with more violations than can be listed in bounded time.
const TOO_LARGE: &str = "it does not satisfy the schema, and is too large to say where";

/// A violation, and the properties that it is about.
pub(crate) struct NamedViolation {
    pub(crate) violation: Violation,
    pub(crate) about: About,
    /// Whether it violates the schema of a property, and not one of the whole.
    pub(crate) is_of_property: bool,
}

/// What a violation is about, if that is not the value at its path.
pub(crate) enum About {
    /// The value.
    Value,
    /// A value that is none of these.
    Choices(Vec<Value>),
    /// A property that is missing.
    Missing(String),
    /// Properties that are not allowed.
    Unknown(Vec<String>),
}

impl NamedViolation {
    fn unnamed(violation: Violation) -> Self {
        Self { violation, about: About::Value, is_of_property: false }
    }

    fn of(error: &ValidationError<'_>) -> Self {
        let about = match error.kind() {
            ValidationErrorKind::Required { property: Value::String(name) } => {
                About::Missing(name.clone())
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                About::Unknown(unexpected.clone())
            }
            ValidationErrorKind::Enum { options } => {
                About::Choices(options.as_array().cloned().unwrap_or_default())
            }
            _ => About::Value,
        };
        let is_of_property = is_of_property(error.schema_path().as_str());
        Self { violation: violation_of(error), about, is_of_property }
    }
}

/// Whether a keyword at this path of a schema is about a property whatever the others are:
/// it stands below `properties`, and below nothing that holds in some cases only.
fn is_of_property(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    while let Some(part) = parts.next() {
        match part {
            "properties" => return true,
            "$ref" => {}
            // Behind these stands a number or a name.
            "allOf" | "$defs" | "definitions" => drop(parts.next()),
            _ => return false,
        }
    }
    false
}

fn violation_of(error: &ValidationError<'_>) -> Violation {
    Violation {
        path: cut::marked(error.instance_path().as_str().to_owned(), MESSAGE_BYTES_MAX),
        message: cut::marked(messages::violation(error), MESSAGE_BYTES_MAX),
    }
}

fn whole(message: &str) -> Violation {
    Violation { path: String::new(), message: message.to_owned() }
}

pub(super) fn read(schema_text: &str) -> Result<Value, Failure> {
    serde_json::from_str(schema_text).map_err(|error| refuse(format!("it cannot be read: {error}")))
}

pub(super) fn refuse(reason: impl fmt::Display) -> Failure {
    let reason = cut::marked(reason.to_string(), 2 * MESSAGE_BYTES_MAX);
    Failure::new(Code::SchemaInvalid, format!("the schema cannot be used: {reason}"))
}

fn refuse_other_kinds(schema: &Value) -> Result<(), Failure> {
    let keywords = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(keywords) => keywords,
        other => {
            return Err(refuse(format!(
                "a schema is an object or a boolean, and this is {}",
                kind_of(other)
            )));
        }
    };
    let known = match keywords.get("$schema") {
        None => true,
        Some(Value::String(uri)) => {
            let bare = uri.trim_end_matches('#');
            let bare = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
            bare.is_some_and(|bare| DRAFTS.contains(&bare))
        }
        Some(_) => false,
    };
    if known {
        Ok(())
    } else {
        let said = &keywords["$schema"];
        Err(refuse(format!(
            "`$schema` {said} is not a draft that is known; drafts 4, 6, 7, 2019-09 and 2020-12 are"
        )))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    thread_local! {
        static COMPILATIONS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count_compilation() {
        COMPILATIONS.set(COMPILATIONS.get() + 1);
    }

    /// How often this thread has compiled a schema.
    pub(in crate::schema) fn compilations() -> usize {
        COMPILATIONS.get()
    }
}
