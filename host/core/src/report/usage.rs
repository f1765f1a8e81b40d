//! Tokens and dollars by model and by provider.
//!
//! Owns: the sums. Never: a price; each reply in the journal has its cost.

use serde::{Deserialize, Serialize};

use crate::dollars;
use crate::step_request::Reply;

/// Most models or providers that are listed; the rest share one line. Scripts choose
/// the names, so their number has no bound.
const LISTED_MAX: usize = 100;

/// The name of the shared line.
const OTHERS: &str = "(others)";

/// Tokens of one or more steps.
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
    /// By model, in order of appearance, without steps whose model is unknown.
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
    /// Steps that used it.
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
    /// Counts a step; `is_unknown` if its cost is unknown.
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
