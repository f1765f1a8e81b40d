//! Steps that wait for a time of the wall clock, or for people, and agents that wait for them.
//!
//! Owns: the sleeps and questions of a run, and settling those whose time is up. Never:
//! decides an outcome; the machine does.

use std::time::Duration;

use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::StepId;
use smol_wf_core::machine::Machine;

use crate::agent_asks::AgentAsks;
use crate::asks::OpenAsks;
use crate::clock;
use crate::sleeps::Sleeps;

/// The sleeps and questions of a run.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    sleeping: Sleeps,
    asks: OpenAsks,
    /// Those of agents at work.
    pub(crate) agents: AgentAsks,
}

impl Waits {
    /// Adds a sleep that ends at this wall-clock time, and after `left` at the latest.
    pub(crate) fn sleep(&mut self, step: StepId, wake_at_us: i64, left_us: u64) {
        self.sleeping.add(step, wake_at_us, Duration::from_micros(left_us));
    }

    /// Adds a question. `deadline_us` and `left_us` bound it as they do a sleep.
    pub(crate) fn ask(&mut self, step: StepId, deadline_us: Option<i64>, left_us: Option<u64>) {
        let left = left_us.map(Duration::from_micros);
        self.asks.add(step, deadline_us.zip(left));
    }

    /// Drops the sleep or question of a step.
    pub(crate) fn remove(&mut self, step: StepId) {
        self.sleeping.remove(step);
        self.asks.remove(step);
        self.agents.forget(step);
    }

    /// Drops all of them.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Time until the first one ends.
    pub(crate) fn next(&self, now_us: i64) -> Option<Duration> {
        [self.sleeping.next(now_us), self.asks.next_deadline(now_us)].into_iter().flatten().min()
    }

    /// When the first one ends by the wall clock, in microseconds since 1970.
    pub(crate) fn wakes_at_us(&self) -> Option<i64> {
        [self.sleeping.wakes_at_us(), self.asks.deadline_us()].into_iter().flatten().min()
    }

    /// Whether no sleep is under way.
    pub(crate) fn has_no_sleep(&self) -> bool {
        self.sleeping.is_empty()
    }

    /// The questions, if there are only questions.
    pub(crate) fn only_asks(&self) -> Option<&OpenAsks> {
        (self.sleeping.is_empty() && !self.asks.is_empty()).then_some(&self.asks)
    }

    /// Settles sleeps that are over, and questions whose time is up.
    pub(crate) fn settle_over(&mut self, machine: &mut Machine) {
        let now_us = clock::now_us();
        for step in self.sleeping.over(now_us) {
            machine.complete(step, Outcome::Value("null".to_owned()), None);
        }
        for step in self.asks.timed_out(now_us) {
            machine.ask_timed_out(step);
        }
    }
}
