//! Finds the worktree that has a branch checked out.
//!
//! Owns: reading that from git and its records. Never: changes either.

use std::path::{Path, PathBuf};

use super::error::WorktreeError;
use super::git::Git;

const DOING: &str = "look for the worktree of a branch";

/// The worktree in which a branch is checked out, or will be after a rebase or bisect. The
/// project's own checkout is one of them.
pub(super) async fn holder(
    git: &Git,
    repository: &Path,
    branch: &str,
) -> Result<Option<PathBuf>, WorktreeError> {
    let list = git.run(repository, DOING, ["worktree", "list", "--porcelain"]).await?;
    let full = format!("refs/heads/{branch}");
    let mut place = "";
    for line in list.lines() {
        if let Some(named) = line.strip_prefix("worktree ") {
            place = named;
        } else if line.strip_prefix("branch ") == Some(&*full) {
            return Ok(Some(place.into()));
        }
    }
    if goes_back_to(repository, branch) {
        let is_in_project = repository.file_name().is_some_and(|name| name == ".git");
        let project = repository.parent().filter(|_| is_in_project);
        return Ok(Some(project.unwrap_or(repository).to_owned()));
    }
    let record = records(repository).find(|record| goes_back_to(record, branch));
    Ok(record.map(|record| place_of(&record).unwrap_or(record)))
}

/// The repository's folders for its worktrees.
pub(super) fn records(repository: &Path) -> impl Iterator<Item = PathBuf> {
    let all = std::fs::read_dir(repository.join("worktrees"));
    all.into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path())
}

/// The worktree that one of these folders is for.
pub(super) fn place_of(record: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(record.join("gitdir")).ok()?;
    let place = Path::new(text.trim()).parent()?;
    if place.is_absolute() {
        return Some(place.to_owned());
    }
    // The path is relative to that folder when the user's git uses relative paths.
    let place = record.join(place);
    Some(place.canonicalize().unwrap_or(place))
}

/// Whether a rebase or bisect will return to this branch. HEAD is detached meanwhile, so
/// git's list does not show it.
fn goes_back_to(record: &Path, branch: &str) -> bool {
    let says = |file: &str, what: &str| {
        std::fs::read_to_string(record.join(file)).is_ok_and(|text| text.trim() == what)
    };
    let full = format!("refs/heads/{branch}");
    says("rebase-merge/head-name", &full)
        || says("rebase-apply/head-name", &full)
        || says("BISECT_START", branch)
}
