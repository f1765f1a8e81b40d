//! Warns about variables that begin with `SMOL_WF_` but are unknown.
//!
//! Owns: the known names besides those of settings. Never: reads a value.

use smol_wf_core::near;

use super::{Key, MODEL_MAP_VARIABLE};

/// Prefix of all variables of this program.
const PREFIX: &str = "SMOL_WF_";

/// Known variables that are not settings. Some are set for agents, and an agent
/// may start smol-wf.
pub(crate) const OTHERS: [&str; 16] = [
    MODEL_MAP_VARIABLE,
    "SMOL_WF_CONFIG",
    "SMOL_WF_TRUST",
    "SMOL_WF_MCP_TOKEN",
    "SMOL_WF_CALL",
    "SMOL_WF_CALL_MODEL",
    "SMOL_WF_CALL_EFFORT",
    "SMOL_WF_CALL_PERMISSIONS",
    "SMOL_WF_CALL_SYSTEM",
    "SMOL_WF_CALL_DIRS",
    "SMOL_WF_IDEMPOTENCY_KEY",
    "SMOL_WF_RUN_ID",
    "SMOL_WF_SCHEMA",
    "SMOL_WF_SESSION_ID",
    "SMOL_WF_PROCESS",
    "SMOL_WF_STORE_TEST_DATABASE",
];

/// Least letters of an ending that may stand for a whole name.
const ENDING_MIN: usize = 6;

/// A warning for each variable that is probably a mistyped known one.
pub(super) fn unknown() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(PREFIX)).collect();
    names.sort();
    names.iter().filter_map(|name| mistyped(name)).collect()
}

/// The warning about a variable; `None` if it may belong to another program.
fn mistyped(name: &str) -> Option<String> {
    let settings = Key::ALL.into_iter().map(|key| key.row().variable);
    let known: Vec<&str> = settings.chain(OTHERS).collect();
    if known.contains(&name) {
        return None;
    }
    fn rest(name: &str) -> &str {
        name.trim_start_matches(PREFIX)
    }
    let typed = name.strip_prefix(PREFIX)?;
    // People write `PROVIDER` for `AGENT_PROVIDER`.
    let ends = |known: &&str| typed.len() >= ENDING_MIN && known.ends_with(&format!("_{typed}"));
    let known = || known.iter().copied().map(rest);
    let meant = near::nearest(typed, known()).or_else(|| known().find(ends))?;
    Some(format!(
        "smol-wf does not know the variable {name}; did you mean {PREFIX}{meant}? `smol-wf config show` shows the settings in effect"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_reported() {
        for (name, meant) in [
            ("SMOL_WF_MAXAGENTS", "SMOL_WF_MAX_AGENTS"),
            ("SMOL_WF_TIMOUT", "SMOL_WF_TIMEOUT"),
            ("SMOL_WF_LOGLEVEL", "SMOL_WF_LOG_LEVEL"),
            ("SMOL_WF_PROVIDER", "SMOL_WF_AGENT_PROVIDER"),
        ] {
            let said = mistyped(name).unwrap();
            assert!(said.contains(&format!("did you mean {meant}?")), "{name}: {said}");
        }
        let known = Key::ALL.into_iter().map(|key| key.row().variable).chain(OTHERS);
        assert!(known.clone().all(|name| mistyped(name).is_none()));
        assert_eq!(mistyped("SMOL_WF_MY_WRAPPER"), None, "somebody else's");
    }
}
