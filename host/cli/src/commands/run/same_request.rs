//! Compares the flags of `run --resume-run` with the recorded run.
//!
//! Owns: the comparison. Never: the refusal.

use serde_json::Value;
use smol_wf_core::journal::RunHead;
use smol_wf_core::step_request::Permissions;

use crate::config::AUTO;

/// The flags that differ from the head of the run, each with both values.
pub(super) fn others(head: &RunHead, given: &[(&'static str, String)]) -> Vec<String> {
    let mut others = Vec::new();
    for (flag, value) in given {
        let has = match *flag {
            // `auto` was resolved when the run started.
            "--agent-provider" if value == AUTO => continue,
            "--agent-provider" => Some(head.provider.clone()),
            "--model" => head.defaults.model.clone(),
            "--effort" => head.defaults.effort.clone(),
            "--permissions" => head.defaults.permissions.map(word_of),
            "--model-map" => {
                let alias = value.split(':').next().unwrap_or_default();
                let known = head.model_map.iter().rev().find(|(name, _)| name == alias);
                known.map(|(name, selector)| format!("{name}:{selector}"))
            }
            _ => continue,
        };
        if has.as_ref() != Some(value) {
            let has = has.as_deref().unwrap_or("none");
            others.push(format!("{flag} {value} (it has {has})"));
        }
    }
    others
}

/// The word of the flag.
fn word_of(permissions: Permissions) -> String {
    match permissions {
        Permissions::Read => "read".to_owned(),
        Permissions::Write => "write".to_owned(),
    }
}

/// Whether the arguments equal the recorded ones, as JSON; no arguments count as
/// equal.
pub(super) fn are_equal(given: Option<&str>, recorded: Option<&str>) -> bool {
    let parsed = |text: Option<&str>| text.map(serde_json::from_str::<Value>).transpose().ok();
    given.is_none() || parsed(given) == parsed(recorded)
}
