//! The answer when an agent asks whether it may.
//!
//! Owns: the policy. Never: a promise that an agent asks; those that do not are
//! held by nothing but their own modes.
//!
//! A call with `permissions: 'read'` may read, search and fetch. Any other may
//! do what stays below its working directory, as far as the agent says where
//! that is; a shell command says nothing about it, and is allowed.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use smol_wf_core::call::Permissions;

/// Kinds of tools that change nothing.
const READING: [&str; 4] = ["read", "search", "fetch", "think"];

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Question {
    tool_call: ToolCall,
    options: Vec<Choice>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToolCall {
    kind: String,
    locations: Vec<Location>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    path: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Choice {
    option_id: String,
    kind: String,
}

/// The result of `session/request_permission`.
pub(super) fn decide(params: &Value, permissions: Option<Permissions>, cwd: &Path) -> Value {
    let question: Question = serde_json::from_value(params.clone()).unwrap_or_default();
    let may = match permissions {
        Some(Permissions::Read) => READING.contains(&question.tool_call.kind.as_str()),
        Some(Permissions::Write) | None => true,
    };
    let inside = question.tool_call.locations.iter().all(|location| is_below(&location.path, cwd));
    // Once, so that the answer is no standing one in the agent's own settings.
    let kinds = if may && inside {
        ["allow_once", "allow_always"]
    } else {
        ["reject_once", "reject_always"]
    };
    let chosen = kinds.iter().find_map(|kind| question.options.iter().find(|o| o.kind == *kind));
    match chosen {
        Some(choice) => {
            json!({"outcome": {"outcome": "selected", "optionId": choice.option_id}})
        }
        None => json!({"outcome": {"outcome": "cancelled"}}),
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
        let locations: Vec<_> = paths.iter().map(|path| json!({ "path": path })).collect();
        let params = json!({
            "toolCall": {"kind": kind, "locations": locations},
            "options": [
                {"optionId": "always", "kind": "allow_always"},
                {"optionId": "once", "kind": "allow_once"},
                {"optionId": "no", "kind": "reject_once"},
            ],
        });
        let decided = decide(&params, permissions, Path::new("/project"));
        decided["outcome"]["optionId"].as_str().unwrap().to_owned()
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
    fn a_question_without_a_fitting_answer_is_cancelled() {
        let decided = decide(&json!({"options": []}), None, Path::new("/project"));
        assert_eq!(decided["outcome"]["outcome"], "cancelled");
    }
}
