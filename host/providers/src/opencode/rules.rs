//! What an agent may do: the permission ruleset of a session.
//!
//! Owns: rules under which nothing is ever asked, since nobody is there to
//! answer and a question blocks the call for ever. Never: the user's own rules;
//! these come after them, and the last rule that matches counts.

use serde_json::{Value, json};
use smol_wf_core::call::Permissions;

/// What opencode would ask about, whoever it works for.
const NEVER: [&str; 3] = ["external_directory", "question", "doom_loop"];

/// What reads and nothing more. Shell commands are not in it, since a command
/// that only reads cannot be told from one that does not; nor are subagents,
/// which inherit what is denied but not what is allowed; nor tools of MCP
/// servers, of which nothing is known.
const READING: [&str; 9] =
    ["read", "grep", "glob", "list", "lsp", "skill", "todowrite", "webfetch", "websearch"];

/// The tool by which opencode takes a structured answer.
const STRUCTURED: &str = "StructuredOutput";

/// The rules for a session. Without a wish of the caller's the agent may write
/// below its directory, as opencode lets it by itself.
pub(super) fn ruleset(permissions: Option<Permissions>) -> Value {
    let rule = |permission: &str, action: &str| json!({"permission": permission, "pattern": "*", "action": action});
    let mut rules = match permissions {
        Some(Permissions::Read) => {
            let mut rules = vec![rule("*", "deny")];
            rules.extend(READING.iter().map(|name| rule(name, "allow")));
            rules.push(rule(STRUCTURED, "allow"));
            rules
        }
        Some(Permissions::Write) | None => vec![rule("*", "allow")],
    };
    rules.extend(NEVER.iter().map(|name| rule(name, "deny")));
    Value::Array(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The action of the last rule that matches, as opencode decides.
    fn action(rules: &Value, permission: &str) -> String {
        let rules = rules.as_array().unwrap().iter().rev();
        let mut matching =
            rules.filter(|rule| rule["permission"] == permission || rule["permission"] == "*");
        matching.next().unwrap()["action"].as_str().unwrap().to_owned()
    }

    #[test]
    fn nothing_is_ever_asked() {
        for permissions in [None, Some(Permissions::Read), Some(Permissions::Write)] {
            let rules = ruleset(permissions);
            assert!(!rules.to_string().contains("ask"), "{rules}");
            for name in NEVER {
                assert_eq!(action(&rules, name), "deny");
            }
        }
    }

    #[test]
    fn a_reader_writes_nothing() {
        let rules = ruleset(Some(Permissions::Read));
        for name in ["edit", "bash", "task", "some_mcp_tool"] {
            assert_eq!(action(&rules, name), "deny", "{name}");
        }
        assert_eq!(action(&rules, "read"), "allow");
        assert_eq!(action(&ruleset(Some(Permissions::Write)), "edit"), "allow");
    }
}
