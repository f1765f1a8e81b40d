//! What to do about an error, and what to type.
//!
//! Owns: flags, commands and hints; an error itself knows of none. Never: runs one.

mod fixture;
mod fork;
mod limits;
mod store;
pub(crate) mod waits;

use smol_wf_core::archive::ArchiveError;
use smol_wf_core::journal::JournalError;
use smol_wf_engine::{
    EngineError, FixtureError, ForkError, LibraryError, SandboxError, StoreError,
};

pub(crate) use fixture::sentence as of_fixture;
pub(crate) use limits::{flag, of_limit, of_stop, raise_of, with_hint};

use crate::shell;

/// A run has nobody to ask.
const NO_AGENT: &str =
    "`smol-wf doctor` says what is missing; choose a provider with --agent-provider";

/// The folder that agents are to work in is not there.
const CWD_GONE: &str = "give the agents another folder with --cwd DIR";

/// The project that scripts are looked for in is not there.
const PROJECT_GONE: &str = "name its folder with --project-root DIR";

/// What happened, and what to do about it.
pub(crate) fn joined(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.to_owned(),
    }
}

/// The whole sentence: what happened, and what to do about it.
pub(crate) fn sentence(error: &EngineError) -> String {
    match error {
        EngineError::Store(error) => of_store(error),
        EngineError::Fixture(error) => of_fixture(error),
        EngineError::Archive(error) => of_archive(error),
        EngineError::Library(error) => of_library(error),
        EngineError::Fork(error) => fork::sentence(error),
        EngineError::Model { is_alias, error } => {
            format!("{}: {error}", if *is_alias { "--model-map" } else { "--model" })
        }
        EngineError::DebugRule { reason } => format!("--debug-rule: {reason}"),
        _ => joined(&error.to_string(), hint(error).as_deref()),
    }
}

/// What to do about an error, in the same sentence.
fn hint(error: &EngineError) -> Option<String> {
    Some(match error {
        EngineError::LimitLowered { limit, recorded, .. } => {
            format!("give {} {} or more", flag(*limit), shell::word(recorded))
        }
        EngineError::NoBudget { .. } => {
            "--budget-mode has no effect without one, so give --budget too".to_owned()
        }
        EngineError::CwdGone { .. } => CWD_GONE.to_owned(),
        EngineError::RowChanged { .. } => {
            "restore the database from a copy, or delete the run".to_owned()
        }
        EngineError::NoRunHere { .. } => "give its id, or add --anywhere".to_owned(),
        EngineError::AmbiguousRun { .. } => "give more characters of the id".to_owned(),
        EngineError::Held { .. } => "stop that process, or wait until it is done".to_owned(),
        EngineError::PathNotUtf8 { .. } => "rename it, or start from another folder".to_owned(),
        EngineError::Journal { error, .. } => of_journal(error)?.to_owned(),
        EngineError::Sandbox(SandboxError::Full { .. }) => {
            "try again when one is done".to_owned()
        }
        // What these say is whole, comes from the script's own words, or has lines of
        // its own below.
        EngineError::Script(_)
        | EngineError::Compile { .. }
        | EngineError::ImportConflict { .. }
        | EngineError::Mismatch { .. }
        | EngineError::Sandbox(_)
        | EngineError::UnknownRun { .. }
        | EngineError::InUse { .. }
        | EngineError::LeaseLost { .. }
        | EngineError::Request { .. }
        | EngineError::Worktree(_)
        | EngineError::System { .. }
        | EngineError::ShuttingDown
        | EngineError::WriterGone(_)
        // And these have sentences of their own.
        | EngineError::Library(_)
        | EngineError::Store(_)
        | EngineError::Archive(_)
        | EngineError::Fixture(_)
        | EngineError::Fork(_)
        | EngineError::Model { .. }
        | EngineError::DebugRule { .. } => return None,
    })
}

/// The whole sentence about a database.
pub(crate) fn of_store(error: &StoreError) -> String {
    joined(&error.to_string(), Some(&store::hint(error)))
}

/// The whole sentence about a file that should hold a run.
pub(crate) fn of_archive(error: &ArchiveError) -> String {
    let hint = match error {
        ArchiveError::NotAJournal { .. } => {
            Some("write one with `smol-wf export <run> --format journal`")
        }
        ArchiveError::Newer { .. } => Some("use a newer smol-wf"),
        ArchiveError::Incomplete { .. } => Some("copy it again"),
        ArchiveError::Journal(error) => of_journal(error),
        ArchiveError::OtherRun { .. } => None,
    };
    joined(&error.to_string(), hint)
}

/// What to do about a journal that cannot be read.
fn of_journal(error: &JournalError) -> Option<&'static str> {
    match error {
        JournalError::Newer { .. } => Some("use a newer smol-wf"),
        JournalError::Changed { .. } => Some("restore an unchanged copy"),
        _ => None,
    }
}

/// The whole sentence about a script's file. What scripts are told of one as well is
/// whole as it is.
pub(crate) fn of_library(error: &LibraryError) -> String {
    let hint = matches!(error, LibraryError::NoProject).then_some(PROJECT_GONE);
    joined(&error.to_string(), hint)
}

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
            "to import it anyway, first delete the run that is here: smol-wf history delete {run}{db}"
        ),
        EngineError::UnknownRun { asked } => return other_runs(asked, db),
        EngineError::InUse { .. } => {
            format!("once that run is done: smol-wf history delete --vacuum{db}")
        }
        EngineError::Fork(
            ForkError::NoSuchStep { run, .. } | ForkError::NotAnAgent { run, .. },
        ) => {
            format!("its steps: smol-wf history {run} -o text{db}")
        }
        EngineError::Fixture(FixtureError::NotOver { run }) => {
            format!("resume it: smol-wf resume {run}{db}")
        }
        EngineError::Held { run, .. } | EngineError::Fixture(FixtureError::Running { run }) => {
            format!("its state: smol-wf history {run}{db}")
        }
        EngineError::Fixture(FixtureError::TooLarge { run }) => {
            format!("export it as a journal: smol-wf export {run} --format journal{db}")
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
