//! A git worktree that a step left behind.
//!
//! Owns: what is recorded of it. Never: runs git; the engine does.

use serde::{Deserialize, Serialize};

/// A worktree that was kept because its files had changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worktree {
    /// Its path.
    pub path: String,
    /// The branch that its HEAD is on, or a branch that contains HEAD's commit.
    pub branch: String,
    /// The commit at which it began.
    pub base: String,
    /// Commits made since.
    pub commits: u32,
    /// Files that differ from `base`, new ones included.
    pub files: u32,
    /// Lines added to files that git tracks.
    pub insertions: u64,
    /// Lines deleted from files that git tracks.
    pub deletions: u64,
    /// The commit of its HEAD, if that is not on a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Other branches with commits of the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// A warning about it, such as work that git does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}
