//! What an agent may do: the permission rules of a session.
//!
//! Owns: rules that restrict what opencode lets an agent do, and allow nothing new. They
//! come after those of its user and of the agent itself, and the last rule that matches
//! counts; so a rule that has to allow repeats what user and agent say. Never: answers a
//! question; see `progress`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use smol_wf_core::step_request::Permissions;

use crate::McpServer;
use crate::foreign::or_default;
use crate::step_inputs::{no_tool, own_names};

/// Permissions that are always denied: paths outside of the directory, questions to a
/// person, and endless repetition.
const NEVER: [&str; 3] = [OUTSIDE, "question", "doom_loop"];

/// Permissions that only read. Not shell commands, because one that only reads cannot be
/// recognised; not subagents, which inherit denials but not allowances; and not tools of
/// MCP servers, of which nothing is known.
const READING: [&str; 9] =
    ["read", "grep", "glob", "list", "lsp", "skill", "todowrite", "webfetch", "websearch"];

/// Its permissions by the names that scripts write for tools. Writing a new file is its
/// permission to edit.
const TOOLS: [(&str, &str); 11] = [
    ("Bash", "bash"),
    ("Edit", "edit"),
    ("Glob", "glob"),
    ("Grep", "grep"),
    ("LS", "list"),
    ("Read", "read"),
    ("Skill", "skill"),
    ("TodoWrite", "todowrite"),
    ("WebFetch", "webfetch"),
    ("WebSearch", "websearch"),
    ("Write", "edit"),
];

/// The permission for places outside of the working directory.
const OUTSIDE: &str = "external_directory";

/// How the names of the servers of steps begin. A server's tools are named after it.
const SERVERS: &str = "smol-wf-";

/// The tool that takes a structured answer. Users have no rules about it, except by
/// denying everything that they do not name.
const STRUCTURED: &str = "StructuredOutput";

/// Matches all tools, and everything that they are used on.
const ANY: &str = "*";

/// One rule, in opencode's form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    /// The tools, with `*` and `?`.
    #[serde(deserialize_with = "or_default")]
    permission: String,
    /// What they are used on, with `*` and `?`.
    #[serde(deserialize_with = "or_default")]
    pattern: String,
    /// `allow`, `ask` or `deny`.
    #[serde(deserialize_with = "or_default")]
    action: String,
}

impl Rule {
    fn of(permission: &str, action: &str) -> Self {
        Self { permission: permission.into(), pattern: ANY.into(), action: action.into() }
    }

    /// Whether it allows everything, as the rules of older versions of this program did.
    pub(super) fn allows_all(&self) -> bool {
        self.permission == ANY && self.pattern == ANY && self.action == "allow"
    }

    /// This rule for one tool, if it is about that tool.
    fn about(&self, tool: &str) -> Option<Self> {
        let is = matches(&self.permission, tool);
        is.then(|| Self { permission: tool.to_owned(), ..self.clone() })
    }
}

/// The limits of a session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SessionLimits<'t> {
    pub(super) permissions: Option<Permissions>,
    /// All that it may use, by the names of opencode's permissions.
    pub(super) tools: Option<&'t [&'static str]>,
    /// Further folders that it may work in.
    pub(super) dirs: &'t [PathBuf],
    /// Servers whose tools it may use.
    pub(super) servers: &'t [McpServer],
    /// Whether it answers by its tool.
    pub(super) structured: bool,
}

impl SessionLimits<'_> {
    /// What it may use; none when that is everything.
    fn left(&self) -> Option<Vec<&'static str>> {
        match (self.permissions, self.tools) {
            (Some(Permissions::Read), None) => Some(READING.to_vec()),
            (Some(Permissions::Read), Some(tools)) => {
                Some(READING.into_iter().filter(|one| tools.contains(one)).collect())
            }
            (_, tools) => tools.map(<[_]>::to_vec),
        }
    }
}

/// Permissions for these tools, and no others.
///
/// # Errors
/// Why it cannot be held to them.
pub(super) fn permissions_for(tools: &[String]) -> Result<Vec<&'static str>, String> {
    let own = own_names(tools, &TOOLS).map_err(|tool| no_tool("opencode", tool, &TOOLS))?;
    let has = |name: &str| tools.iter().any(|tool| tool == name);
    if has("Edit") != has("Write") {
        return Err("opencode has one permission to edit and to write files, so the option \
            `tools` has to name both `Edit` and `Write`, or neither"
            .to_owned());
    }
    Ok(own)
}

/// The rules for a session. `own` are those of its agent, which include its user's.
pub(super) fn ruleset(held: SessionLimits<'_>, own: &[Rule]) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(left) = held.left() {
        rules.push(Rule::of(ANY, "deny"));
        rules.extend(own.iter().flat_map(|rule| left.iter().filter_map(|one| rule.about(one))));
    }
    // The servers that other steps have added.
    rules.push(Rule::of(&format!("{SERVERS}*"), "deny"));
    for server in held.servers {
        let tools = format!("{}_*", server_name(&server.name));
        rules.extend(own.iter().filter_map(|rule| match matches(&tools, &rule.permission) {
            true => Some(rule.clone()),
            false => rule.about(&tools),
        }));
    }
    if held.structured {
        rules.push(Rule::of(STRUCTURED, "allow"));
    }
    rules.extend(NEVER.iter().map(|name| Rule::of(name, "deny")));
    for dir in held.dirs {
        let pattern = format!("{}/*", dir.display());
        rules.push(Rule { pattern, ..Rule::of(OUTSIDE, "allow") });
    }
    if !held.dirs.is_empty() {
        // Denials of its user stay. Tools that the user would be asked about are allowed,
        // because the user has named the server.
        let denied = own.iter().filter(|rule| rule.action == "deny");
        rules.extend(denied.filter_map(|rule| rule.about(OUTSIDE)));
    }
    rules
}

/// The server's name in opencode. No user has a server of such a name.
pub(super) fn server_name(name: &str) -> String {
    format!("{SERVERS}{name}")
}

/// Whether a name matches a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    // The position of the last star, and what it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(one) if *one == '?' || *one == name[at] => {
                of += 1;
                at += 1;
            }
            _ => {
                let Some((stood, taken)) = star else { return false };
                star = Some((stood, taken + 1));
                of = stood + 1;
                at = taken + 1;
            }
        }
    }
    pattern[of..].iter().all(|one| *one == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The action of the last rule that matches, as opencode decides.
    fn action(own: &[Rule], session: &[Rule], permission: &str, on: &str) -> String {
        let is = |rule: &&Rule| matches(&rule.permission, permission) && matches(&rule.pattern, on);
        let last = own.iter().chain(session).rfind(is);
        last.map_or("ask", |rule| rule.action.as_str()).to_owned()
    }

    fn held(permissions: Option<Permissions>, structured: bool) -> SessionLimits<'static> {
        SessionLimits { permissions, structured, ..SessionLimits::default() }
    }

    fn rule(permission: &str, pattern: &str, action: &str) -> Rule {
        Rule { permission: permission.into(), pattern: pattern.into(), action: action.into() }
    }

    /// The rules of one of opencode's own agents, with a user's rules after them.
    fn own() -> Vec<Rule> {
        vec![
            rule("*", "*", "allow"),
            rule("doom_loop", "*", "ask"),
            rule("external_directory", "*", "ask"),
            rule("external_directory", "/data/*", "allow"),
            rule("read", "*", "allow"),
            rule("read", "*.env", "ask"),
            rule("bash", "*", "allow"),
            rule("bash", "touch *", "deny"),
            rule("edit", "*", "deny"),
            rule("web*", "*", "deny"),
            rule("gr?p", "*secret*", "deny"),
        ]
    }

    const RANK: [&str; 3] = ["deny", "ask", "allow"];

    #[test]
    fn nothing_is_allowed_that_was_not_before() {
        let names = READING.into_iter().chain(NEVER).chain(["bash", "edit", "task", "mcp_tool"]);
        let places = ["x", "a/.env", "touch x", "/data/x", "my secret"];
        let cases: Vec<_> = names.flat_map(|name| places.map(|place| (name, place))).collect();
        for permissions in [None, Some(Permissions::Read), Some(Permissions::Write)] {
            let rules = ruleset(held(permissions, true), &own());
            for (name, place) in &cases {
                let rank = |action: String| RANK.iter().position(|one| *one == action);
                let before = rank(action(&own(), &[], name, place));
                let after = rank(action(&own(), &rules, name, place));
                assert!(after <= before, "{permissions:?} {name} {place}: {after:?}");
            }
        }
    }

    #[test]
    fn a_reader_reads_what_it_could_and_writes_nothing() {
        let rules = ruleset(held(Some(Permissions::Read), true), &own());
        for (name, place, expected) in [
            ("edit", "x", "deny"),
            ("bash", "ls", "deny"),
            ("task", "explore", "deny"),
            ("some_mcp_tool", "x", "deny"),
            ("read", "x", "allow"),
            ("read", "a/.env", "ask"),
            ("grep", "x", "allow"),
            ("grep", "my secret", "deny"),
            ("webfetch", "x", "deny"),
            ("external_directory", "/data/x", "deny"),
            (STRUCTURED, "x", "allow"),
        ] {
            assert_eq!(action(&own(), &rules, name, place), expected, "{name} {place}");
        }
    }

    #[test]
    fn a_writer_writes_as_its_user_lets_it() {
        for permissions in [None, Some(Permissions::Write)] {
            let rules = ruleset(held(permissions, false), &own());
            for (name, place, expected) in [
                ("edit", "x", "deny"),
                ("bash", "ls", "allow"),
                ("bash", "touch x", "deny"),
                ("read", "a/.env", "ask"),
                ("external_directory", "/data/x", "deny"),
            ] {
                assert_eq!(action(&own(), &rules, name, place), expected, "{name} {place}");
            }
            assert_eq!(action(&[rule("*", "*", "allow")], &rules, "edit", "x"), "allow");
        }
    }

    #[test]
    fn a_step_has_no_tools_but_its_own() {
        let of = |names: &[&str]| {
            permissions_for(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        let tools = of(&["Read", "Bash"]).unwrap();
        let wanted = SessionLimits { tools: Some(&tools), ..SessionLimits::default() };
        let rules = ruleset(wanted, &own());
        for (name, place, expected) in [
            ("read", "x", "allow"),
            ("read", "a/.env", "ask"),
            ("bash", "ls", "allow"),
            ("bash", "touch x", "deny"),
            ("grep", "x", "deny"),
            ("edit", "x", "deny"),
            ("mcp_tool", "x", "deny"),
        ] {
            assert_eq!(action(&own(), &rules, name, place), expected, "{name} {place}");
        }
        let reads = SessionLimits { permissions: Some(Permissions::Read), ..wanted };
        assert_eq!(action(&own(), &ruleset(reads, &own()), "bash", "ls"), "deny");
        assert_eq!(action(&own(), &ruleset(reads, &own()), "read", "x"), "allow");
        let none = SessionLimits { tools: Some(&[]), ..SessionLimits::default() };
        assert_eq!(action(&own(), &ruleset(none, &own()), "read", "x"), "deny");
        assert!(of(&["Edit"]).unwrap_err().contains("both `Edit` and `Write`"));
        assert!(of(&["Task"]).unwrap_err().contains("names `Task`"));
        assert_eq!(of(&["Edit", "Write"]), Ok(vec!["edit", "edit"]));
    }

    #[test]
    fn the_servers_of_a_step_are_its_own() {
        let way = crate::McpTransport::Http { url: String::new(), headers: Default::default() };
        let servers = [McpServer { name: "a".to_owned(), way }];
        let mut own = own();
        own.push(rule("smol-wf-a_drop", "*", "deny"));
        for (servers, tool, expected) in [
            (&servers[..], "smol-wf-a_read", "allow"),
            (&servers[..], "smol-wf-a_drop", "deny"),
            (&servers[..], "smol-wf-b_read", "deny"),
            (&[], "smol-wf-a_read", "deny"),
        ] {
            let rules = ruleset(SessionLimits { servers, ..SessionLimits::default() }, &own);
            assert_eq!(action(&own, &rules, tool, "x"), expected, "{tool}");
        }
        let nothing = [rule("*", "*", "deny")];
        let rules =
            ruleset(SessionLimits { servers: &servers, ..SessionLimits::default() }, &nothing);
        assert_eq!(action(&nothing, &rules, "smol-wf-a_read", "x"), "deny");
    }

    #[test]
    fn a_folder_more_is_one_that_its_user_does_not_deny() {
        let dirs = ["/srv/a".into(), "/data".into(), "/kept".into()];
        let wanted = SessionLimits { dirs: &dirs, ..SessionLimits::default() };
        let mut own = own();
        own.push(rule("external_directory", "/kept/*", "deny"));
        let rules = ruleset(wanted, &own);
        for (place, expected) in [
            ("/srv/a/x/y", "allow"),
            ("/srv/ab", "deny"),
            ("/data/x", "allow"),
            ("/kept/x", "deny"),
            ("/etc/x", "deny"),
        ] {
            assert_eq!(action(&own, &rules, "external_directory", place), expected, "{place}");
        }
    }

    #[test]
    fn an_agent_that_may_do_nothing_may_answer() {
        let nothing = [rule("*", "*", "deny")];
        for permissions in [None, Some(Permissions::Read)] {
            let rules = ruleset(held(permissions, true), &nothing);
            assert_eq!(action(&nothing, &rules, STRUCTURED, "x"), "allow");
            assert_eq!(action(&nothing, &rules, "read", "x"), "deny");
        }
    }

    #[test]
    fn a_pattern_takes_what_opencodes_takes() {
        for (pattern, name, is) in [
            ("*", "", true),
            ("read", "read", true),
            ("read", "reads", false),
            ("*e*d", "read", true),
            ("w??fetch", "webfetch", true),
            ("*_x_*", "mcp_x_y_x_", true),
            ("a*b", "acb_", false),
        ] {
            assert_eq!(matches(pattern, name), is, "{pattern} {name}");
        }
    }
}
