//! What a fork saved by reusing answers.
//!
//! Owns: counting reused answers. Never: mixes them with the run's own spend.

use serde::Serialize;

use super::TokenUsage;
use crate::dollars;
use crate::step_request::Reply;

/// Agent steps whose answers were reused.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReuseReport {
    /// Their number.
    pub agents: u64,
    /// Of these, answers that someone wrote by hand.
    pub by_hand: u64,
    /// Of these, answers of agents that people had given messages.
    #[serde(skip_serializing_if = "is_none")]
    pub steered: u64,
    /// Tokens that were not spent again.
    pub token_usage: TokenUsage,
    /// Dollars that were not spent again, as far as providers named them.
    pub cost_usd: f64,
    /// Whether the run is a fork: then the report has this even if nothing was reused.
    #[serde(skip)]
    pub(super) is_fork: bool,
}

impl ReuseReport {
    /// Whether the report leaves it out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents == 0 && !self.is_fork
    }

    pub(super) fn add(&mut self, reply: &Reply) {
        self.agents += 1;
        self.by_hand += u64::from(reply.reused.as_ref().is_some_and(|reused| reused.by_hand));
        self.steered += u64::from(reply.steered > 0);
        self.token_usage += TokenUsage::of(reply.usage);
        dollars::add(&mut self.cost_usd, reply.cost_usd.unwrap_or(0.0));
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}
