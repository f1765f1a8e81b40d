//! JSON Schema for structured answers: accepted within bounds, checked offline.
//!
//! Owns: which schemas a call may carry, the verdict on an answer, examples
//! and the words about both. Never: fetches a document, or starts a check that
//! is not known to end soon: schema and answer are hostile, and the library
//! itself has no budget.

mod answer;
mod effort;
mod example;
mod number;
mod object;
mod pattern;
mod plan;
mod refs;
mod shape;
mod text;

use std::fmt;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

pub use self::answer::{
    correction_in_session, correction_prompt, parse_answer, with_schema_instructions,
};
pub use self::example::example;

use self::answer::shorten;
use self::effort::TooMuch;
use self::plan::Plan;
use crate::call::kind_of;
use crate::codes;
use crate::guest::Failure;
use crate::limits::{SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};

/// Most steps of checking one answer: about 100 ms. An answer of 4 MiB in
/// ordinary words against an ordinary schema takes a tenth of them.
const CHECK_STEPS_MAX: u64 = 4_000_000;

/// Most steps of an answer whose errors are all collected, which takes memory
/// for each; beyond that there is a verdict and no list.
const LISTED_STEPS_MAX: u64 = 100_000;

/// Violations that are reported: an agent mends the first few.
const VIOLATIONS_MAX: usize = 20;

/// Bytes of each message and of each path.
const MESSAGE_BYTES_MAX: usize = 300;

/// Bytes that one compiled pattern may take, and its cache.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The drafts that are understood, without scheme and fragment.
const DRAFTS: [&str; 5] = [
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
];

/// Takes a schema as a script gives it, and returns the text to journal.
///
/// # Errors
/// When it is not a JSON Schema of a known draft, larger or deeper than
/// allowed, refers to another document, or cannot be checked in bounded time.
pub fn accept(schema: &Value) -> Result<String, Failure> {
    // The order matters: nothing may recurse before the depth is known.
    if is_deeper(schema, SCHEMA_DEPTH_MAX) {
        return Err(Failure::new(
            codes::CALL_TOO_LARGE,
            format!("the schema is nested more than {SCHEMA_DEPTH_MAX} levels deep"),
        ));
    }
    let text = schema.to_string();
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(Failure::new(
            codes::CALL_TOO_LARGE,
            format!(
                "the schema is {} bytes of JSON, and {SCHEMA_BYTES_MAX} is the most",
                text.len()
            ),
        ));
    }
    Checker::of(schema)?;
    Ok(text)
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
    /// JSON Pointer into the answer; empty for the whole of it.
    pub path: String,
    /// What is wrong there.
    pub message: String,
}

/// The violations in one line each, for an agent to read.
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
    /// As [`accept`]: a text from a journal is trusted no more than a script.
    pub fn new(schema_text: &str) -> Result<Self, Failure> {
        let schema: Value = read(schema_text)?;
        if is_deeper(&schema, SCHEMA_DEPTH_MAX) || schema_text.len() > SCHEMA_BYTES_MAX {
            return Err(Failure::new(codes::CALL_TOO_LARGE, "the schema is larger than allowed"));
        }
        Self::of(&schema)
    }

    fn of(schema: &Value) -> Result<Self, Failure> {
        refuse_other_kinds(schema)?;
        let plan = Plan::of(schema).map_err(refuse)?;
        let patterns =
            PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let validator =
            jsonschema::options().offline().with_pattern_options(patterns).build(schema).map_err(
                |error| {
                    let place = error.instance_path().to_string();
                    refuse(if place.is_empty() {
                        error.to_string()
                    } else {
                        format!("at {place}: {error}")
                    })
                },
            )?;
        Ok(Self { validator, plan })
    }

    /// The verdict on an answer. Ends within about 100 ms, whatever both are.
    ///
    /// # Errors
    /// What is wrong with the answer, at most 20 things.
    pub fn check(&self, answer: &Value) -> Result<(), Vec<Violation>> {
        let steps = match effort::measure(&self.plan, answer, CHECK_STEPS_MAX) {
            Ok(steps) => steps,
            Err(TooMuch) => {
                return Err(vec![whole(
                    "checking it against the schema takes more steps than allowed; \
                     answer with less, or with less nesting",
                )]);
            }
        };
        if self.validator.is_valid(answer) {
            return Ok(());
        }
        if steps > LISTED_STEPS_MAX {
            return Err(vec![whole(
                "it does not satisfy the schema, and is too large to say where",
            )]);
        }
        let listed =
            self.validator.iter_errors(answer).take(VIOLATIONS_MAX).map(|error| Violation {
                path: shorten(error.instance_path().as_str(), MESSAGE_BYTES_MAX),
                message: shorten(&error.to_string(), MESSAGE_BYTES_MAX),
            });
        Err(listed.collect())
    }
}

fn whole(message: &str) -> Violation {
    Violation { path: String::new(), message: message.to_owned() }
}

fn read(schema_text: &str) -> Result<Value, Failure> {
    serde_json::from_str(schema_text).map_err(|error| refuse(format!("it cannot be read: {error}")))
}

fn refuse(reason: impl fmt::Display) -> Failure {
    let reason = shorten(&reason.to_string(), 2 * MESSAGE_BYTES_MAX);
    Failure::new(codes::SCHEMA_INVALID, format!("the schema cannot be used: {reason}"))
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
            "`$schema` {said} is not a draft that is known; draft 7 and 2020-12 are"
        )))
    }
}
