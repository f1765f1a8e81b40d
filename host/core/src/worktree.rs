//! What a call left behind in a git worktree of its own.
//!
//! Owns: the words. Never: runs git; the engine does.

use serde::{Deserialize, Serialize};

/// A worktree that was kept, because something in it had changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worktree {
    /// Where it is.
    pub path: String,
    /// Its branch.
    pub branch: String,
    /// The commit that it began at.
    pub base: String,
    /// Commits made since.
    pub commits: u32,
    /// Files that differ from `base`, new ones included.
    pub files: u32,
    /// Lines added to files that git knows.
    pub insertions: u64,
    /// Lines taken out of files that git knows.
    pub deletions: u64,
}
