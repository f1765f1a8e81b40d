//! The answer to an agent's permission question.
//!
//! Owns: the policy. Never: guarantees that an agent asks; one that does not is held by
//! its own modes alone.
//!
//! An agent asks because rules of its user, or its own, make it. So the answer is no,
//! unless the user has allowed it once and for all, or wants a person to be asked. Then a step with `permissions:
//! 'read'` may read, search and fetch. Any other may do what stays below the folders that
//! it works in, as far as the agent names paths. A shell command names none, and is
//! allowed.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::step_request::Permissions;

use crate::foreign::{or_default, readable};
use crate::permission::{input_in_words, pretty};
use crate::{AskPolicy, McpServer};

/// Kinds of tools that change nothing.
const READING: [&str; 4] = ["read", "search", "fetch", "think"];

/// Kinds of tools that change files and do no more.
const EDITING: [&str; 3] = ["edit", "delete", "move"];

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Question {
    #[serde(deserialize_with = "or_default")]
    tool_call: ToolCall,
    #[serde(deserialize_with = "readable")]
    options: Vec<Choice>,
}

/// The answer of a client whose turn is cancelled.
pub(super) fn cancelled() -> Value {
    json!({"outcome": {"outcome": "cancelled"}})
}

impl Question {
    fn choice(&self, kind: &str) -> Option<&Choice> {
        self.options.iter().find(|choice| choice.kind == kind)
    }

    /// The answer in the protocol's form.
    fn answer(&self, allowed: bool) -> Value {
        // Once, so that the agent's own settings keep no lasting permission.
        let kinds =
            if allowed { ["allow_once", "allow_always"] } else { ["reject_once", "reject_always"] };
        match kinds.iter().find_map(|kind| self.choice(kind)) {
            Some(choice) => {
                json!({"outcome": {"outcome": "selected", "optionId": choice.option_id}})
            }
            None => cancelled(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ToolCall {
    #[serde(deserialize_with = "or_default")]
    title: String,
    #[serde(deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    locations: Vec<Location>,
    raw_input: Value,
    content: Value,
}

impl ToolCall {
    /// Whether it is a tool of this server, and not a command that is named like one: the
    /// title of a shell command is the command.
    fn is_of(&self, server: &str) -> bool {
        let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '_' | '-');
        let tool = match self.title.strip_suffix(&format!(" ({server} MCP Server)")) {
            // The form of Gemini CLI.
            Some(tool) => Some(tool),
            // The form of Claude Code and Codex.
            None => self.title.strip_prefix(&format!("mcp__{server}__")),
        };
        self.kind == "other" && tool.is_some_and(|it| !it.is_empty() && it.chars().all(is_name))
    }

    fn in_words(&self) -> String {
        let places = self.locations.iter().map(|one| format!(" {}", one.path.display()));
        format!("{} ({}){}", self.title, self.kind, places.collect::<String>())
    }

    /// Exactly what would be done, as far as the agent says: the paths, and the input of
    /// the tool, or else what it shows.
    fn in_detail(&self) -> String {
        let input = input_in_words(&self.raw_input);
        let shows = !(self.content.is_null() || self.content == json!([]));
        let input = match input.is_empty() && shows {
            true => pretty(&self.content),
            false => input,
        };
        let paths = self.locations.iter().map(|one| one.path.display().to_string());
        let parts = paths.chain([input]).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("\n")
    }

    /// Whether a person would see what would be done.
    fn says_what(&self) -> bool {
        !self.title.trim().is_empty() || !self.in_detail().is_empty()
    }

    fn ask(&self) -> PermissionAsk {
        let tool = Some(self.kind.clone()).filter(|kind| !kind.is_empty());
        let what = match self.title.trim() {
            "" => self.in_words().trim().to_owned(),
            title => title.to_owned(),
        };
        PermissionAsk { what, detail: self.in_detail(), tool }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Choice {
    #[serde(deserialize_with = "or_default")]
    option_id: String,
    #[serde(deserialize_with = "or_default")]
    kind: String,
}

/// The answer to `session/request_permission`.
#[derive(Debug)]
pub(super) struct Decision {
    /// In the protocol's form.
    pub(super) result: Value,
    /// What was refused, in words; none when it was allowed.
    pub(super) denied: Option<String>,
    /// Whether the user could allow it.
    pub(super) is_for_the_user: bool,
    /// The question to a person, and the answer in the protocol's form if they allow it.
    pub(super) asks: Option<Box<(PermissionAsk, Value)>>,
}

/// What the answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The permissions of the step.
    pub(super) permissions: Option<Permissions>,
    /// The folders that the agent works in.
    pub(super) places: &'a [PathBuf],
    /// Servers whose tools it may use, because its user has named them.
    pub(super) servers: &'a [McpServer],
    /// What its user has decided.
    pub(super) asks: AskPolicy,
    /// Whether the agent asks about every edit, whatever its user says.
    pub(super) asks_for_edits: bool,
}

/// Decides about one question.
pub(super) fn decide(params: &Value, rules: Rules<'_>) -> Decision {
    let question: Question = serde_json::from_value(params.clone()).unwrap_or_default();
    let ToolCall { kind, locations, .. } = &question.tool_call;
    let may = match rules.permissions {
        Some(Permissions::Read) => READING.contains(&kind.as_str()),
        Some(Permissions::Write) | None => true,
    };
    let inside = locations
        .iter()
        .all(|location| rules.places.iter().any(|place| is_below(&location.path, place)));
    // This is what `write` means for an agent without a mode for it.
    let is_wish = rules.asks_for_edits
        && rules.permissions == Some(Permissions::Write)
        && EDITING.contains(&kind.as_str())
        && !locations.is_empty();
    let may = may && inside;
    let is_named = rules.servers.iter().any(|server| question.tool_call.is_of(&server.name));
    let allowed = may && (rules.asks == AskPolicy::Allow || is_wish || is_named);
    // A person says yes to this once; an agent that can only be allowed for good is refused.
    let is_once = question.choice("allow_once").is_some();
    // Nor is a person asked about nothing.
    let says_what = question.tool_call.says_what();
    let asks = may && !allowed && is_once && says_what && rules.asks == AskPolicy::Person;
    Decision {
        result: question.answer(allowed),
        asks: asks.then(|| Box::new((question.tool_call.ask(), question.answer(true)))),
        denied: (!allowed).then(|| question.tool_call.in_words()),
        is_for_the_user: may && !allowed,
    }
}

/// By name alone: the file need not exist yet.
fn is_below(path: &Path, cwd: &Path) -> bool {
    let mut whole = PathBuf::new();
    for component in cwd.join(path).components() {
        match component {
            Component::ParentDir => _ = whole.pop(),
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    whole.starts_with(cwd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: &str, paths: &[&str], permissions: Option<Permissions>) -> String {
        let rules = Rules {
            permissions,
            places: &[HERE.into()],
            servers: &[],
            asks: AskPolicy::Allow,
            asks_for_edits: false,
        };
        chosen(kind, paths, rules).0
    }

    const HERE: &str = "/project";

    /// The chosen option, and whether the user could allow it.
    fn chosen(kind: &str, paths: &[&str], rules: Rules<'_>) -> (String, bool) {
        let locations: Vec<_> = paths.iter().map(|path| json!({ "path": path })).collect();
        let params = json!({
            "toolCall": {"kind": kind, "locations": locations},
            "options": [
                {"optionId": "always", "kind": "allow_always"},
                {"optionId": "once", "kind": "allow_once"},
                {"optionId": "no", "kind": "reject_once"},
            ],
        });
        let decided = decide(&params, rules);
        assert_eq!(decided.denied.is_some(), decided.result.to_string().contains("\"no\""));
        (
            decided.result["outcome"]["optionId"].as_str().unwrap().to_owned(),
            decided.is_for_the_user,
        )
    }

    #[test]
    fn questions_are_refused_unless_the_user_says_otherwise() {
        let write = Some(Permissions::Write);
        for (kind, paths, permissions, asks_for_edits, expected) in [
            ("edit", &["/project/a"][..], None, false, ("no", true)),
            ("edit", &["/project/a"], write, false, ("no", true)),
            // It asks about every edit, and `write` is the caller's permission.
            ("edit", &["/project/a"], write, true, ("once", false)),
            ("edit", &["/project/a"], None, true, ("no", true)),
            ("edit", &["/etc/passwd"], write, true, ("no", false)),
            ("edit", &[], write, true, ("no", true)),
            ("execute", &["/project/a"], write, true, ("no", true)),
            ("read", &["/project/.env"], Some(Permissions::Read), false, ("no", true)),
            ("edit", &["/project/a"], Some(Permissions::Read), true, ("no", false)),
        ] {
            let rules = Rules {
                permissions,
                places: &[HERE.into()],
                servers: &[],
                asks: AskPolicy::Refuse,
                asks_for_edits,
            };
            let (answer, is_for_the_user) = chosen(kind, paths, rules);
            assert_eq!((answer.as_str(), is_for_the_user), expected, "{kind} {paths:?}");
        }
    }

    #[test]
    fn a_reader_reads_and_nothing_leaves_the_directory() {
        let read = Some(Permissions::Read);
        for (kind, paths, permissions, expected) in [
            ("edit", &["/project/a"][..], None, "once"),
            ("edit", &["a/../b"], Some(Permissions::Write), "once"),
            ("execute", &[], None, "once"),
            ("edit", &["/project/a", "/etc/passwd"], None, "no"),
            ("edit", &["/project/../etc"], None, "no"),
            ("edit", &["/project2/a"], None, "no"),
            ("read", &["/project/a"], read, "once"),
            ("read", &["/etc/passwd"], read, "no"),
            ("edit", &["/project/a"], read, "no"),
            ("execute", &[], read, "no"),
            ("other", &[], read, "no"),
        ] {
            assert_eq!(answer(kind, paths, permissions), expected, "{kind} {paths:?}");
        }
    }

    #[test]
    fn the_tools_of_a_server_that_the_user_has_named_are_used() {
        let way = crate::McpTransport::Http { url: String::new(), headers: Default::default() };
        let servers = [McpServer { name: "git-hub".to_owned(), way }];
        for (title, kind, may) in [
            ("mcp__git-hub__list_issues", "other", true),
            ("list_issues (git-hub MCP Server)", "other", true),
            ("mcp__git-hub__", "other", false),
            ("mcp__git__hub", "other", false),
            ("mcp__other__list", "other", false),
            ("mcp__git-hub__list; rm -rf /", "other", false),
            ("rm -rf / (git-hub MCP Server)", "other", false),
            ("mcp__git-hub__list", "execute", false),
            ("{}", "other", false),
        ] {
            let options = json!([{"optionId": "once", "kind": "allow_once"}]);
            let params = json!({"toolCall": {"title": title, "kind": kind}, "options": options});
            let rules = Rules {
                permissions: None,
                places: &[],
                servers: &servers,
                asks: AskPolicy::Refuse,
                asks_for_edits: false,
            };
            assert_eq!(decide(&params, rules).denied.is_none(), may, "{title}");
        }
    }

    #[test]
    fn a_question_without_a_fitting_answer_is_cancelled() {
        let rules = Rules {
            permissions: None,
            places: &[HERE.into()],
            servers: &[],
            asks: AskPolicy::Allow,
            asks_for_edits: false,
        };
        for unreadable in [json!({"options": []}), json!({"toolCall": 1}), json!(null)] {
            let decided = decide(&unreadable, rules);
            assert_eq!(decided.result["outcome"]["outcome"], "cancelled");
        }
        let nulls = json!({"toolCall": null, "options": [null, {"optionId": null, "kind": null}]});
        let decided = decide(&nulls, rules);
        assert_eq!(decided.result["outcome"]["outcome"], "cancelled");
    }
}
