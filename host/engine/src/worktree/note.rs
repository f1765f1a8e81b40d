//! One worktree on disk: making, finding and removing it.
//!
//! Owns: the note beside it, by which it is found after a crash. Never: decides whether
//! it is kept.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smol_wf_core::ids::{RunId, StepId};

use super::commits::{AgentCommits, Branch};
use super::error::WorktreeError;
use super::git::Git;
use super::holder::{holder, place_of, records};
use super::lock::turn;
use super::view::View;

/// The JSON file beside a worktree, written before the worktree is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorktreeNote {
    pub(super) run: RunId,
    #[serde(rename = "call")]
    pub(super) step: StepId,
    /// Folder of the worktree.
    pub(super) path: PathBuf,
    /// The repository's own folder, `.git`.
    pub(super) repository: PathBuf,
    pub(super) branch: String,
    /// The commit that it begins at.
    pub(super) base: String,
    /// The branches that were there before, and so are not the agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Vec<String>>,
    /// The recorded folder, when it differs from `path`: the worktree was moved, or is a
    /// copy.
    #[serde(skip)]
    pub(super) written_at: Option<PathBuf>,
}

impl WorktreeNote {
    /// The path of the note: that of the worktree, with `.json`.
    pub(super) fn file(&self) -> PathBuf {
        self.path.with_extension("json")
    }

    /// Writes the note. False when the file exists already.
    pub(super) fn write(&self) -> Result<bool, WorktreeError> {
        let file = self.file();
        let failed = |doing, error| WorktreeError::File { doing, path: file.clone(), error };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed("make the folder of", error))?;
        }
        let text = serde_json::to_vec(self).map_err(|error| failed("write", error.into()))?;
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&file) {
            Ok(mut note) => note.write_all(&text).map_err(|error| failed("write", error))?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(failed("write", error)),
        }
        Ok(true)
    }

    /// Reads a note; none when it is not one.
    pub(super) fn read(file: &Path) -> Option<Self> {
        let note: Self = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        // A note is about the folder beside it, wherever both were moved.
        let path = file.with_extension("");
        let written_at = Some(note.path.clone()).filter(|written_at| *written_at != path);
        let note = Self { path, written_at, ..note };
        note.branch.starts_with(super::BRANCH_PREFIX).then(|| note.where_it_is_now())
    }

    /// With the repository that the worktree names, if the recorded one is gone and the
    /// other names this worktree, too: a repository that was moved and repaired.
    fn where_it_is_now(self) -> Self {
        if self.repository.is_dir() {
            return self;
        }
        let file = self.path.join(".git");
        // An agent may have replaced it with a pipe.
        let is_file = file.symlink_metadata().is_ok_and(|meta| meta.is_file());
        let text = is_file.then(|| std::fs::read_to_string(file).ok()).flatten();
        let text = text.unwrap_or_default();
        let own = text.strip_prefix("gitdir:").map(|own| Path::new(own.trim()));
        let moved = own
            .and_then(|own| own.parent()?.parent())
            .map(|repository| Self { repository: repository.to_owned(), ..self.clone() });
        moved.filter(|moved| moved.own_folder().is_some()).unwrap_or(self)
    }

    /// Makes the worktree. Changes to the repository's own folder are made one at a time;
    /// files are written in parallel.
    pub(super) async fn make(&self, git: &Git) -> Result<(), WorktreeError> {
        {
            let _turn = turn(&git.one_at_a_time, &self.repository).await?;
            // The branch belongs to this step alone. A failed try may have made it.
            let path = self.path.as_os_str();
            let add = ["worktree", "add", "--quiet", "--no-track", "--no-checkout", "-B"];
            let args = add.iter().map(AsRef::as_ref);
            let args = args.chain([self.branch.as_ref(), path, self.base.as_ref()]);
            git.run(&self.repository, "add a worktree", args).await?;
        }
        let own = self.own_folder().ok_or_else(|| WorktreeError::Git {
            doing: "add a worktree",
            said: "it is gone again".to_owned(),
        })?;
        let view = View::open(git, &self.path, &self.repository, &own, &self.base).await?;
        let write = ["read-tree", "--reset", "-u", &self.base];
        view.write("write the files of a worktree", &write).await?;
        Ok(())
    }

    /// The repository's folder for this worktree: the one that names it. The `.git` file of
    /// the worktree does not count, because the agent may write it. A copy has no such
    /// folder, although git assigns it to a copy that it runs in: the original still needs
    /// it.
    pub(super) fn own_folder(&self) -> Option<PathBuf> {
        if self.original().is_some() {
            return None;
        }
        let is_here = |place: PathBuf| {
            place == self.path || place.canonicalize().is_ok_and(|place| place == self.path)
        };
        records(&self.repository).find(|record| place_of(record).is_some_and(is_here))
    }

    /// The worktree that this one is a copy of, while that exists.
    fn original(&self) -> Option<&PathBuf> {
        self.written_at.as_ref().filter(|place| {
            // A stale link that leads here is not another worktree.
            place.canonicalize().is_ok_and(|place| place.is_dir() && place != self.path)
        })
    }

    /// The worktree that has this one's branch, if git does not know this one.
    pub(super) async fn elsewhere(&self, git: &Git) -> Result<Option<PathBuf>, WorktreeError> {
        if let Some(original) = self.original() {
            return Ok(Some(original.clone()));
        }
        match self.repository.is_dir() {
            true => holder(git, &self.repository, &self.branch).await,
            false => Ok(None),
        }
    }

    /// All branches of the agent, to be deleted with the worktree on demand.
    pub(super) async fn branches(&self, git: &Git) -> Vec<Branch> {
        if let Some(own) = self.own_folder()
            && let Ok(commits) = AgentCommits::find(git, self, &own).await
        {
            return commits.branches;
        }
        self.own_branch(git).await.ok().flatten().into_iter().collect()
    }

    /// The branch that was made with it, if it exists and cannot be another's.
    pub(super) async fn own_branch(&self, git: &Git) -> Result<Option<Branch>, WorktreeError> {
        if self.written_at.is_some() {
            // It may be a copy.
            return Ok(None);
        }
        let name = format!("refs/heads/{}", self.branch);
        let ask = ["for-each-ref", "--format=%(objectname)", &name];
        let tip = git.run(&self.repository, "look for a branch", ask).await?.trim().to_owned();
        let name = self.branch.clone();
        Ok((!tip.is_empty()).then_some(Branch { name, tip, is_agents: true }))
    }

    /// Removes the worktree, its note, and the agent's branches among these. A branch that
    /// has moved meanwhile stays.
    pub(super) async fn remove(&self, git: &Git, branches: &[Branch]) -> Result<(), WorktreeError> {
        let failed = |doing, error| WorktreeError::File { doing, path: self.path.clone(), error };
        let path = self.path.clone();
        // Outside of the lock: thousands of files take a while.
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(path)).await;
        match removed.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("remove", error));
            }
            _ => {}
        }
        if self.repository.is_dir() {
            let _turn = turn(&git.one_at_a_time, &self.repository).await?;
            if let Some(own) = self.own_folder() {
                // As `git worktree prune`, for this one alone.
                std::fs::remove_dir_all(own).map_err(|error| failed("forget", error))?;
            }
            for branch in branches.iter().filter(|branch| branch.is_agents) {
                self.delete(git, branch).await;
            }
        }
        self.remove_views();
        let note = self.file();
        std::fs::remove_file(&note).map_err(|error| failed("remove the note of", error))?;
        if let Some(folder) = note.parent() {
            // Fails while it holds worktrees of other steps.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(())
    }

    /// Deletes a branch, unless it is gone, has moved, or is checked out in a worktree.
    async fn delete(&self, git: &Git, Branch { name, tip, .. }: &Branch) {
        if !matches!(holder(git, &self.repository, name).await, Ok(None)) {
            return;
        }
        let full = format!("refs/heads/{name}");
        let _ =
            git.run(&self.repository, "delete a branch", ["update-ref", "-d", &full, tip]).await;
    }

    /// Removes folders that killed inspections have left beside it.
    fn remove_views(&self) {
        let Some(folder) = self.path.parent() else { return };
        let Some(name) = self.path.file_name() else { return };
        let mut start = name.as_encoded_bytes().to_owned();
        start.extend_from_slice(b".git-");
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
            if entry.file_name().as_encoded_bytes().starts_with(&start) {
                // An empty folder beside the note does no harm.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_the_keys_that_programs_before_this_one_read() {
        let note = WorktreeNote {
            run: RunId::from_bits(7),
            step: StepId(3),
            path: "/w".into(),
            repository: "/r/.git".into(),
            branch: "b".into(),
            base: "c".into(),
            before: None,
            written_at: None,
        };
        let text = serde_json::to_string(&note).unwrap();
        let older = format!(
            r#"{{"run":"{}","call":3,"path":"/w","repository":"/r/.git","branch":"b","base":"c"}}"#,
            note.run
        );
        assert_eq!(text, older);
        assert_eq!(serde_json::from_str::<WorktreeNote>(&older).unwrap(), note);
    }
}
