//! What an agent reports besides its answer: usage, cost, session, model.
//!
//! Owns: the data, and how usage adds up. Never: a price.

use serde::{Deserialize, Serialize};

use crate::asks::RefusedAsk;
use crate::ids::{RunId, StepId};
use crate::worktree::Worktree;

/// Tokens of one or more steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Those of the tokens read that came from the model's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read_tokens: u64,
    /// Those of the tokens read that were written to the model's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Usage {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Tokens read and written.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
    }
}

/// How an agent step was answered, without the answer itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// Provider that answered.
    pub provider: String,
    /// Model that answered, if the provider names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's own session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Tokens of all attempts together.
    pub usage: Usage,
    /// Dollars of all attempts together, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Source of the cost: `provider`, or `prices:` and the version of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_source: Option<String>,
    /// Whether the agent did not report its tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmetered: bool,
    /// How often the provider was asked: 2 after a correction round.
    pub rounds: u32,
    /// Number of attempts. 0 in journals that do not have it.
    #[serde(default, skip_serializing_if = "is_no_count")]
    pub attempts: u32,
    /// From dispatch to answer, in milliseconds.
    pub duration_ms: u64,
    /// The worktree that the agent left behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<Worktree>>,
    /// Bytes of the answer that were not UTF-8, and were replaced by U+FFFD.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replaced_bytes: u64,
    /// Permissions that the agent asked for and was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<RefusedAsk>,
    /// Number of messages that people gave to the agent while it worked.
    #[serde(default, skip_serializing_if = "is_no_count")]
    pub steered: u32,
    /// The step whose answer was reused, if one was: then tokens and dollars were saved,
    /// not spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<AnswerSource>,
}

impl Reply {
    /// Whether the agent used tokens at an unknown cost.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.cost_usd.is_none() && (self.unmetered || self.usage.total() > 0)
    }
}

/// The source of a reused answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerSource {
    /// Run of the step.
    pub run: RunId,
    /// Number of the step.
    #[serde(rename = "call")]
    pub step: StepId,
    /// Whether a person wrote the answer, in place of the step's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_no_count(number: &u32) -> bool {
    *number == 0
}
