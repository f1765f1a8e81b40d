//! Options that restrict what an agent may use.
//!
//! Owns: their form, and names similar to theirs. Never: decides whether a provider can
//! enforce them; the engine does.

use serde_json::Value;

use super::{OptionRules, wrong};
use crate::guest::Failure;
use crate::json_kind::kind_of;
use crate::step_request::refuse;

/// Most entries of one list. Agents have about thirty tools.
const ENTRIES_MAX: usize = 200;

/// Longest entry, in bytes.
const ENTRY_BYTES_MAX: usize = 500;

/// Reads names of tools, such as `Bash`, `mcp__server__tool` or `Bash(git push *)`.
pub(super) fn names(name: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let takes = "an array of names of tools, such as ['Bash', 'Edit']";
    let entries = entries(name, takes, value)?;
    match entries.iter().find(|entry| !is_tool(entry)) {
        None => Ok(entries),
        Some(entry) => Err(refuse(format!(
            "option `{name}` of agent() takes {takes}, and `{}` can be none: a name begins with a capital letter or with mcp__",
            super::shown(entry)
        ))),
    }
}

/// Reads the only shell commands that an agent may run.
pub(super) fn commands(name: &str, value: &Value) -> Result<Vec<String>, Failure> {
    entries(name, "an array of shell commands, such as ['git status', 'npm test']", value)
}

fn entries(name: &str, takes: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let Value::Array(items) = value else { return Err(wrong(name, takes, kind_of(value))) };
    if items.len() > ENTRIES_MAX {
        let given = format!("{} entries; {ENTRIES_MAX} are the most", items.len());
        return Err(wrong(name, takes, &given));
    }
    items
        .iter()
        .map(|item| match item.as_str() {
            Some(text) if is_entry(text) => Ok(text.to_owned()),
            Some(text) => Err(wrong(name, takes, &format!("[{}]", Value::from(text)))),
            None => Err(wrong(name, takes, &format!("an array that holds {}", kind_of(item)))),
        })
        .collect()
}

fn is_entry(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= ENTRY_BYTES_MAX && !text.chars().any(char::is_control)
}

fn is_tool(entry: &str) -> bool {
    let (tool, of) = match entry.split_once('(') {
        Some((tool, of)) => (tool, Some(of)),
        None => (entry, None),
    };
    let begins = tool.starts_with(|one: char| one.is_ascii_uppercase())
        || tool.strip_prefix("mcp__").is_some_and(|rest| !rest.is_empty());
    let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.');
    let is_closed = |of: &str| of.strip_suffix(')').is_some_and(|of| !of.trim().is_empty());
    begins && tool.chars().all(is_name) && of.is_none_or(is_closed)
}

/// Names that are not options, and what their authors probably mean, sorted. They are
/// refused, because ignoring one would leave an agent unrestricted against the author's
/// intention.
const ALIKE: [(&str, &str); 72] = [
    ("allowcommands", "bashCommandClamp"),
    ("allowedcommand", "bashCommandClamp"),
    ("allowedcommands", "bashCommandClamp"),
    ("allowedpaths", "permissions"),
    ("allowedtool", "allowedTools"),
    ("allowedtools", "allowedTools"),
    ("allowtools", "allowedTools"),
    ("approvalmode", "permissions"),
    ("approvalpolicy", "permissions"),
    ("askforapproval", "permissions"),
    ("bashclamp", "bashCommandClamp"),
    ("bashcommandclamp", "bashCommandClamp"),
    ("blockcommands", "disallowedTools"),
    ("blockedcommands", "disallowedTools"),
    ("blockedpaths", "permissions"),
    ("blockedtools", "disallowedTools"),
    ("blocktools", "disallowedTools"),
    ("commandclamp", "bashCommandClamp"),
    ("deniedcommands", "disallowedTools"),
    ("deniedpaths", "permissions"),
    ("deniedtools", "disallowedTools"),
    ("denycommands", "disallowedTools"),
    ("denytools", "disallowedTools"),
    ("disabledtools", "disallowedTools"),
    ("disabletools", "disallowedTools"),
    ("disallowedcommands", "disallowedTools"),
    ("disallowedtool", "disallowedTools"),
    ("disallowedtools", "disallowedTools"),
    ("disallowtools", "disallowedTools"),
    ("dryrun", "permissions: 'read'"),
    ("edit", "permissions"),
    ("excludedtools", "disallowedTools"),
    ("excludetools", "disallowedTools"),
    ("isolated", "isolation: 'worktree'"),
    ("isolation", "isolation"),
    ("jsonschema", "schema"),
    ("limitturns", "maxTurns"),
    ("maxagentturns", "maxTurns"),
    ("maximumturns", "maxTurns"),
    ("maxiterations", "maxTurns"),
    ("maxsteps", "maxTurns"),
    ("maxturn", "maxTurns"),
    ("maxturncount", "maxTurns"),
    ("maxturns", "maxTurns"),
    ("network", "permissions"),
    ("networkaccess", "permissions"),
    ("notools", "tools: []"),
    ("numturns", "maxTurns"),
    ("outputschema", "schema"),
    ("permission", "permissions"),
    ("permissionmode", "permissions"),
    ("permissionprofile", "permissions"),
    ("permissions", "permissions"),
    ("planmode", "permissions: 'read'"),
    ("readonly", "permissions: 'read'"),
    ("responseschema", "schema"),
    ("sandbox", "permissions"),
    ("sandboxed", "permissions"),
    ("sandboxmode", "permissions"),
    ("sandboxpolicy", "permissions"),
    ("schema", "schema"),
    ("tool", "tools"),
    ("toolallowlist", "allowedTools"),
    ("tools", "tools"),
    ("toolset", "tools"),
    ("turncount", "maxTurns"),
    ("turnlimit", "maxTurns"),
    ("turns", "maxTurns"),
    ("turnsmax", "maxTurns"),
    ("worktree", "isolation: 'worktree'"),
    ("writable", "permissions"),
    ("write", "permissions"),
];

/// Names that restrict an agent by `false`, not by `true`.
const RIGHTS: [&str; 5] = ["edit", "network", "networkaccess", "writable", "write"];

/// Names that surface 2 ignores.
const ALIKE_THIRD: [&str; 24] = [
    "isolated",
    "isolation",
    "jsonschema",
    "limitturns",
    "maxagentturns",
    "maximumturns",
    "maxiterations",
    "maxsteps",
    "maxturn",
    "maxturncount",
    "maxturns",
    "numturns",
    "outputschema",
    "permissions",
    "responseschema",
    "schema",
    "tool",
    "tools",
    "toolset",
    "turncount",
    "turnlimit",
    "turns",
    "turnsmax",
    "worktree",
];

/// Refuses an unknown option by which the author probably means to restrict the agent.
pub(super) fn refuse_alike(name: &str, value: &Value, rules: OptionRules) -> Result<(), Failure> {
    let is_second = matches!(rules, OptionRules::Second(_));
    let is_left_out = |one: char| matches!(one, '_' | '-') || (one == ' ' && !is_second);
    let plain: String =
        name.chars().filter(|one| !is_left_out(*one)).collect::<String>().to_ascii_lowercase();
    let asks = match value {
        Value::Null => false,
        Value::Bool(given) => *given != RIGHTS.contains(&plain.as_str()),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let is_passed_over = is_second && ALIKE_THIRD.contains(&plain.as_str());
    match ALIKE.iter().find(|(alike, _)| *alike == plain) {
        Some((_, meant)) if asks && !is_passed_over => Err(refuse(format!(
            "agent() does not know the option `{name}`, and would not hold its agent to it; write `{meant}`, or leave it out"
        ))),
        _ => Ok(()),
    }
}
