//! Git worktrees: a folder and a branch for each step with `isolation`.
//!
//! Owns: their folders, removing unchanged ones and keeping changed ones. Never: merges
//! anything.
//!
//! They lie beside the database, not in `.git` or the project: agents protect `.git` from
//! their own tools, and tools that search a project would find everything twice.

mod commits;
mod error;
mod git;
mod holder;
mod inspect;
mod leftover;
mod lock;
mod note;
mod obstacle;
mod view;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use smol_wf_core::ids::{RUN_ID_PREFIX, RunId, StepId};
use smol_wf_core::worktree::Worktree;
use smol_wf_providers::Processes;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout_at};

use commits::Branch;
pub use error::WorktreeError;
use git::Git;
use inspect::{Change, change, unknown, unseen};
pub use leftover::{Leftover, LeftoverState, Pruned};
use note::WorktreeNote;
pub use obstacle::worktree_obstacle;

/// A branch that must not exist, since git cannot have branches below it then.
const NAMESPACE: &str = "smol-wf";

/// Prefix of the names of all branches.
const BRANCH_PREFIX: &str = "smol-wf/";

/// Characters of a run's id in the name of a branch: 40 bits.
const RUN_CHARS: usize = 8;

/// Most kept worktrees of one step, one for each time that it was cut off.
const KEPT_OF_STEP_MAX: u32 = 100;

/// Most time for inspecting the worktrees of all steps that were cut off: the user has
/// typed Ctrl-C and waits.
const CLOSE_MAX: Duration = Duration::from_secs(10);

/// Most bytes of a `.gitattributes` that are read.
const ATTRIBUTES_BYTES_MAX: u64 = 1024 * 1024;

/// A worktree that is ready for an agent.
pub(crate) struct OpenedWorktree {
    /// The folder of the project in it.
    pub(crate) cwd: PathBuf,
    /// A warning about differences from the project, for the first worktree of a run.
    pub(crate) warning: Option<String>,
}

/// The worktrees of one run.
pub(crate) struct Worktrees {
    run: RunId,
    project: PathBuf,
    folder: Option<PathBuf>,
    repository: OnceCell<Repository>,
    open: Mutex<BTreeMap<StepId, WorktreeNote>>,
    git: Git,
    /// The processes of the run: git and the agents.
    processes: Processes,
    has_warned: AtomicBool,
}

/// The git repository of the project.
struct Repository {
    /// Its own folder, `.git`.
    folder: PathBuf,
    /// Path of the project in it.
    prefix: PathBuf,
}

impl Worktrees {
    pub(crate) fn new(
        run: RunId,
        project: PathBuf,
        folder: Option<PathBuf>,
        processes: Processes,
    ) -> Self {
        let (repository, open) = (OnceCell::new(), Mutex::default());
        let (git, has_warned) = (Git::new(processes.clone()), AtomicBool::new(false));
        Self { run, project, folder, repository, open, git, processes, has_warned }
    }

    /// Makes a worktree for a step.
    pub(crate) async fn open(&self, step: StepId) -> Result<OpenedWorktree, WorktreeError> {
        let repository = self.repository.get_or_try_init(|| self.find_repository()).await?;
        let ask = ["rev-parse", "--verify", "HEAD^{commit}"];
        let base = match self.git.run(&self.project, "find a commit", ask).await {
            Ok(base) => base.trim().to_owned(),
            Err(WorktreeError::Git { .. }) => {
                return Err(WorktreeError::NoCommit { path: self.project.clone() });
            }
            Err(error) => return Err(error),
        };
        let note = self.reserve(step, repository, base).await?;
        let cwd = note.path.join(&repository.prefix);
        // Registered before it is made, so that it is removed if this is cut off.
        self.open.lock().await.insert(step, note.clone());
        if let Err(error) = note.make(&self.git).await {
            // The first error matters more than a failed removal.
            let branch =
                Branch { name: note.branch.clone(), tip: note.base.clone(), is_agents: true };
            let _ = note.remove(&self.git, &[branch]).await;
            self.open.lock().await.remove(&step);
            return Err(error);
        }
        // Git does not check out empty folders.
        make_folder(&cwd)?;
        let warning = unlike_the_project(&note.path);
        let warning = warning.filter(|_| !self.has_warned.swap(true, Ordering::Relaxed));
        Ok(OpenedWorktree { cwd, warning })
    }

    /// Finds a name for a step's worktree and writes its note. A worktree that an earlier
    /// epoch left behind is removed if it is known to be unchanged, and keeps its name
    /// otherwise.
    async fn reserve(
        &self,
        step: StepId,
        repository: &Repository,
        base: String,
    ) -> Result<WorktreeNote, WorktreeError> {
        let folder = self.folder.as_ref().ok_or(WorktreeError::NoFolder)?.join(self.run.as_str());
        make_folder(&folder)?;
        // The path that git will report.
        let folder = folder.canonicalize().unwrap_or(folder);
        let bare = self.run.as_str().trim_start_matches(RUN_ID_PREFIX);
        let short = bare.get(..RUN_CHARS).unwrap_or(bare);
        let list = ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"];
        let branches = self.git.run(&repository.folder, "list the branches", list).await?;
        let branches: Vec<String> = branches.lines().map(str::to_owned).collect();
        let namespaces = [NAMESPACE.to_owned(), format!("{BRANCH_PREFIX}{short}")];
        if let Some(branch) = namespaces.into_iter().find(|name| branches.contains(name)) {
            return Err(WorktreeError::BranchTaken { branch });
        }
        for number in 1..=KEPT_OF_STEP_MAX {
            let name = if number == 1 { step.to_string() } else { format!("{step}-{number}") };
            let note = WorktreeNote {
                run: self.run.clone(),
                step,
                path: folder.join(&name),
                repository: repository.folder.clone(),
                branch: format!("{BRANCH_PREFIX}{short}/{name}"),
                base: base.clone(),
                before: Some(branches.clone()),
                written_at: None,
            };
            let is_left = note.file().exists();
            if !is_left && is_taken(&note.branch, &branches) {
                continue;
            }
            if !is_left && note.write()? {
                return Ok(note);
            }
            if let Some(old) = WorktreeNote::read(&note.file())
                && let Ok(Change::Nothing(left)) = change(&self.git, &old, true).await
                // A branch that is not its own stays and keeps the name.
                && (left.iter().any(|own| own.name == note.branch)
                    || !is_taken(&note.branch, &branches))
            {
                old.remove(&self.git, &left).await?;
                if note.write()? {
                    return Ok(note);
                }
            }
        }
        let said = format!("call {step} has left {KEPT_OF_STEP_MAX} of them behind");
        Err(WorktreeError::Git { doing: "add a worktree", said })
    }

    /// Ends the worktree of a step that is over: a changed one is kept and reported, an
    /// unchanged one is removed.
    pub(crate) async fn finish(&self, step: StepId) -> Option<Box<Worktree>> {
        // Registered until it is settled, in case this is cut off.
        let note = self.open.lock().await.get(&step).cloned()?;
        let kept = self.settle(&note).await;
        self.open.lock().await.remove(&step);
        kept
    }

    /// The same for all steps that were cut off. Worktrees that cannot be inspected in time
    /// stay for `smol-wf worktrees prune`.
    pub(crate) async fn close(&self) -> Vec<(StepId, Box<Worktree>)> {
        let open = std::mem::take(&mut *self.open.lock().await);
        if open.is_empty() {
            return Vec::new();
        }
        let until = Instant::now() + CLOSE_MAX;
        // A git process that was cut off may hold a lock until it has ended.
        let _ = timeout_at(until, self.processes.all_ended()).await;
        let mut kept = Vec::new();
        for (step, note) in open {
            let settled = timeout_at(until, self.settle(&note)).await;
            let unseen = || {
                // It has a note and was never made.
                if !note.path.exists() {
                    return None;
                }
                let warning = "there was no time to look at it";
                Some(Box::new(unseen(&note, Some(warning.to_owned()))))
            };
            if let Some(worktree) = settled.unwrap_or_else(|_| unseen()) {
                kept.push((step, worktree));
            }
        }
        kept
    }

    /// Removes an unchanged worktree. Others are kept and reported, also those that cannot
    /// be inspected or removed.
    async fn settle(&self, note: &WorktreeNote) -> Option<Box<Worktree>> {
        let settled = match change(&self.git, note, true).await {
            Ok(Change::Something(worktree)) => return Some(worktree),
            Ok(Change::Unknown { elsewhere }) => {
                return Some(Box::new(unknown(note, elsewhere.as_deref())));
            }
            Ok(Change::Nothing(branches)) => note.remove(&self.git, &branches).await,
            Err(error) => Err(error),
        };
        settled.err().map(|error| Box::new(unseen(note, Some(error.to_string()))))
    }

    /// Finds the repository of the project.
    async fn find_repository(&self) -> Result<Repository, WorktreeError> {
        let ask = ["rev-parse", "--path-format=absolute", "--git-common-dir", "--show-prefix"];
        let answer = match self.git.run(&self.project, "find the repository", ask).await {
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

/// Whether a branch of this name or below it exists.
fn is_taken(branch: &str, branches: &[String]) -> bool {
    let mut rests = branches.iter().filter_map(|one| one.strip_prefix(branch));
    rests.any(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A warning about parts of the project that a worktree lacks, because they would need a
/// program or the network.
fn unlike_the_project(worktree: &Path) -> Option<String> {
    let mut lacks = Vec::new();
    if worktree.join(".gitmodules").exists() {
        lacks.push("its submodules are empty");
    }
    let attributes = worktree.join(".gitattributes");
    // Git does not follow a link there, and a link may lead to an endless file.
    let is_file = attributes.symlink_metadata().is_ok_and(|meta| meta.is_file());
    let text =
        is_file.then(|| std::fs::File::open(&attributes)).and_then(Result::ok).and_then(|file| {
            let mut text = String::new();
            file.take(ATTRIBUTES_BYTES_MAX).read_to_string(&mut text).ok().map(|_| text)
        });
    if text.is_some_and(|text| text.contains("filter=")) {
        lacks.push("files with a filter, such as Git LFS, are as the repository stores them");
    }
    (!lacks.is_empty()).then(|| format!("in the worktree of a call, {}", lacks.join(", and ")))
}

fn make_folder(path: &Path) -> Result<(), WorktreeError> {
    std::fs::create_dir_all(path).map_err(|error| WorktreeError::File {
        doing: "make",
        path: path.to_owned(),
        error,
    })
}
