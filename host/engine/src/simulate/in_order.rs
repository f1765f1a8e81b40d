//! The schedule of a plan: every agent answers in turn.
//!
//! Owns: what a plan records of its one run. Never: makes an answer; the stubs do.

use std::collections::{BTreeMap, BTreeSet};

use smol_wf_core::guest::Outcome;
use smol_wf_core::ids::StepId;
use smol_wf_core::step_request::Reply;

use super::simulation::{PendingAgent, PendingAsk, Person, Pick, Scenario};
use super::stubs::Stubs;

/// Answers agents in the order in which they were asked. Sleeps end when no agent is at
/// work.
pub(super) struct InOrder<'a> {
    stubs: &'a mut Stubs,
    /// Most agents at work at once.
    pub(super) at_once: u32,
    /// Tokens of each answer.
    pub(super) answers: BTreeMap<StepId, u64>,
    /// Questions that people answered.
    pub(super) asks: BTreeSet<StepId>,
}

impl<'a> InOrder<'a> {
    pub(super) fn of(stubs: &'a mut Stubs) -> Self {
        Self { stubs, at_once: 0, answers: BTreeMap::new(), asks: BTreeSet::new() }
    }
}

impl Scenario for InOrder<'_> {
    fn pick(&mut self, working: &[&PendingAgent], asks: usize, _sleeping: bool) -> Pick {
        let count = u32::try_from(working.len()).unwrap_or(u32::MAX);
        self.at_once = self.at_once.max(count);
        match working {
            [] if asks > 0 => Pick::Ask(0),
            [] => Pick::Wake,
            _ => Pick::Answer(0),
        }
    }

    fn person(&mut self, ask: &PendingAsk) -> Person {
        self.asks.insert(ask.step);
        self.stubs.person(&ask.request)
    }

    fn answer(&mut self, asked: &PendingAgent) -> (Outcome, Reply) {
        let (outcome, reply) = self.stubs.answer(&asked.request);
        self.answers.insert(asked.step, reply.usage.output_tokens);
        (outcome, reply)
    }
}
