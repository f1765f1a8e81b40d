//! Worktrees that are left over: kept ones, and those of runs that were killed.
//!
//! Owns: the list, and removing worktrees. Never: touches the worktree of a run that a
//! process holds.

use std::path::{Path, PathBuf};

use serde::Serialize;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::report::RunState;
use smol_wf_core::worktree::Worktree;

use super::error::WorktreeError;
use super::git::Git;
use super::inspect::{Change, change};
use super::note::WorktreeNote;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::lease_holder::is_held;

/// A worktree that still exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// Its run.
    pub run_id: RunId,
    /// Its step.
    pub step: StepId,
    /// State of the run; none when the run is not in the store or is damaged.
    pub run_state: Option<RunState>,
    /// Its folder.
    pub path: PathBuf,
    /// The branch that was made with it.
    pub branch: String,
    /// Whether it holds work.
    pub state: LeftoverState,
    /// The changes, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<Worktree>>,
    /// Why git cannot read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The worktree that has its branch, when git does not know this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<PathBuf>,
    /// It was moved or copied since it was made.
    #[serde(skip)]
    pub has_moved: bool,
    #[serde(skip)]
    note: WorktreeNote,
}

/// Whether a worktree holds work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverState {
    /// A process holds its run.
    InUse,
    /// It equals its base commit.
    Unchanged,
    /// It holds work that may be nowhere else.
    Changed,
    /// Git cannot read it.
    Unreadable,
}

impl LeftoverState {
    /// The word for this state in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
        }
    }
}

impl Leftover {
    fn is_over(&self) -> bool {
        self.run_state.is_none_or(|state| !state.is_resumable())
    }

    /// Whether it may be removed: unchanged ones may, and with `force` changed ones of
    /// runs that are over.
    fn may_go(&self, force: bool) -> bool {
        match self.state {
            LeftoverState::InUse => false,
            LeftoverState::Unchanged => true,
            LeftoverState::Changed => force && self.is_over(),
            // Its work may be nowhere else, and nobody has seen it. When another worktree
            // has the branch, only the note is removed.
            LeftoverState::Unreadable => {
                force && (self.is_over() || self.elsewhere.is_some()) && !self.path.exists()
            }
        }
    }
}

/// Result of [`Engine::prune_worktrees`](crate::Engine::prune_worktrees).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// Worktrees that were removed, or would be in a dry run.
    pub removed: Vec<Leftover>,
    /// Worktrees that were not removed.
    pub kept: Vec<Leftover>,
}

impl Engine {
    /// All worktrees that still exist, by run and step.
    ///
    /// # Errors
    /// When the folder of worktrees or the store cannot be read.
    pub async fn worktrees(&self) -> Result<Vec<Leftover>, EngineError> {
        let git = Git::new(self.processes.clone());
        let mut found = Vec::new();
        for note in self.worktree_notes()? {
            let row = self.row(&note.run).await?;
            let held = row.as_ref().is_some_and(is_held);
            // A run that was deleted or cannot be read has no state.
            let run_state = match row {
                Some(_) => self.summary(&note.run).await.ok().map(|run| run.state),
                None => None,
            };
            let (mut problem, mut found_elsewhere) = (None, None);
            let (state, worktree) = if held {
                (LeftoverState::InUse, None)
            } else {
                match change(&git, &note, false).await {
                    Ok(Change::Nothing(_)) => (LeftoverState::Unchanged, None),
                    Ok(Change::Unknown { elsewhere }) => {
                        problem = Some(unknown_to(&note, elsewhere.as_deref()));
                        found_elsewhere = elsewhere;
                        (LeftoverState::Unreadable, None)
                    }
                    Ok(Change::Something(worktree)) => (LeftoverState::Changed, Some(worktree)),
                    Err(error @ WorktreeError::NoGit) => return Err(error.into()),
                    Err(error) => {
                        problem = Some(error.to_string());
                        (LeftoverState::Unreadable, None)
                    }
                }
            };
            found.push(Leftover {
                run_id: note.run.clone(),
                step: note.step,
                run_state,
                path: note.path.clone(),
                branch: note.branch.clone(),
                state,
                worktree,
                problem,
                elsewhere: found_elsewhere,
                has_moved: note.written_at.is_some(),
                note,
            });
        }
        Ok(found)
    }

    /// Removes unchanged worktrees, and with `force` also changed ones of runs that are
    /// over. With `dry_run`, nothing is removed.
    ///
    /// # Errors
    /// When a worktree cannot be removed.
    pub async fn prune_worktrees(&self, force: bool, dry_run: bool) -> Result<Pruned, EngineError> {
        if !dry_run {
            // An agent of a killed process may still work in one.
            self.processes.end_leftovers().await;
        }
        let git = Git::new(self.processes.clone());
        let mut pruned = Pruned::default();
        for leftover in self.worktrees().await? {
            if !leftover.may_go(force) {
                pruned.kept.push(leftover);
                continue;
            }
            if !dry_run {
                let branches = leftover.note.branches(&git).await;
                leftover.note.remove(&git, &branches).await?;
            }
            pruned.removed.push(leftover);
        }
        Ok(pruned)
    }

    /// The notes of all worktrees.
    fn worktree_notes(&self) -> Result<Vec<WorktreeNote>, EngineError> {
        let Some(folder) = &self.worktrees else { return Ok(Vec::new()) };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        let mut notes = Vec::new();
        for run in entries(&folder)? {
            if RunId::parse(&run.file_name().unwrap_or_default().to_string_lossy()).is_err() {
                continue;
            }
            let files = entries(&run)?.into_iter();
            let files = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
            notes.extend(files.filter_map(|file| WorktreeNote::read(&file)));
        }
        notes.sort_by_key(|note| (note.run.clone(), note.step, note.path.clone()));
        Ok(notes)
    }
}

fn unknown_to(note: &WorktreeNote, elsewhere: Option<&Path>) -> String {
    let WorktreeNote { repository, branch, .. } = note;
    match elsewhere {
        Some(place) => format!("its branch `{branch}` is that of the worktree {}", place.display()),
        None => format!("the repository {} does not know it", repository.display()),
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, WorktreeError> {
    let failed = |error| WorktreeError::File { doing: "read", path: folder.to_owned(), error };
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}
