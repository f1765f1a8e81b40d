//! Spend of agents, and sums by phase, model and provider.
//!
//! Owns: the sums, which include the spend of parked steps. Never: counts a reused
//! answer; the run that asked has paid for it.

use serde::Serialize;

use crate::dollars;
use crate::report::TokenUsage;
use crate::step_request::Reply;

/// Spend of one dispatch; a step that was parked has several.
#[derive(Debug, Clone, Copy)]
pub struct Spend<'a> {
    /// When it was recorded, in microseconds since 1970.
    pub at_us: i64,
    /// Phase of the step.
    pub phase: Option<&'a str>,
    /// Provider that was asked.
    pub provider: Option<&'a str>,
    /// Model that answered, if it is known.
    pub model: Option<&'a str>,
    /// 1 when the step was answered or failed, 0 when it was parked.
    pub agents: u64,
    /// Tokens used.
    pub tokens: TokenUsage,
    /// Dollars, if known.
    pub cost_usd: Option<f64>,
}

impl Spend<'_> {
    /// Takes the numbers from the agent's reply.
    pub(super) fn add(&mut self, reply: &Reply) {
        self.tokens = TokenUsage::of(reply.usage);
        // A sum over rounds may have rounding errors.
        self.cost_usd = reply.cost_usd.map(dollars::clean);
    }
}

/// Agents, tokens and dollars by phase, model and provider.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageTables {
    /// By phase.
    pub by_phase: Vec<UsageRow>,
    /// By model.
    pub by_model: Vec<UsageRow>,
    /// By provider.
    pub by_provider: Vec<UsageRow>,
}

/// Agents, tokens and dollars of one phase, model or provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageRow {
    /// Its name; none for steps outside of any phase, or of an unknown model.
    pub name: Option<String>,
    /// Agent steps that were answered or failed.
    pub agents: u64,
    /// Their tokens, and those of parked steps.
    pub token_usage: TokenUsage,
    /// Their dollars, as far as they are known.
    pub cost_usd: f64,
}

impl UsageTables {
    pub(super) fn add(&mut self, spent: &Spend<'_>) {
        add(&mut self.by_phase, spent.phase, spent);
        add(&mut self.by_model, spent.model, spent);
        add(&mut self.by_provider, spent.provider, spent);
    }
}

fn add(rows: &mut Vec<UsageRow>, name: Option<&str>, spent: &Spend<'_>) {
    let index = rows.iter().position(|row| row.name.as_deref() == name).unwrap_or_else(|| {
        let name = name.map(str::to_owned);
        let token_usage = TokenUsage::default();
        rows.push(UsageRow { name, agents: 0, token_usage, cost_usd: 0.0 });
        rows.len() - 1
    });
    let row = &mut rows[index];
    row.agents += spent.agents;
    row.token_usage += spent.tokens;
    dollars::add(&mut row.cost_usd, spent.cost_usd.unwrap_or(0.0));
}
