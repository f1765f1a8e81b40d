//! A pooled answer, as it stands in a journal.

use serde::{Deserialize, Serialize};

use crate::call::{Reply, Reused};
use crate::ids::Digest;
use crate::outcome::Outcome;

/// An answer that waits for a call of its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pooled {
    /// Of the call that it answers.
    pub content: Digest,
    /// Which call of which run came to it.
    pub source: Reused,
    /// What the call came to.
    pub outcome: Outcome,
    /// What the agent said of itself; none for a sleep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<Reply>>,
    /// So many calls of its content come first that find no answer: an answer
    /// that is meant for one call is not taken by another.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub behind: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
