//! What an agent may do: the permission ruleset of a session.
//!
//! Owns: rules that take away from what opencode lets an agent do, and give
//! nothing. They come after those of its user and of the agent itself, and the
//! last rule that matches counts; so where one of them has to allow, it repeats
//! what user and agent say. Never: an answer to what is asked; see `progress`.

use serde::{Deserialize, Serialize};
use smol_wf_core::call::Permissions;

use crate::foreign::or_default;

/// What nothing may be asked about, nor done: places outside of the directory,
/// questions to a person, and going on in a circle.
const NEVER: [&str; 3] = ["external_directory", "question", "doom_loop"];

/// What reads and nothing more. Shell commands are not in it, since a command
/// that only reads cannot be told from one that does not; nor are subagents,
/// which inherit what is denied but not what is allowed; nor tools of MCP
/// servers, of which nothing is known.
const READING: [&str; 9] =
    ["read", "grep", "glob", "list", "lsp", "skill", "todowrite", "webfetch", "websearch"];

/// The tool by which opencode takes a structured answer. Nobody's rules are
/// about it, except by denying everything that they do not name.
const STRUCTURED: &str = "StructuredOutput";

/// All, of tools and of what they are used on.
const ANY: &str = "*";

/// One rule, as opencode writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rule {
    /// Of which tools; with `*` and `?`.
    #[serde(deserialize_with = "or_default")]
    permission: String,
    /// On what; with `*` and `?`.
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

    /// Whether it allows everything, as the rules did that older versions of this
    /// program gave to a session.
    pub(super) fn allows_all(&self) -> bool {
        self.permission == ANY && self.pattern == ANY && self.action == "allow"
    }

    /// This rule for one tool, if it is about that tool.
    fn about(&self, tool: &str) -> Option<Self> {
        let is = matches(&self.permission, tool);
        is.then(|| Self { permission: tool.to_owned(), ..self.clone() })
    }
}

/// The rules for a session. `own` are those of its agent, in which its user's are;
/// with `structured` it is to answer by its tool.
pub(super) fn ruleset(
    permissions: Option<Permissions>,
    own: &[Rule],
    structured: bool,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    if permissions == Some(Permissions::Read) {
        rules.push(Rule::of(ANY, "deny"));
        rules.extend(own.iter().flat_map(|rule| READING.iter().filter_map(|one| rule.about(one))));
    }
    if structured {
        rules.push(Rule::of(STRUCTURED, "allow"));
    }
    rules.extend(NEVER.iter().map(|name| Rule::of(name, "deny")));
    rules
}

/// Whether a name matches a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    // Where the last star stood, and what it has taken so far.
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

    fn rule(permission: &str, pattern: &str, action: &str) -> Rule {
        Rule { permission: permission.into(), pattern: pattern.into(), action: action.into() }
    }

    /// As opencode has it for an agent of its own, with a user's rules behind.
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
            let rules = ruleset(permissions, &own(), true);
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
        let rules = ruleset(Some(Permissions::Read), &own(), true);
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
            let rules = ruleset(permissions, &own(), false);
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
    fn an_agent_that_may_do_nothing_may_answer() {
        let nothing = [rule("*", "*", "deny")];
        for permissions in [None, Some(Permissions::Read)] {
            let rules = ruleset(permissions, &nothing, true);
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
