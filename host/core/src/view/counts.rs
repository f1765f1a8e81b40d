//! Sums over the steps below a node.
//!
//! Owns: how many steps are in which state, and what they used. Never: walks the tree;
//! every node has its own sums, so that reading them costs nothing.

use serde::Serialize;

use super::state::StepState;
use crate::reply::Usage;

/// Parts of a dollar in which costs are summed, so that the sum does not depend on
/// their order.
const PARTS: f64 = 1e9;

/// Number of steps in each state, and of those that are over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    states: [u32; StepState::ALL.len()],
    over: u32,
}

impl Tally {
    /// Number of steps in a state.
    #[must_use]
    pub fn get(&self, state: StepState) -> u32 {
        self.states[state as usize]
    }

    /// Number of steps.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.states.iter().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Number of steps that have an outcome, reused ones included.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.get(StepState::Done).saturating_add(self.get(StepState::Reused))
    }

    /// Number of steps that failed, whatever their scripts were given.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.get(StepState::Failed).saturating_add(self.get(StepState::Null))
    }

    /// Number of steps that are over, whatever came of them. One that was only cut off, and
    /// begins anew when its run is taken up, is not.
    #[must_use]
    pub fn over(&self) -> u32 {
        self.over
    }

    pub(super) fn settle(&mut self) {
        self.over = self.over.saturating_add(1);
    }

    pub(super) fn change(&mut self, from: Option<StepState>, to: StepState) {
        if let Some(from) = from {
            let count = &mut self.states[from as usize];
            *count = count.saturating_sub(1);
        }
        let count = &mut self.states[to as usize];
        *count = count.saturating_add(1);
    }
}

/// As an object with the states that some step is in.
impl Serialize for Tally {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let some = StepState::ALL.into_iter().filter(|&state| self.get(state) > 0);
        serializer.collect_map(some.map(|state| (state.word(), self.get(state))))
    }
}

/// Sums over the steps below a node, and the node itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All steps.
    pub steps: Tally,
    /// The agents among them.
    pub agents: Tally,
    /// Tokens of this run's agents that have ended or were parked.
    pub usage: Usage,
    /// What they cost, in billionths of a dollar.
    nanodollars: u64,
    /// Agents that have ended, and milliseconds of their work.
    worked: (u32, u64),
}

impl Counts {
    /// What the agents cost, as far as it is known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "money that is shown")]
    pub fn cost_usd(&self) -> f64 {
        self.nanodollars as f64 / PARTS
    }

    /// How long an agent worked that has ended, on average; none before the first.
    #[must_use]
    pub fn mean_work_ms(&self) -> Option<u64> {
        self.worked.1.checked_div(self.worked.0.into())
    }

    pub(super) fn worked(&mut self, took_ms: u64) {
        let (agents, all_ms) = &mut self.worked;
        *agents = agents.saturating_add(1);
        *all_ms = all_ms.saturating_add(took_ms);
    }

    pub(super) fn add(&mut self, usage: Usage, cost_usd: f64) {
        self.usage += usage;
        self.nanodollars = self.nanodollars.saturating_add(nanodollars(cost_usd));
    }
}

/// Garbage in a file may be negative or no number: `as` makes it 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn nanodollars(dollars: f64) -> u64 {
    (dollars * PARTS).round() as u64
}
