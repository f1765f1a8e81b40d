//! Git worktrees: a folder and a branch of its own for each call that asks.
//!
//! Owns: where they are, and that unchanged ones go and changed ones stay.
//! Never: merges anything.
//!
//! They lie beside the database, not in `.git` or the project: agents guard
//! `.git` against their own tools, and tools that search a project would find
//! everything twice.

mod error;
mod git;
mod leftover;
mod place;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use smol_wf_core::ids::{CallId, RUN_ID_PREFIX, RunId};
use smol_wf_core::worktree::Worktree;
use tokio::sync::{Mutex, OnceCell};

pub use error::WorktreeError;
use git::git;
pub use leftover::{Leftover, LeftoverState, Pruned};
use place::{Change, Note};

/// What the names of all branches begin with.
const BRANCH_PREFIX: &str = "smol-wf/";

/// Characters of a run's id in the name of a branch: 40 bits.
const RUN_CHARS: usize = 8;

/// Worktrees of one call that were kept, one for each time it was cut off.
const KEPT_OF_CALL_MAX: u32 = 100;

/// The worktrees of one run.
pub(crate) struct Worktrees {
    run: RunId,
    project: PathBuf,
    folder: Option<PathBuf>,
    repository: OnceCell<Repository>,
    open: Mutex<BTreeMap<CallId, Note>>,
    one_at_a_time: Mutex<()>,
}

struct Repository {
    /// Its own folder, `.git`.
    folder: PathBuf,
    /// The project within it.
    prefix: PathBuf,
}

impl Worktrees {
    pub(crate) fn new(run: RunId, project: PathBuf, folder: Option<PathBuf>) -> Self {
        let (repository, open) = (OnceCell::new(), Mutex::default());
        Self { run, project, folder, repository, open, one_at_a_time: Mutex::default() }
    }

    /// Makes a worktree for a call, and gives the folder that its agent works
    /// in: the project's own place within it.
    pub(crate) async fn open(&self, call: CallId) -> Result<PathBuf, WorktreeError> {
        let repository = self.repository.get_or_try_init(|| self.find_repository()).await?;
        let head = git(&self.project, "find a commit", ["rev-parse", "--verify", "HEAD^{commit}"]);
        let base = match head.await {
            Ok(base) => base.trim().to_owned(),
            Err(WorktreeError::Git { .. }) => {
                return Err(WorktreeError::NoCommit { path: self.project.clone() });
            }
            Err(error) => return Err(error),
        };
        let note = self.reserve(call, repository, base).await?;
        let cwd = note.path.join(&repository.prefix);
        // Known before it is made, so that one that is cut off is taken away.
        self.open.lock().await.insert(call, note.clone());
        if let Err(error) = note.make(&self.one_at_a_time).await {
            // What is left of it is not worth more than the error.
            let _ = note.remove(&self.one_at_a_time, false).await;
            self.open.lock().await.remove(&call);
            return Err(error);
        }
        // An empty folder is not in git.
        make_folder(&cwd)?;
        Ok(cwd)
    }

    /// Finds a name for a call's worktree and writes it down. One that an
    /// earlier attempt at the call left behind is taken away when it holds
    /// nothing, and kept under its name otherwise.
    async fn reserve(
        &self,
        call: CallId,
        repository: &Repository,
        base: String,
    ) -> Result<Note, WorktreeError> {
        let folder = self.folder.as_ref().ok_or(WorktreeError::NoFolder)?.join(self.run.as_str());
        make_folder(&folder)?;
        // As git will call it.
        let folder = folder.canonicalize().unwrap_or(folder);
        let bare = self.run.as_str().trim_start_matches(RUN_ID_PREFIX);
        let short = bare.get(..RUN_CHARS).unwrap_or(bare);
        for number in 1..=KEPT_OF_CALL_MAX {
            let name = if number == 1 { call.to_string() } else { format!("{call}-{number}") };
            let note = Note {
                run: self.run.clone(),
                call,
                path: folder.join(&name),
                repository: repository.folder.clone(),
                branch: format!("{BRANCH_PREFIX}{short}/{name}"),
                base: base.clone(),
            };
            if note.write()? {
                return Ok(note);
            }
            if let Some(old) = Note::read(&note.file())
                && let Change::Nothing = old.change().await?
            {
                old.remove(&self.one_at_a_time, false).await?;
                if note.write()? {
                    return Ok(note);
                }
            }
        }
        let said = format!("call {call} has left {KEPT_OF_CALL_MAX} of them behind");
        Err(WorktreeError::Git { doing: "add a worktree", said })
    }

    /// The call is over: what has changed is kept and named, the rest goes.
    pub(crate) async fn finish(
        &self,
        call: CallId,
    ) -> Result<Option<Box<Worktree>>, WorktreeError> {
        // Stays known until it is dealt with, in case this is cut off.
        let note = self.open.lock().await.get(&call).cloned();
        let Some(note) = note else { return Ok(None) };
        let kept = self.settle(&note).await;
        self.open.lock().await.remove(&call);
        kept
    }

    /// The same for all calls that were cut off. What cannot be looked at stays
    /// for `smol-wf worktrees prune`.
    pub(crate) async fn close(&self) -> Vec<(CallId, Box<Worktree>)> {
        let open = std::mem::take(&mut *self.open.lock().await);
        let mut kept = Vec::new();
        for (call, note) in open {
            if let Ok(Some(worktree)) = self.settle(&note).await {
                kept.push((call, worktree));
            }
        }
        kept
    }

    async fn settle(&self, note: &Note) -> Result<Option<Box<Worktree>>, WorktreeError> {
        match note.change().await? {
            Change::Something(worktree) => Ok(Some(worktree)),
            Change::Nothing => {
                note.remove(&self.one_at_a_time, false).await?;
                Ok(None)
            }
        }
    }

    async fn find_repository(&self) -> Result<Repository, WorktreeError> {
        let ask = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--show-prefix"];
        let answer = match git(&self.project, "find the repository", ask).await {
            Ok(answer) => answer,
            Err(WorktreeError::Git { said, .. }) if said.contains("not a git repository") => {
                return Err(WorktreeError::NotARepository { path: self.project.clone() });
            }
            Err(error) => return Err(error),
        };
        let mut lines = answer.lines();
        let folder = Path::new(lines.next().unwrap_or_default()).to_owned();
        Ok(Repository { folder, prefix: lines.next().unwrap_or_default().into() })
    }
}

fn make_folder(path: &Path) -> Result<(), WorktreeError> {
    std::fs::create_dir_all(path).map_err(|error| WorktreeError::File {
        doing: "make",
        path: path.to_owned(),
        error,
    })
}
