//! Permissions that agents asked for and were refused.
//!
//! Owns: their number, and which are listed. Never: refuses a permission.

use serde::Serialize;

use super::open_asks::OpenAskReport;
use crate::asks::{ALLOW_ALL, RefusedAsk};
use crate::ids::StepId;
use crate::step_request::Reply;

/// Most steps that are listed; the refusals of the rest are only counted.
const LISTED_MAX: usize = 100;

/// The permissions that a run's agents were refused, and what its script asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsksReport {
    /// Number of refusals.
    pub refused: u64,
    /// The flags that allow them; empty when only the agents' own rules can.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub allow: &'static str,
    /// By step.
    pub steps: Vec<StepAsks>,
    /// Questions of the script, or of its agents, to people that wait for an answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<OpenAskReport>,
}

/// The permissions that one agent was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAsks {
    /// Number of the step.
    pub step: StepId,
    /// Label of the step.
    pub label: String,
    /// Provider of the agent.
    pub provider: String,
    /// The permissions, how often each was asked for, and what allows it.
    pub asks: Vec<RefusedAsk>,
}

impl AsksReport {
    /// Whether nothing was refused, and nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.refused == 0 && self.open.is_empty()
    }

    pub(super) fn add(&mut self, step: StepId, label: &str, reply: &Reply) {
        if reply.asks.is_empty() {
            return;
        }
        if reply.asks.iter().any(|one| !one.own_rules_only) {
            self.allow = ALLOW_ALL;
        }
        self.refused += reply.asks.iter().map(|one| u64::from(one.times)).sum::<u64>();
        if self.steps.len() < LISTED_MAX {
            let (label, provider) = (label.to_owned(), reply.provider.clone());
            self.steps.push(StepAsks { step, label, provider, asks: reply.asks.clone() });
        }
    }
}
