//! A reusable answer, as journaled.
//!
//! Owns: its fields and their text form. Never: decides which step takes it.

use serde::{Deserialize, Serialize};

use crate::ids::Digest;
use crate::outcome::Outcome;
use crate::step_request::{AnswerSource, Reply};

/// An answer that a step of equal content may reuse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReusableAnswer {
    /// Digest of the content of the step that it answers.
    pub content: Digest,
    /// The step for which the answer was made, and its run.
    pub source: AnswerSource,
    /// The step's outcome.
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
