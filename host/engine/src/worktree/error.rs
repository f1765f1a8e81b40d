//! Errors of git worktrees, with stable codes.
//!
//! Owns: the list of errors. Never: handles an error.

use smol_wf_core::codes::Code;
use std::path::PathBuf;

use smol_wf_core::shell;

/// Why a worktree cannot be made or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorktreeError {
    /// The project is not in a git repository.
    #[error(
        "isolation: 'worktree' needs a git repository, and {} is in none; type `git init` and commit, or leave the option out", .path.display()
    )]
    NotARepository {
        /// The project.
        path: PathBuf,
    },
    /// The repository has no commit yet.
    #[error(
        "isolation: 'worktree' begins at a commit, and the repository of {} has none; commit something first", .path.display()
    )]
    NoCommit {
        /// The project.
        path: PathBuf,
    },
    /// The program git was not found.
    #[error("isolation: 'worktree' needs git, and no program `git` is on the PATH; install it")]
    NoGit,
    /// The engine has no folder for worktrees.
    #[error("there is no folder to put worktrees into")]
    NoFolder,
    /// A branch has the name of the folder for the branches of steps.
    #[error(
        "isolation: 'worktree' makes branches below `{branch}/`, and a branch `{branch}` is in the way; type `git branch -m {} {}`, or another name for it", shell::word(.branch), shell::word(&format!("{branch}-old"))
    )]
    BranchTaken {
        /// The branch that is in the way.
        branch: String,
    },
    /// Git refused something.
    #[error("git cannot {doing}: {said}")]
    Git {
        /// What was tried, as an infinitive such as `add a worktree`.
        doing: &'static str,
        /// The message of git.
        said: String,
    },
    /// The file system refused something.
    #[error("cannot {doing} {}: {error}", .path.display())]
    File {
        /// What was tried, as an infinitive such as `make`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
}

impl WorktreeError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotARepository { .. } => Code::WorktreeNoRepository,
            Self::NoCommit { .. } => Code::WorktreeNoCommit,
            Self::NoGit => Code::WorktreeNoGit,
            Self::NoFolder => Code::WorktreeNoFolder,
            Self::BranchTaken { .. } => Code::WorktreeBranchTaken,
            Self::Git { .. } => Code::WorktreeGit,
            Self::File { .. } => Code::WorktreeFile,
        }
    }
}
