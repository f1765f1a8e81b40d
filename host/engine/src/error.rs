//! Errors of the engine, as data with stable codes.
//!
//! Owns: the list of errors, and the code of each. Never: chooses an exit code; the
//! program does. Errors of scripts and agents are in the report.

use std::path::PathBuf;

use smol_wf_core::archive::ArchiveError;
use smol_wf_core::args_schema::ArgsMisfit;
use smol_wf_core::codes::{Code, Limit};
use smol_wf_core::guest::ScriptError;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{JournalError, Mismatch};
use smol_wf_core::script::ScriptRefusal;
use smol_wf_core::selector::SelectorError;
use smol_wf_providers::owner;
use smol_wf_sandbox::SandboxError;
use smol_wf_store::StoreError;

use crate::fixture::FixtureError;
use crate::fork::ForkError;
use crate::library::LibraryError;
use crate::post_error::PostError;
use crate::worktree::WorktreeError;
use crate::writer::WriterGone;

/// Why the engine could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The script cannot be read: its text or its `meta`.
    #[error("{}", .0.message)]
    Script(Box<ScriptRefusal>),
    /// The script does not compile.
    #[error("{}: {}", .error.name, .error.message)]
    Compile {
        /// The error, with its line and column.
        error: Box<ScriptError>,
        /// The script's text, to show the line.
        text: String,
        /// The file name of the script.
        file_name: String,
    },
    /// The arguments do not satisfy the script's `meta.args`.
    #[error("the arguments do not fit the workflow: {0}")]
    Args(#[from] ArgsMisfit),
    /// A script's file cannot be found or read.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal of a run cannot be read.
    #[error("run {run} cannot be read: {error}")]
    Journal {
        /// The run.
        run: RunId,
        /// Why it cannot be read.
        error: JournalError,
    },
    /// The row of a run differs from its journal.
    #[error(
        "the list has another {what} for run {run} than its journal: the database was changed from outside; nothing of the run is used"
    )]
    RowChanged {
        /// The run.
        run: RunId,
        /// The field that differs.
        what: &'static str,
    },
    /// A file is not an archive of a run.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The store has another run under the id of an imported one.
    #[error("run {run} is here already, with another journal, and was left as it is")]
    ImportConflict {
        /// The run.
        run: RunId,
    },
    /// The replay differs from the journal.
    #[error("run {run} does not replay: {mismatch}")]
    Mismatch {
        /// The run.
        run: RunId,
        /// The first difference, with both sides.
        mismatch: Mismatch,
    },
    /// The sandbox failed.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The store has no such run.
    #[error("there is no run `{asked}` in this database")]
    UnknownRun {
        /// The id, or part of one, that was asked for.
        asked: String,
    },
    /// The store has runs, but none of this project.
    #[error(
        "no run was started in {}; the newest of all, {newest}, works in {}",
        project.display(),
        folder.display()
    )]
    NoRunHere {
        /// The project.
        project: PathBuf,
        /// The newest run elsewhere.
        newest: RunId,
        /// The folder that its agents work in.
        folder: PathBuf,
    },
    /// Several run ids begin like the one that was asked for.
    #[error("`{asked}` is the beginning of several run ids: {}", some_of(runs))]
    AmbiguousRun {
        /// The beginning of an id that was asked for.
        asked: String,
        /// The first runs whose ids begin like that.
        runs: Vec<RunId>,
    },
    /// Another process holds the run.
    #[error("run {run} is being run by {}", owner::in_words(owner))]
    Held {
        /// The run.
        run: RunId,
        /// The process, as its lease names it.
        owner: String,
    },
    /// The store cannot shrink while a process holds one of its runs.
    #[error(
        "the database was not made smaller: {} works on run {run}, and would have to wait until it is done",
        owner::in_words(owner)
    )]
    InUse {
        /// The run.
        run: RunId,
        /// The process, as its lease names it.
        owner: String,
    },
    /// Another process took the run over.
    #[error("run {run} was taken over by another process; this one has stopped")]
    LeaseLost {
        /// The run.
        run: RunId,
    },
    /// A resume asked for a lower limit.
    #[error(
        "the {limit} of run {run} is limited to {recorded}, and that cannot be lowered to {asked}: what has been done cannot be undone"
    )]
    LimitLowered {
        /// The run.
        run: RunId,
        /// The limit.
        limit: Limit,
        /// Its recorded value, with its unit.
        recorded: String,
        /// The lower value that was asked for.
        asked: String,
    },
    /// A budget mode was given for a run that has no budget.
    #[error("run {run} has no budget")]
    NoBudget {
        /// The run.
        run: RunId,
    },
    /// The folder for the agents to work in does not exist.
    #[error(
        "{} {}, and there is no such folder",
        works_in(run.as_ref()),
        path.display()
    )]
    CwdGone {
        /// The missing folder.
        path: PathBuf,
        /// The run whose journal names it; none for a folder of the request.
        run: Option<RunId>,
    },
    /// A path that the journal has to record is not UTF-8.
    #[error(
        "{} has a name that is not UTF-8, so the run could not be resumed",
        path.display()
    )]
    PathNotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// A fixture cannot be made, read or tested.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// A fork request does not fit its parent.
    #[error(transparent)]
    Fork(#[from] ForkError),
    /// A model of the request is not a valid selector.
    #[error("the model {}: {error}", if *is_alias { "of an alias" } else { "of the run" })]
    Model {
        /// Whether it is the target of an alias; otherwise it is the default model.
        is_alias: bool,
        /// Why it is not valid.
        error: SelectorError,
    },
    /// A rule of the debug provider is not valid.
    #[error("rule of the debug provider: {reason}")]
    DebugRule {
        /// Why it is not valid.
        reason: String,
    },
    /// The request is invalid in another way.
    #[error("{message}")]
    Request {
        /// The message.
        message: String,
    },
    /// A git worktree cannot be listed or removed.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// A message was not posted.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The operating system refused something.
    #[error("cannot {doing}: {error}")]
    System {
        /// What was tried, as an infinitive such as `start a thread`.
        doing: &'static str,
        /// The system's error.
        error: std::io::Error,
    },
    /// The engine is being shut down, or was.
    #[error("the engine is shutting down and starts no more runs")]
    ShuttingDown,
    /// The thread that writes the journals is gone.
    #[error("{0}; the run stops here and can be resumed")]
    WriterGone(#[from] WriterGone),
}

fn works_in(run: Option<&RunId>) -> String {
    run.map_or_else(|| "agents would work in".to_owned(), |run| format!("run {run} works in"))
}

/// The first few ids, and an ellipsis when there are more.
fn some_of(runs: &[RunId]) -> String {
    const NAMED_MAX: usize = 5;
    let named: Vec<&str> = runs.iter().take(NAMED_MAX).map(RunId::as_str).collect();
    let more = if runs.len() > NAMED_MAX { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

impl EngineError {
    /// The stable code of this error; see `docs/errors.md`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Script(refused) => refused.code.word(),
            Self::Compile { error, .. } => &error.code,
            Self::Args(_) => Code::ArgsInvalid.word(),
            Self::Library(error) => error.code().word(),
            Self::Store(error) => error.code().word(),
            Self::Journal { error, .. } => error.code().word(),
            Self::RowChanged { .. } => Code::RunRowChanged.word(),
            Self::Archive(error) => error.code().word(),
            Self::ImportConflict { .. } => Code::ImportConflict.word(),
            Self::Mismatch { .. } => Code::ReplayMismatch.word(),
            Self::Sandbox(error) => error.code().word(),
            Self::UnknownRun { .. } | Self::NoRunHere { .. } => Code::RunUnknown.word(),
            Self::AmbiguousRun { .. } => Code::RunAmbiguous.word(),
            Self::Held { .. } => Code::RunHeld.word(),
            Self::InUse { .. } => Code::StoreInUse.word(),
            Self::LeaseLost { .. } => Code::RunLeaseLost.word(),
            Self::LimitLowered { .. } => Code::LimitLowered.word(),
            Self::NoBudget { .. } => Code::RequestInvalid.word(),
            Self::CwdGone { .. } => Code::CwdGone.word(),
            Self::PathNotUtf8 { .. } => Code::PathNotUtf8.word(),
            Self::Fixture(error) => error.code().word(),
            Self::Fork(_) | Self::Model { .. } | Self::DebugRule { .. } | Self::Request { .. } => {
                Code::RequestInvalid.word()
            }
            Self::Worktree(error) => error.code().word(),
            Self::Post(error) => error.code().word(),
            Self::System { .. } => Code::System.word(),
            Self::ShuttingDown => Code::ShuttingDown.word(),
            Self::WriterGone(_) => Code::WriterGone.word(),
        }
    }
}
