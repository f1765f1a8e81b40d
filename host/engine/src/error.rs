//! What can go wrong around a run, as data with stable codes.
//!
//! Owns: the list. Never: says which exit code one is; the program does.
//! What a script or an agent does wrong is no error of the engine: it is in the
//! report.

use std::path::PathBuf;

use smol_wf_core::archive::ArchiveError;
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
        /// Why and where.
        error: Box<ScriptError>,
        /// The script's text, to show the line.
        text: String,
        /// What its author calls it.
        file_name: String,
    },
    /// The script's file cannot be had.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal of a run cannot be read.
    #[error("run {run} cannot be read: {error}")]
    Journal {
        /// Which run.
        run: RunId,
        /// Why.
        error: JournalError,
    },
    /// What lists say of a run is not what its journal says.
    #[error(
        "the list has another {what} for run {run} than its journal: the database was changed from outside; nothing of the run is used"
    )]
    RowChanged {
        /// Which run.
        run: RunId,
        /// What differs.
        what: &'static str,
    },
    /// A file holds no run.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// There is another run of that id.
    #[error("run {run} is here already, with another journal, and was left as it is")]
    ImportConflict {
        /// Which run.
        run: RunId,
    },
    /// The replay differs from the journal.
    #[error("run {run} does not replay: {mismatch}")]
    Mismatch {
        /// Which run.
        run: RunId,
        /// Where.
        mismatch: Mismatch,
    },
    /// The WebAssembly engine.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// No run of that id.
    #[error("there is no run `{asked}` in this database")]
    UnknownRun {
        /// What was asked for.
        asked: String,
    },
    /// No run of this project.
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
        /// Where its agents work.
        folder: PathBuf,
    },
    /// Several runs begin like that.
    #[error("`{asked}` is the beginning of several run ids: {}", some_of(runs))]
    AmbiguousRun {
        /// What was asked for.
        asked: String,
        /// Which, the first ones.
        runs: Vec<RunId>,
    },
    /// Another process works on the run.
    #[error("run {run} is being run by {}", owner::in_words(owner))]
    Held {
        /// Which run.
        run: RunId,
        /// Who.
        owner: String,
    },
    /// A process works on a run of this store.
    #[error(
        "the database was not made smaller: {} works on run {run}, and would have to wait until it is done",
        owner::in_words(owner)
    )]
    InUse {
        /// On which run.
        run: RunId,
        /// Who.
        owner: String,
    },
    /// Another process took the run over.
    #[error("run {run} was taken over by another process; this one has stopped")]
    LeaseLost {
        /// Which run.
        run: RunId,
    },
    /// A limit was to be lowered on resume.
    #[error(
        "the {limit} of run {run} is limited to {recorded}, and that cannot be lowered to {asked}: what has been done cannot be undone"
    )]
    LimitLowered {
        /// Which run.
        run: RunId,
        /// Which.
        limit: Limit,
        /// What it was.
        recorded: String,
        /// What was asked for.
        asked: String,
    },
    /// How a budget is kept was asked for, of a run that has none.
    #[error("run {run} has no budget")]
    NoBudget {
        /// Which run.
        run: RunId,
    },
    /// The folder that a run works in is not there.
    #[error(
        "{} {}, and there is no such folder",
        works_in(run.as_ref()),
        path.display()
    )]
    CwdGone {
        /// Which folder.
        path: PathBuf,
        /// The run that was started there; none when it was asked for just now.
        run: Option<RunId>,
    },
    /// A path that a run would have to keep is no text.
    #[error(
        "{} has a name that is not UTF-8, so the run could not be taken up again",
        path.display()
    )]
    PathNotUtf8 {
        /// Which.
        path: PathBuf,
    },
    /// A fixture.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// What was asked of a fork.
    #[error(transparent)]
    Fork(#[from] ForkError),
    /// A model that the request names cannot be read.
    #[error("the model {}: {error}", if *is_alias { "of an alias" } else { "of the run" })]
    Model {
        /// It is what an alias stands for.
        is_alias: bool,
        /// Why.
        error: SelectorError,
    },
    /// A rule of the debug provider cannot be read.
    #[error("rule of the debug provider: {reason}")]
    DebugRule {
        /// What is wrong with it.
        reason: String,
    },
    /// The request itself is wrong.
    #[error("{message}")]
    Request {
        /// A sentence.
        message: String,
    },
    /// Git worktrees.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
    /// The operating system refused something.
    #[error("cannot {doing}: {error}")]
    System {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        error: std::io::Error,
    },
    /// The engine takes no more runs.
    #[error("the engine is shutting down and starts no more runs")]
    ShuttingDown,
    /// The journal could not be written any more.
    #[error("{0}; the run stops here and can be resumed")]
    WriterGone(#[from] WriterGone),
}

fn works_in(run: Option<&RunId>) -> String {
    run.map_or_else(|| "agents would work in".to_owned(), |run| format!("run {run} works in"))
}

/// A few of them, and that there are more.
fn some_of(runs: &[RunId]) -> String {
    const NAMED_MAX: usize = 5;
    let named: Vec<&str> = runs.iter().take(NAMED_MAX).map(RunId::as_str).collect();
    let more = if runs.len() > NAMED_MAX { ", …" } else { "" };
    format!("{}{more}", named.join(", "))
}

impl EngineError {
    /// Stable code; see `docs/errors.md`.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Script(refused) => refused.code.word(),
            Self::Compile { error, .. } => &error.code,
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
            Self::System { .. } => Code::System.word(),
            Self::ShuttingDown => Code::ShuttingDown.word(),
            Self::WriterGone(_) => Code::WriterGone.word(),
        }
    }
}
