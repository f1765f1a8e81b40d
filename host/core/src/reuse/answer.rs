//! A reusable answer, as it stands in a journal.
//!
//! Owns: its fields and their text form. Never: says which step takes it.

use serde::{Deserialize, Serialize};

use crate::ids::Digest;
use crate::outcome::Outcome;
use crate::step_request::{AnswerSource, Reply};

/// An answer that waits for a step of its content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReusableAnswer {
    /// Digest of the content of the step that it answers.
    pub content: Digest,
    /// The step that was answered first, and its run.
    pub source: AnswerSource,
    /// What the step came to.
    pub outcome: Outcome,
    /// What the agent reported about itself; none for a sleep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Box<Reply>>,
    /// Number of earlier equal steps that must miss first, so that an answer that is
    /// meant for one step is not taken by another.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub behind: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
