//! Agents at work: which may begin, and what happens when one ends.
//!
//! Owns: the circuit breaker and the budget. Never: retries; the engine asks
//! [`crate::attempts`] for that.

use super::agent_state::{AgentRecord, MayBegin};
use super::{Body, Machine, Outcome, Reply, StepId, StopReason};
use crate::attempts::ShutProvider;
use crate::budget::{BudgetMode, Room};
use crate::guest::Failure;
use crate::limits::LimitError;
use crate::selector::Addressee;
use crate::worktree::Worktree;

impl Machine {
    /// Whether an agent of this provider may begin.
    #[must_use]
    pub fn may_begin(&self, provider: &str) -> MayBegin {
        if self.agent_state.shut.contains_key(provider) {
            return MayBegin::Shut;
        }
        match self.room() {
            Room::Free => MayBegin::Now,
            Room::Later => MayBegin::Later,
            Room::Spent | Room::Unpriced | Room::Unmetered => MayBegin::Spent,
        }
    }

    /// Records that an agent was started for this step. `to` says who was asked, where
    /// the request does not.
    pub fn dispatched(&mut self, step: StepId, to: Option<Addressee>, now_us: i64) {
        self.now_us = self.now_us.max(now_us);
        self.agent_state.working.insert(step);
        self.write(Body::AgentDispatched { step, to: to.map(Box::new) });
    }

    /// Records a fact about an agent at work. Ignored if its step is no longer open.
    pub fn record_agent(&mut self, step: StepId, record: AgentRecord, now_us: i64) {
        if !self.steps.contains_key(&step) {
            return;
        }
        self.now_us = self.now_us.max(now_us);
        self.write(record.into_body(step));
    }

    /// Whether a step is open and has no outcome yet.
    #[must_use]
    pub fn awaits(&self, step: StepId) -> bool {
        self.steps.get(&step).is_some_and(|open| !open.completed)
    }

    /// Records the worktree of a step whose agent was cut off; ignored once the run has
    /// ended.
    pub fn keep_worktree(&mut self, step: StepId, worktree: Box<Worktree>, now_us: i64) {
        if self.end.is_none() {
            self.now_us = self.now_us.max(now_us);
            self.write(Body::WorktreeKept { step, worktree });
        }
    }

    /// Reports that an agent answered, or failed for good.
    pub fn answered(&mut self, step: StepId, outcome: Outcome, reply: Reply) {
        self.agent_state.working.remove(&step);
        self.complete(step, outcome, Some(reply));
    }

    /// Reports that an agent failed because its provider is unavailable. That provider
    /// gets no more steps in this epoch. This step stays open, so that a resume
    /// dispatches it again.
    pub fn park(&mut self, step: StepId, shut: ShutProvider, reply: Reply, now_us: i64) {
        self.agent_state.working.remove(&step);
        self.agent_state.ledger.count(&reply);
        if self.steps.contains_key(&step) {
            self.now_us = self.now_us.max(now_us);
            let failure = Failure::new(&shut.code, shut.message.clone());
            self.write(Body::AgentParked { step, failure, reply: Box::new(reply) });
        }
        // The first failure gives the reason.
        self.agent_state.shut.entry(shut.provider.clone()).or_insert(shut);
    }

    /// Why the waiting steps may not begin, so that the run must stop once no agent is
    /// at work; none if they may.
    #[must_use]
    pub fn held_by(&self) -> Option<StopReason> {
        if let Some(shut) = self.agent_state.shut.values().next() {
            return Some(StopReason::Provider(shut.clone()));
        }
        self.over_budget().map(StopReason::from)
    }

    /// Whether agents at work must be stopped: the budget is spent, and its mode is
    /// [`BudgetMode::Stop`].
    #[must_use]
    pub fn must_stop_agents(&self) -> bool {
        let stops = self.limits.budget.is_some_and(|budget| budget.mode == BudgetMode::Stop);
        stops && self.over_budget().is_some() && !self.agent_state.working.is_empty()
    }

    fn room(&self) -> Room {
        let Some(budget) = self.limits.budget else { return Room::Free };
        self.agent_state.ledger.room(budget.allowance, self.agent_state.working.len())
    }

    fn over_budget(&self) -> Option<LimitError> {
        let budget = self.limits.budget?.allowance;
        let ledger = &self.agent_state.ledger;
        match self.room() {
            Room::Spent => Some(LimitError::Budget { spent: ledger.spent(budget), budget }),
            Room::Unpriced => Some(LimitError::Unpriced { steps: ledger.unpriced() }),
            Room::Unmetered => Some(LimitError::Unmetered { steps: ledger.unmetered() }),
            Room::Free | Room::Later => None,
        }
    }
}
