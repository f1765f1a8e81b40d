//! Tokens and dollars by model and by provider.
//!
//! Owns: the sums. Never: a price; the journal has those with each reply.

use serde::{Deserialize, Serialize};

use crate::dollars;
use crate::step_request::Reply;

/// Models and providers that are listed one by one; the rest is one line. Scripts
/// make up names, so their number has no bound.
const LISTED_MAX: usize = 100;

/// The name of that line.
const OTHERS: &str = "(others)";

/// Tokens of some calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

/// Tokens and dollars of a run, by model and by provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    /// By model, in order of appearance; calls that did not say are not here.
    pub by_model: Vec<UsageOf>,
    /// By provider, in order of appearance.
    pub by_provider: Vec<UsageOf>,
}

/// Tokens and dollars of one model or provider.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageOf {
    /// The model, or the provider.
    pub name: String,
    /// Calls that ended there.
    #[serde(rename = "calls")]
    pub steps: u64,
    /// Their tokens.
    pub token_usage: TokenUsage,
    /// Their dollars, as far as they are known.
    pub cost_usd: f64,
    /// Steps whose cost is unknown.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub cost_unknown_calls: u64,
}

impl UsageReport {
    /// Counts a call; `is_unknown` if its cost is unknown.
    pub(super) fn add(&mut self, reply: &Reply, is_unknown: bool) {
        if let Some(model) = &reply.model {
            add(&mut self.by_model, model, reply, is_unknown);
        }
        if !reply.provider.is_empty() {
            add(&mut self.by_provider, &reply.provider, reply, is_unknown);
        }
    }
}

fn add(list: &mut Vec<UsageOf>, name: &str, reply: &Reply, is_unknown: bool) {
    let known = list.iter().any(|of| of.name == name);
    let name = if known || list.len() < LISTED_MAX { name } else { OTHERS };
    let index = list.iter().position(|of| of.name == name).unwrap_or_else(|| {
        list.push(UsageOf { name: name.to_owned(), ..UsageOf::default() });
        list.len() - 1
    });
    let of = &mut list[index];
    of.steps += 1;
    of.token_usage += TokenUsage::of(reply.usage);
    dollars::add(&mut of.cost_usd, reply.cost_usd.unwrap_or(0.0));
    of.cost_unknown_calls += u64::from(is_unknown);
}
