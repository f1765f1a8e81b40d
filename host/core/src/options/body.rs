//! Option values that Claude Code ignores in bodies.
//!
//! Owns: which values count as unset, which become text, and which are ignored with a
//! warning. Never: an option that restricts; a body enforces or refuses those as a
//! module does.

use serde_json::Value;

use super::{ISOLATION_WORKTREE, OptionRules};
use crate::json_kind::kind_of;

/// The efforts of all agents. Claude Code ignores every other word, too.
const EFFORTS: [&str; 9] =
    ["none", "off", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// Kinds of isolation that would confine an agent. They are refused, because ignoring
/// one would leave the agent unconfined.
const CONFINED: [&str; 6] = ["container", "docker", "microvm", "remote", "sandbox", "vm"];

/// The meaning of an option's value in a body.
pub(super) enum BodyOption {
    /// The option is read with this value.
    Value(Value),
    /// The option is not set.
    Nothing,
    /// The option is not set, and this warning tells the author why.
    Ignored(String),
}

/// The meaning of this value in a body. The caller has skipped `null`.
pub(super) fn meant(name: &str, value: Value, rules: OptionRules) -> BodyOption {
    let is_false = value == Value::Bool(false);
    let is_empty = value.as_str().is_some_and(str::is_empty);
    match name {
        "label" | "phase" | "key" => words(name, value),
        // As in `{ model: cheap && 'haiku' }`. This goes for restricting options, too.
        _ if is_false => unset(name, "false"),
        _ if rules.restricts(name) => BodyOption::Value(value),
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

/// Whether this number is not a time-out. Invalid text is refused instead, because its
/// author meant something by it.
fn is_no_time(value: &Value) -> bool {
    value.as_f64().is_some_and(|ms| ms <= 0.0)
}

fn is_confined(kind: &str) -> bool {
    CONFINED.contains(&kind.to_ascii_lowercase().as_str())
}

/// Text for people: numbers and `true` become text, line breaks become spaces.
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

/// The option is not set. Claude Code ignores such values silently; a warning helps an
/// author who meant something by it.
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
