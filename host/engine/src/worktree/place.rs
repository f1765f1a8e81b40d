//! One worktree on disk: made, looked at, taken away.
//!
//! Owns: its note beside it, by which it is found again after a crash, and what
//! has changed in it. Never: decides whether it is kept.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smol_wf_core::ids::{CallId, RunId};
use smol_wf_core::worktree::Worktree;
use tokio::sync::Mutex;

use super::error::WorktreeError;
use super::git::git;

/// What is written beside a worktree, before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    pub(super) run: RunId,
    pub(super) call: CallId,
    /// Where the files are.
    pub(super) path: PathBuf,
    /// The repository's own folder, `.git`.
    pub(super) repository: PathBuf,
    pub(super) branch: String,
    /// The commit that it begins at.
    pub(super) base: String,
}

/// What became of a worktree.
pub(super) enum Change {
    Nothing,
    Something(Box<Worktree>),
}

impl Note {
    pub(super) fn file(&self) -> PathBuf {
        self.path.with_extension("json")
    }

    /// Writes the note. False when there is one already.
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

    pub(super) fn read(file: &Path) -> Option<Self> {
        let note: Self = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        // A note speaks of what lies beside it, and of nothing else.
        (note.file() == file && note.branch.starts_with(super::BRANCH_PREFIX)).then_some(note)
    }

    /// Makes the worktree. Only the part that changes the repository's own
    /// folder is done one at a time; the files are written in parallel.
    pub(super) async fn make(&self, one_at_a_time: &Mutex<()>) -> Result<(), WorktreeError> {
        {
            let _alone = one_at_a_time.lock().await;
            let path = self.path.as_os_str();
            let add = ["worktree", "add", "--quiet", "--no-track", "--no-checkout", "-b"];
            let args = add.iter().map(AsRef::as_ref);
            let args = args.chain([self.branch.as_ref(), path, self.base.as_ref()]);
            git(&self.repository, "add a worktree", args).await?;
        }
        git(&self.path, "write the files of a worktree", ["reset", "--hard", "--quiet"]).await?;
        Ok(())
    }

    /// What has changed in it. Files that git ignores do not count.
    pub(super) async fn change(&self) -> Result<Change, WorktreeError> {
        const DOING: &str = "look at a worktree";
        let Some(own) = self.own_folder() else { return Ok(self.unfinished()) };
        let run = async |args: &[&str]| {
            // Its own folder is named, because an agent may have pointed the
            // worktree elsewhere.
            let place = [
                format!("--git-dir={}", own.display()),
                format!("--work-tree={}", self.path.display()),
            ];
            git(
                &self.path,
                DOING,
                place.into_iter().chain(args.iter().map(|one| (*one).to_owned())),
            )
            .await
        };
        let status =
            run(&["status", "--porcelain=v1", "-z", "-uall", "--ignore-submodules=dirty"]).await?;
        let head = run(&["rev-parse", "HEAD"]).await?;
        if status.is_empty() && head.trim() == self.base {
            return Ok(Change::Nothing);
        }
        let range = format!("{}..HEAD", self.base);
        let commits = run(&["rev-list", "--count", &range]).await?;
        let diff = ["diff", "--numstat", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let numbers = run(&[diff.as_slice(), &[&self.base]].concat()).await?;
        let (mut files, mut insertions, mut deletions) = (0_u32, 0_u64, 0_u64);
        for line in numbers.split('\0').filter(|line| !line.is_empty()) {
            // A binary file has `-` for its numbers.
            let mut fields = line.splitn(3, '\t').map(|field| field.parse().unwrap_or(0));
            files += 1;
            insertions += fields.next().unwrap_or(0);
            deletions += fields.next().unwrap_or(0);
        }
        let untracked = status.split('\0').filter(|entry| entry.starts_with("??")).count();
        Ok(Change::Something(Box::new(Worktree {
            path: self.path.display().to_string(),
            branch: self.branch.clone(),
            base: self.base.clone(),
            commits: commits.trim().parse().unwrap_or(0),
            files: files.saturating_add(u32::try_from(untracked).unwrap_or(u32::MAX)),
            insertions,
            deletions,
        })))
    }

    /// The repository's folder for this worktree. It names the worktree, and is
    /// out of the agent's way.
    fn own_folder(&self) -> Option<PathBuf> {
        let all = std::fs::read_dir(self.repository.join("worktrees")).ok()?;
        let mine = self.path.join(".git");
        all.filter_map(Result::ok).map(|entry| entry.path()).find(|folder| {
            std::fs::read_to_string(folder.join("gitdir"))
                .is_ok_and(|text| Path::new(text.trim()) == mine)
        })
    }

    /// Of a worktree that git does not know: it was cut off while it was made
    /// or taken away, unless there are files.
    fn unfinished(&self) -> Change {
        let is_empty = std::fs::read_dir(&self.path).map_or(true, |entries| {
            entries.filter_map(Result::ok).all(|e| e.file_name() == ".git")
        });
        if is_empty {
            return Change::Nothing;
        }
        Change::Something(Box::new(Worktree {
            path: self.path.display().to_string(),
            branch: self.branch.clone(),
            base: self.base.clone(),
            commits: 0,
            files: 0,
            insertions: 0,
            deletions: 0,
        }))
    }

    /// Takes the worktree away, its branch and its note. A branch that has
    /// moved stays, unless `with_commits`.
    pub(super) async fn remove(
        &self,
        one_at_a_time: &Mutex<()>,
        with_commits: bool,
    ) -> Result<(), WorktreeError> {
        let failed = |doing, error| WorktreeError::File { doing, path: self.path.clone(), error };
        let path = self.path.clone();
        // Thousands of files take a while; nothing else waits for it.
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(path)).await;
        match removed.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed("remove", error));
            }
            _ => {}
        }
        if self.repository.is_dir() {
            let _alone = one_at_a_time.lock().await;
            if let Some(own) = self.own_folder() {
                // What `git worktree prune` does, for this one alone.
                std::fs::remove_dir_all(own).map_err(|error| failed("forget", error))?;
            }
            let name = format!("refs/heads/{}", self.branch);
            let only_at_base = if with_commits { None } else { Some(self.base.clone()) };
            let args = ["update-ref", "-d"].map(str::to_owned).into_iter();
            let deleted =
                git(&self.repository, "delete a branch", args.chain([name]).chain(only_at_base));
            // A branch that is not there, or has moved on, is left as it is.
            let _ = deleted.await;
        }
        let note = self.file();
        std::fs::remove_file(&note).map_err(|error| failed("remove the note of", error))?;
        if let Some(folder) = note.parent() {
            // Not empty while other calls of the run are there.
            let _ = std::fs::remove_dir(folder);
        }
        Ok(())
    }
}
