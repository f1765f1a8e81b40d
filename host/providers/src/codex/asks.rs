//! Questions that the user's rules make Codex ask, and that `codex exec` refuses by itself.
//!
//! Owns: the words of the refusal, and what the user writes to allow it. Never: decides.
//! `exec` asks nobody, whatever `approval_policy` says, so the setting `asks` has no effect
//! on it.
//!
//! A command that a rule (`decision = "prompt"`) asks about leaves no item, but a line on
//! stderr and the answer to the call in the session's file. A server's tool leaves a
//! failed item.

use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;

use crate::cli_agent::detail_of;

/// The refusal of a command.
const OF_A_COMMAND: &str = "approval required by policy";

/// The refusal of a server's tool, by version.
const OF_A_TOOL: [&str; 3] = [
    "MCP tool call requires approval",
    "MCP tool call cancelled: interactive approval is unavailable",
    "user cancelled MCP tool call",
];

/// What allows a command. Of several rules the strictest counts, so another rule would
/// not do.
const IN_THE_RULE: &str = "decision = \"allow\" in the rule of ~/.codex/rules that asks";

/// Whether a line on stderr, or the answer to a call, says that a rule asked about a
/// command.
pub(super) fn is_of_a_command(text: &str) -> bool {
    text.contains(OF_A_COMMAND)
}

/// A refused command, with its words where the arguments of the call are known.
pub(super) fn command(arguments: Option<&str>) -> RefusedAsk {
    let arguments = arguments.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let detail = arguments.as_ref().and_then(detail_of);
    let what = detail.map_or_else(|| "a command".to_owned(), |detail| format!("shell {detail}"));
    RefusedAsk::of_its_own_rules(what, IN_THE_RULE.to_owned())
}

/// A refused tool of a server, from the error of its use.
pub(super) fn tool(server: &str, tool: &str, error: &str) -> Option<RefusedAsk> {
    OF_A_TOOL.iter().any(|words| error.contains(words)).then(|| {
        let key = Value::from(server);
        let allow = format!(
            "default_tools_approval_mode = \"approve\" in [mcp_servers.{key}] of ~/.codex/config.toml"
        );
        RefusedAsk::of_its_own_rules(format!("{server}.{tool}"), allow)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_named_with_the_rule_that_allows_it() {
        let asked = command(Some(r#"{"cmd":"touch x"}"#));
        assert_eq!((asked.what.as_str(), asked.own_rules_only), ("shell touch x", true));
        for unknown in [None, Some("not json"), Some(r#"{"command":["bash","-lc","x"]}"#)] {
            assert_eq!(command(unknown).what, "a command");
        }
        for error in [
            "MCP tool call requires approval, but approval policy is never",
            "MCP tool call cancelled: interactive approval is unavailable in exec mode",
            "user cancelled MCP tool call",
        ] {
            let asked = tool("my server", "drop", error).unwrap();
            assert_eq!(asked.what, "my server.drop");
            assert!(asked.allow.unwrap().contains("[mcp_servers.\"my server\"]"));
        }
        assert_eq!(tool("s", "drop", "no such table"), None);
    }
}
