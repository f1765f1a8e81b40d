//! What is wrong with the arguments of a run, argument by argument.
//!
//! Owns: which argument a violation is about, and its message. Never: checks a value.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{ArgsSchema, in_words};
use crate::cut;
use crate::near;
use crate::schema::{About, NamedViolation};

/// Most characters of a name in a message.
const NAME_CHARS_MAX: usize = 60;

/// Why the arguments of a run do not satisfy the schema of its workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArgsMisfit {
    /// One for each argument that does not fit, at most twenty.
    pub problems: Vec<ArgProblem>,
}

/// What is wrong with one argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArgProblem {
    /// Its name; none for the arguments as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Its schema, in words; none for an argument that is not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takes: Option<String>,
}

impl ArgsMisfit {
    pub(super) fn whole(message: String, schema: &Value) -> Self {
        let takes = Some(in_words(schema));
        Self { problems: vec![ArgProblem { argument: None, message, takes }] }
    }
}

impl fmt::Display for ArgProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.argument {
            Some(name) => write!(f, "`{}`: {}", shown(name), self.message)?,
            None => f.write_str(&self.message)?,
        }
        match &self.takes {
            Some(takes) => write!(f, " (schema: {takes})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ArgsMisfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.problems.iter().map(ToString::to_string).collect();
        f.write_str(&problems.join("; "))
    }
}

impl std::error::Error for ArgsMisfit {}

/// The problems that these violations are.
pub(super) fn misfit(schema: &ArgsSchema, args: &Value, found: Vec<NamedViolation>) -> ArgsMisfit {
    let problems = found.into_iter().flat_map(|one| problems_of(schema, args, one));
    let mut distinct: Vec<ArgProblem> = Vec::new();
    for problem in problems {
        if !distinct.contains(&problem) {
            distinct.push(problem);
        }
    }
    ArgsMisfit { problems: distinct }
}

fn problems_of(schema: &ArgsSchema, args: &Value, found: NamedViolation) -> Vec<ArgProblem> {
    let NamedViolation { violation, about, .. } = found;
    let is_root = violation.path.is_empty();
    match about {
        About::Missing(name) if is_root => vec![of_argument(schema, name, "is missing".into())],
        About::Unknown(names) if is_root => {
            let declared = schema.declared();
            let told = |name: String| {
                let known = declared.iter().map(|one| one.name);
                let meant = near::suggestion(&name, known);
                let message = format!("the workflow takes no such argument{meant}");
                ArgProblem { argument: Some(name), message, takes: None }
            };
            names.into_iter().map(told).collect()
        }
        _ if is_root => {
            let takes = Some(in_words(schema.followed(schema.json())));
            vec![ArgProblem { argument: None, message: violation.message, takes }]
        }
        about => {
            let name = first_name(&violation.path);
            let inside = violation.path.get(1 + escaped(&name).len()..).unwrap_or_default();
            let inside = if inside.is_empty() { String::new() } else { format!("at {inside}: ") };
            let meant = match about {
                About::Choices(choices) => meant(args.pointer(&violation.path), &choices),
                _ => String::new(),
            };
            vec![of_argument(schema, name, format!("{inside}{}{meant}", violation.message))]
        }
    }
}

fn of_argument(schema: &ArgsSchema, name: String, message: String) -> ArgProblem {
    let takes = schema.argument(&name).map(|one| in_words(one.schema));
    ArgProblem { argument: Some(name), message, takes }
}

/// The choice that was probably meant.
fn meant(given: Option<&Value>, choices: &[Value]) -> String {
    let words = choices.iter().filter_map(Value::as_str);
    given.and_then(Value::as_str).map_or_else(String::new, |typed| near::suggestion(typed, words))
}

/// The first name of a JSON Pointer.
pub(super) fn first_name(path: &str) -> String {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    first.replace("~1", "/").replace("~0", "~")
}

/// A name as it is in a JSON Pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A name for a message, cut.
pub(super) fn shown(name: &str) -> String {
    cut::to_chars(name, NAME_CHARS_MAX)
}
