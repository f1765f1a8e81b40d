//! One run in a list.
//!
//! Owns: the summary of a run, readable or damaged. Never: reads a journal; the list does.

use serde::Serialize;
use smol_wf_core::ids::RunId;
use smol_wf_core::report::{RunState, TokenUsage};
use smol_wf_core::summary::{DailySpend, Summary};
use smol_wf_store::RunRow;

use crate::error::EngineError;
use crate::lease_holder::is_held;

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The run.
    pub run_id: RunId,
    /// `meta.name` of its script.
    pub name: String,
    /// Its state.
    pub state: RunState,
    /// The run that it is a fork of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<RunId>,
    /// The folder that its agents work in; none for a damaged run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// When its last entry was written, in milliseconds since 1970.
    pub updated_at_ms: i64,
    /// Number of entries of its journal.
    pub entries: u64,
    /// Number of epochs: how often a process began to work on it.
    pub attempts: u32,
    /// Number of steps.
    pub steps: u64,
    /// Number of agent steps.
    pub agents: u64,
    /// Tokens that its agents used.
    pub token_usage: TokenUsage,
    /// Known cost of its agents, in dollars.
    pub cost_usd: f64,
    /// Why its journal cannot be read; none for a readable run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// Tokens and dollars by provider, model and day.
    #[serde(skip)]
    pub spent: Vec<DailySpend>,
    /// When it was created, in microseconds since 1970.
    #[serde(skip)]
    pub created_at_us: i64,
}

/// The list entry of a run, from its row and summary.
pub(super) fn shown(row: &RunRow, summary: Summary) -> RunSummary {
    let is_over = matches!(summary.state, RunState::Completed | RunState::Failed);
    let state = if !is_over && is_held(row) { RunState::Running } else { summary.state };
    RunSummary {
        run_id: row.key.run.clone(),
        state,
        created_at_ms: summary.created_at_us / 1_000,
        updated_at_ms: summary.updated_at_us / 1_000,
        entries: row.entries,
        attempts: summary.epochs,
        steps: summary.steps,
        agents: summary.agents,
        token_usage: summary.tokens(),
        cost_usd: summary.cost_usd(),
        damage: None,
        created_at_us: row.created_at_us,
        cwd: Some(summary.cwd),
        name: summary.name,
        parent: summary.parent,
        spent: summary.spent,
    }
}

/// The list entry of a run whose journal is damaged, from its row alone.
pub(super) fn damaged(row: &RunRow, error: &EngineError) -> RunSummary {
    RunSummary {
        run_id: row.key.run.clone(),
        name: row.name.clone(),
        state: RunState::Damaged,
        parent: None,
        cwd: None,
        created_at_ms: row.created_at_us / 1_000,
        updated_at_ms: row.created_at_us / 1_000,
        entries: row.entries,
        attempts: 0,
        steps: 0,
        agents: 0,
        token_usage: TokenUsage::default(),
        cost_usd: 0.0,
        damage: Some(error.to_string()),
        created_at_us: row.created_at_us,
        spent: Vec::new(),
    }
}
