//! An estimate of the tokens and dollars of a run.
//!
//! Owns: the range from an agent that answers at once to one that works hard. Never:
//! knows what an agent will do.

use std::collections::BTreeSet;

use serde::Serialize;
use smol_wf_core::dollars;
use smol_wf_core::prices::Prices;
use smol_wf_core::step_request::{AgentRequest, Usage};

use super::stubs::tokens;

/// Tokens of a coding agent's own instructions and tools, read at least once.
const OVERHEAD_LOW: u64 = 5_000;

/// The same for an agent with many tools, and what it has read meanwhile.
const OVERHEAD_HIGH: u64 = 25_000;

/// Turns of an agent that uses tools; each reads again what came before.
const TURNS_HIGH: u64 = 20;

/// Tokens that an agent writes in all its turns, when it works hard.
const WRITTEN_HIGH: u64 = 10_000;

/// Tokens, from an agent that answers at once to one that works hard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Fewest input tokens.
    pub input_low: u64,
    /// Most input tokens in usual runs.
    pub input_high: u64,
    /// Fewest output tokens.
    pub output_low: u64,
    /// Most output tokens in usual runs.
    pub output_high: u64,
}

impl Estimate {
    /// The estimate for a step whose stub answer has this number of tokens.
    pub(super) fn of(request: &AgentRequest, answer: u64) -> Self {
        let asked = tokens(&request.prompt) + request.schema.as_deref().map_or(0, tokens);
        Self {
            input_low: OVERHEAD_LOW + asked,
            input_high: TURNS_HIGH * (OVERHEAD_HIGH + asked),
            output_low: answer,
            output_high: WRITTEN_HIGH.max(answer),
        }
    }
}

impl std::ops::AddAssign for Estimate {
    fn add_assign(&mut self, other: Self) {
        self.input_low = self.input_low.saturating_add(other.input_low);
        self.input_high = self.input_high.saturating_add(other.input_high);
        self.output_low = self.output_low.saturating_add(other.output_low);
        self.output_high = self.output_high.saturating_add(other.output_high);
    }
}

/// Dollars at list prices, for the agents whose model has one.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostRange {
    /// Lowest cost.
    pub low_usd: f64,
    /// Highest cost in usual runs.
    pub high_usd: f64,
    /// Number of agents without a price: they name no model, or one that is not listed.
    pub unpriced: u32,
    /// Number of agents that name no model.
    pub unnamed: u32,
    /// Models that are not listed.
    pub unpriced_models: BTreeSet<String>,
}

impl CostRange {
    /// Adds a step that asks for this model.
    pub(super) fn add(&mut self, prices: &Prices, model: Option<&str>, tokens: &Estimate) {
        let cost = |input_tokens, output_tokens| {
            let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
            prices.cost(model?, usage).map(|(dollars, _)| dollars)
        };
        match (
            cost(tokens.input_low, tokens.output_low),
            cost(tokens.input_high, tokens.output_high),
        ) {
            (Some(low), Some(high)) => {
                dollars::add(&mut self.low_usd, low);
                dollars::add(&mut self.high_usd, high);
            }
            _ => {
                self.unpriced += 1;
                self.unnamed += u32::from(model.is_none());
                self.unpriced_models.extend(model.map(str::to_owned));
            }
        }
    }
}
