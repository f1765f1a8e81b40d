//! Hints: what to do about an error, and what to type.
//!
//! Owns: flags and commands in hints; errors of the libraries contain none.
//! Never: runs a command.

mod args;
mod fixture;
mod fork;
mod limits;
mod messages;
mod store;
pub(crate) mod waits;

use smol_wf_core::archive::ArchiveError;
use smol_wf_core::journal::JournalError;
use smol_wf_engine::providers::MissingProgram;
use smol_wf_engine::{
    EngineError, FixtureError, ForkError, LibraryError, SandboxError, StoreError,
};

pub(crate) use args::in_lines as of_misfit;
pub(crate) use fixture::sentence as of_fixture;
pub(crate) use limits::{flag, of_limit, of_stop, raise_of, with_hint};
pub(crate) use messages::of_refused_message;

use crate::shell;

/// Hint for a run without an agent.
const NO_AGENT: &str =
    "`smol-wf doctor` says what is missing; choose a provider with --agent-provider";

/// Hint for a missing folder of agents.
const CWD_GONE: &str = "give the agents another folder with --cwd DIR";

/// Hint for a missing project folder.
const PROJECT_GONE: &str = "name its folder with --project-root DIR";

/// Joins a message and its hint to one sentence.
pub(crate) fn joined(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}; {hint}"),
        None => message.to_owned(),
    }
}

/// The whole sentence about an error of the engine: what happened, and what to
/// do.
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

/// The hint at the end of the sentence; `None` if the message is complete.
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
        EngineError::Post(error) => messages::hint(error),
        EngineError::Sandbox(SandboxError::Full { .. }) => {
            "try again when one is done".to_owned()
        }
        // These messages are complete, quote the script, or are followed by lines
        // of their own.
        EngineError::Script(_)
        | EngineError::Args(_)
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
        // These are handled in `sentence`.
        | EngineError::Library(_)
        | EngineError::Store(_)
        | EngineError::Archive(_)
        | EngineError::Fixture(_)
        | EngineError::Fork(_)
        | EngineError::Model { .. }
        | EngineError::DebugRule { .. } => return None,
    })
}

/// The whole sentence about an error of the database.
pub(crate) fn of_store(error: &StoreError) -> String {
    joined(&error.to_string(), Some(&store::hint(error)))
}

/// The whole sentence about a file to import.
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

/// The hint for a journal that cannot be read.
fn of_journal(error: &JournalError) -> Option<&'static str> {
    match error {
        JournalError::Newer { .. } => Some("use a newer smol-wf"),
        JournalError::Changed { .. } => Some("restore an unchanged copy"),
        _ => None,
    }
}

/// The whole sentence about a script's file. Messages that scripts see too are
/// complete.
pub(crate) fn of_library(error: &LibraryError) -> String {
    let hint = matches!(error, LibraryError::NoProject).then_some(PROJECT_GONE);
    joined(&error.to_string(), hint)
}

/// What to do about an agent's program that was not found: `npm install …, or name
/// its path as …`. Part of a message that scripts see, so the words must stay.
pub(crate) fn of_missing_program(missing: &MissingProgram) -> String {
    let place = format!("`{}` in your settings", missing.key);
    // A path comes from the settings; a name is looked up on PATH.
    if missing.program.components().count() > 1 {
        return format!("mend its path, {place}; `smol-wf config path` says where they are");
    }
    let install = missing.install.unwrap_or("install it");
    format!("{install}, or name its path as {place}; `smol-wf doctor` says what is missing")
}

/// Lines with commands to type next, below the error.
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

/// Commands that list the runs which an unknown id may mean: it was mistyped, or
/// is the name of a workflow.
fn other_runs(asked: &str, db: &str) -> Vec<String> {
    let all = format!("all runs: smol-wf history{db}");
    let is_name = |one: char| one.is_alphanumeric() || "-_.".contains(one);
    if asked.is_empty() || asked.starts_with("run_") || !asked.chars().all(is_name) {
        return vec![all];
    }
    let name = shell::word(asked);
    vec![format!("runs of the workflow `{asked}`: smol-wf history --name {name}{db}"), all]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_installed_or_its_path_mended() {
        let said = |program: &str, key: &str, install| {
            of_missing_program(&MissingProgram {
                program: program.into(),
                key: key.to_owned(),
                install,
            })
        };
        assert_eq!(
            said("/a/b", "providers.mine.command", None),
            "mend its path, `providers.mine.command` in your settings; `smol-wf config path` says where they are"
        );
        assert_eq!(
            said("pi", "program", Some("npm install -g x")),
            "npm install -g x, or name its path as `program` in your settings; `smol-wf doctor` says what is missing"
        );
        assert!(said("b", "program", None).starts_with("install it, or "));
    }
}
