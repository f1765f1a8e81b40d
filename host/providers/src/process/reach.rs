//! How far the ending of children reaches beyond their own trees.
//!
//! Owns: the three levels. Never: ends a process.

/// Which processes are ended with a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The child, its group, processes that were seen below it, and those with its mark.
    Marked,
    /// The same. Orphans of those become children of this process.
    Orphans,
    /// The same. Besides, every child of this process that has left its group
    /// counts as an agent's.
    Children,
}

impl Reach {
    /// Whether orphans become children of this process.
    pub(super) fn adopts(self) -> bool {
        self != Self::Marked
    }
}
