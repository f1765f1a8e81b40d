//! A git worktree that a step left behind.
//!
//! Owns: the words. Never: runs git; the engine does.

use serde::{Deserialize, Serialize};

/// A worktree that was kept, because something in it had changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worktree {
    /// Where it is.
    pub path: String,
    /// The branch that its HEAD is on, or that holds what HEAD is at.
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
    /// The commit that its HEAD is at, when that is on no branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Other branches with commits of the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// A warning about it, such as work that git does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}
