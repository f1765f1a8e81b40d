//! Option values that Claude Code ignores in bodies.
//!
//! Owns: which values stand for nothing, which become text, and which are
//! ignored with a warning. Never: an option that restricts; those are held or
//! refused in a body as in a module.

use serde_json::Value;

use super::{ISOLATION_WORKTREE, RESTRICTING};
use crate::json_kind::kind_of;

/// The efforts that some agent knows. Another word is none of Claude Code's
/// either, which ignores it.
const EFFORTS: [&str; 9] =
    ["none", "off", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// Places to work in that keep an agent away from something. To ignore one would
/// set the agent free.
const CONFINED: [&str; 6] = ["container", "docker", "microvm", "remote", "sandbox", "vm"];

/// How the value of an option is taken.
pub(super) enum BodyOption {
    /// It is read as this.
    Value(Value),
    /// The option is not set.
    Nothing,
    /// The option is not set, and the script's author should know why.
    Ignored(String),
}

/// How a body means this value. The caller has skipped `null`.
pub(super) fn meant(name: &str, value: Value) -> BodyOption {
    let is_false = value == Value::Bool(false);
    let is_empty = value.as_str().is_some_and(str::is_empty);
    match name {
        "label" | "phase" | "key" => words(name, value),
        // As in `{ model: cheap && 'haiku' }`: nothing is restricted by it either.
        _ if is_false => unset(name, "false"),
        _ if RESTRICTING.contains(&name) => BodyOption::Value(value),
        _ if is_empty => unset(name, "empty"),
        "effort" => match value.as_str() {
            Some(effort) if EFFORTS.contains(&effort) => BodyOption::Value(value),
            _ => ignored(name, &format!("one of {}", EFFORTS.join(", ")), &value),
        },
        "isolation" => match value.as_str() {
            Some(kind) if kind == ISOLATION_WORKTREE || is_confined(kind) => {
                BodyOption::Value(value)
            }
            None if value.is_object() => BodyOption::Value(value),
            _ => ignored(name, "'worktree' or nothing", &value),
        },
        "timeout" if is_no_time(&value) => {
            ignored(name, "milliseconds greater than 0, or text like '90s'", &value)
        }
        "stallMs" if super::stall(name, &value).is_err() => {
            ignored(name, "milliseconds, or text like '90s'", &value)
        }
        _ => BodyOption::Value(value),
    }
}

/// A number that no time-out can have. Text is another matter: it was meant to
/// say something.
fn is_no_time(value: &Value) -> bool {
    value.as_f64().is_some_and(|ms| ms <= 0.0)
}

fn is_confined(kind: &str) -> bool {
    CONFINED.contains(&kind.to_ascii_lowercase().as_str())
}

/// Text for people: what can be text becomes text, on one line.
fn words(name: &str, value: Value) -> BodyOption {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(false) => return BodyOption::Nothing,
        Value::Bool(yes) => yes.to_string(),
        other => return ignored(name, "text", &other),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { BodyOption::Nothing } else { BodyOption::Value(Value::String(line)) }
}

/// Claude Code passes over these without a word. Who meant something by them should
/// know that the call goes on without it.
fn unset(name: &str, what: &str) -> BodyOption {
    BodyOption::Ignored(format!(
        "option `{name}` of agent() is {what} and sets nothing; leave it out, or say undefined"
    ))
}

fn ignored(name: &str, takes: &str, value: &Value) -> BodyOption {
    let given = match value {
        Value::Array(_) | Value::Object(_) => kind_of(value).to_owned(),
        other => super::written(other),
    };
    BodyOption::Ignored(format!(
        "option `{name}` of agent() takes {takes}, and is {given}; it is ignored"
    ))
}
