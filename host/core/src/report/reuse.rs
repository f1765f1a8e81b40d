//! What a fork was spared.
//!
//! Owns: counting answers that were there already. Never: mixes them with what
//! the run spent itself.

use serde::Serialize;

use super::TokenUsage;
use crate::call::Reply;
use crate::dollars;

/// Agent calls that nobody was asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReuseReport {
    /// How many.
    pub agents: u64,
    /// Of these, answers that someone wrote by hand.
    pub by_hand: u64,
    /// Tokens that were not spent again.
    pub token_usage: TokenUsage,
    /// Dollars that were not spent again, as far as providers named them.
    pub cost_usd: f64,
    /// The run is a fork: then it is said that it was spared nothing, too.
    #[serde(skip)]
    pub(super) is_fork: bool,
}

impl ReuseReport {
    /// Whether there is nothing to say of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agents == 0 && !self.is_fork
    }

    pub(super) fn add(&mut self, reply: &Reply) {
        self.agents += 1;
        self.by_hand += u64::from(reply.reused.as_ref().is_some_and(|reused| reused.by_hand));
        self.token_usage += TokenUsage::of(reply.usage);
        dollars::add(&mut self.cost_usd, reply.cost_usd.unwrap_or(0.0));
    }
}
