//! Variables of the environment that look like ours and are not.
//!
//! Owns: the names that mean something besides the settings'. Never: reads a
//! value.

use smol_wf_core::near;

use super::{Key, MODEL_MAP_VARIABLE};

/// What all of ours begin with.
const PREFIX: &str = "SMOL_WF_";

/// Those that are no setting, and those that agents of a run are given: a script
/// of an agent's may start smol-wf.
pub(crate) const OTHERS: [&str; 15] = [
    MODEL_MAP_VARIABLE,
    "SMOL_WF_CONFIG",
    "SMOL_WF_TRUST",
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

/// Letters of an ending that stand for the whole name.
const ENDING_MIN: usize = 6;

/// A warning for each that was probably meant for one of ours.
pub(super) fn unknown() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(PREFIX)).collect();
    names.sort();
    names.iter().filter_map(|name| mistyped(name)).collect()
}

/// What is said of this variable; nothing where it may be somebody else's.
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
    // `PROVIDER` is what people call `AGENT_PROVIDER`.
    let ends = |known: &&str| typed.len() >= ENDING_MIN && known.ends_with(&format!("_{typed}"));
    let known = || known.iter().copied().map(rest);
    let meant = near::nearest(typed, known()).or_else(|| known().find(ends))?;
    Some(format!(
        "the variable {name} means nothing to smol-wf; did you mean {PREFIX}{meant}? `smol-wf config show` shows the settings in force"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_was_meant_for_one_of_ours_is_told() {
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
