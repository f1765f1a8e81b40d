//! What to type after an error of the engine.
//!
//! Owns: the commands; an error itself knows of none. Never: runs one.

use smol_wf_engine::{EngineError, FixtureError, StoreError};

use crate::shell;

/// Lines that lead on, where commands do.
pub(crate) fn after(error: &EngineError) -> Vec<String> {
    let db = shell::with_database();
    let line = match error {
        EngineError::RowChanged { run, .. } => {
            format!("delete it: smol-wf history delete {run}{db}")
        }
        EngineError::Store(StoreError::Damaged { key, .. }) => {
            format!("delete it: smol-wf history delete {}{db}", key.run)
        }
        EngineError::ImportConflict { run } => format!(
            "to have the imported one instead, first delete the one that is here: smol-wf history delete {run}{db}"
        ),
        EngineError::UnknownRun { asked } => return other_runs(asked, db),
        EngineError::InUse { .. } => {
            format!("once that run is done: smol-wf history delete --vacuum{db}")
        }
        EngineError::NoSuchStep { run, .. } => {
            format!("its steps: smol-wf history {run} -o text{db}")
        }
        EngineError::Fixture(FixtureError::NotOver { run }) => {
            format!("take it up: smol-wf resume {run}{db}")
        }
        EngineError::Held { run, .. } | EngineError::Fixture(FixtureError::Running { run }) => {
            format!("how it stands: smol-wf history {run}{db}")
        }
        EngineError::Fixture(FixtureError::TooLarge { run }) => {
            format!("keep it: smol-wf export {run} --format journal{db}")
        }
        _ => return Vec::new(),
    };
    vec![line]
}

/// What was meant by something that is the id of no run here: that, mistyped, or
/// the name of a workflow.
fn other_runs(asked: &str, db: &str) -> Vec<String> {
    let all = format!("all runs: smol-wf history{db}");
    let is_name = |one: char| one.is_alphanumeric() || "-_.".contains(one);
    if asked.is_empty() || asked.starts_with("run_") || !asked.chars().all(is_name) {
        return vec![all];
    }
    let name = shell::word(asked);
    vec![format!("runs of the workflow `{asked}`: smol-wf history --name {name}{db}"), all]
}
