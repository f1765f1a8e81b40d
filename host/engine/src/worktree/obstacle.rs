//! Why no worktree can be made in a folder, as far as a look at its files tells.
//!
//! Owns: what is certainly missing, so that it can be said before an agent is asked.
//! Never: runs git, or promises that a worktree can be made.

use std::path::{Path, PathBuf};

use super::WorktreeError;

/// Most bytes of a `HEAD` that are read: a name of a branch, or a digest.
const HEAD_BYTES_MAX: u64 = 4_096;

/// Why steps with `isolation: 'worktree'` would fail for agents that work in this folder:
/// there is no repository, or no commit in it. `None` if nothing is certainly missing.
#[must_use]
pub fn worktree_obstacle(folder: &Path) -> Option<WorktreeError> {
    // Where the folder is gone, a run says so itself.
    let folder = folder.canonicalize().ok()?;
    match repository_around(&folder) {
        None => Some(WorktreeError::NotARepository { path: folder }),
        Some(Found::Folder(git)) if is_empty(&git) => {
            Some(WorktreeError::NoCommit { path: folder })
        }
        Some(_) => None,
    }
}

/// A repository, as its place shows it.
enum Found {
    /// Its folder `.git`.
    Folder(PathBuf),
    /// A file that names its folder, as in a worktree, or a bare one.
    Elsewhere,
}

fn repository_around(folder: &Path) -> Option<Found> {
    folder.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        if git.is_file() || is_repository(folder) {
            return Some(Found::Elsewhere);
        }
        is_repository(&git).then_some(Found::Folder(git))
    })
}

/// Whether git takes a folder for a repository; it passes over others, such as an empty
/// `.git`.
fn is_repository(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && folder.join("objects").is_dir()
        && folder.join("refs").is_dir()
}

/// Whether the branch of `HEAD` has no commit yet. Packed branches and tables of them are
/// not read: where they are, there has been one.
fn is_empty(git: &Path) -> bool {
    use std::io::Read as _;
    if git.join("packed-refs").exists() || git.join("reftable").exists() {
        return false;
    }
    let path = git.join("HEAD");
    let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    let mut head = String::new();
    let read = is_file
        .then(|| std::fs::File::open(&path).ok())
        .flatten()
        .and_then(|file| file.take(HEAD_BYTES_MAX).read_to_string(&mut head).ok());
    let branch = read.and_then(|_| head.trim().strip_prefix("ref: ")).map(str::trim);
    branch.is_some_and(|branch| branch.starts_with("refs/") && !git.join(branch).exists())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, args: &[&str]) {
        let mut git = Command::new("git");
        git.current_dir(folder).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(args);
        assert!(git.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap().status.success());
    }

    #[test]
    fn what_is_missing_is_found_as_git_finds_it() {
        let place = tempfile::tempdir().unwrap();
        let below = place.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let code = || worktree_obstacle(&below).map(|error| error.code().word());
        assert_eq!(code(), Some("worktree_no_repository"));
        // A mark of a project, and no repository.
        std::fs::create_dir(below.join(".git")).unwrap();
        assert_eq!(code(), Some("worktree_no_repository"));
        git(place.path(), &["init", "-q"]);
        assert_eq!(code(), Some("worktree_no_commit"));
        git(place.path(), &["commit", "-q", "--allow-empty", "-m", "one"]);
        assert_eq!(code(), None);
        git(place.path(), &["pack-refs", "--all"]);
        assert_eq!(code(), None);
        let other = place.path().join("other");
        git(place.path(), &["worktree", "add", "-q", other.to_str().unwrap()]);
        assert!(worktree_obstacle(&other).is_none());
        assert!(worktree_obstacle(&place.path().join("gone")).is_none());
    }
}
