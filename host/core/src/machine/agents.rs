//! Agents at work: which may begin, and what becomes of those that end.
//!
//! Owns: the circuit breaker and the budget. Never: retries; whoever drives the
//! agent asks [`crate::attempts`] for that.

use super::agent_state::{AgentRecord, MayBegin};
use super::{Body, CallId, Machine, Outcome, Reply, StopReason};
use crate::attempts::ShutProvider;
use crate::budget::{BudgetMode, Room};
use crate::guest::Failure;
use crate::limits::LimitError;
use crate::selector::Addressee;

impl Machine {
    /// Whether a call to this provider may begin.
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

    /// Notes that an agent was set to work, and whom the call went to where it does
    /// not tell by itself.
    pub fn dispatched(&mut self, call: CallId, to: Option<Addressee>, now_us: i64) {
        self.now_us = self.now_us.max(now_us);
        self.agent_state.working.insert(call);
        self.write(Body::AgentDispatched { call, to: to.map(Box::new) });
    }

    /// Notes something about an agent at work.
    pub fn record_agent(&mut self, call: CallId, record: AgentRecord, now_us: i64) {
        if !self.calls.contains_key(&call) {
            return;
        }
        self.now_us = self.now_us.max(now_us);
        self.write(record.into_body(call));
    }

    /// Reports that an agent has answered, or has failed for good.
    pub fn answered(&mut self, call: CallId, outcome: Outcome, reply: Reply) {
        self.agent_state.working.remove(&call);
        self.complete(call, outcome, Some(reply));
    }

    /// Reports that an agent failed because its provider answers nobody: no
    /// more calls go there, and this one stays open, so that it is made again
    /// when the run is resumed.
    pub fn park(&mut self, call: CallId, shut: ShutProvider, reply: Reply, now_us: i64) {
        self.agent_state.working.remove(&call);
        self.agent_state.ledger.count(&reply);
        if self.calls.contains_key(&call) {
            self.now_us = self.now_us.max(now_us);
            let failure = Failure::new(&shut.code, shut.message.clone());
            self.write(Body::AgentParked { call, failure, reply: Box::new(reply) });
        }
        // The first to say so says why.
        self.agent_state.shut.entry(shut.provider.clone()).or_insert(shut);
    }

    /// Why the run stops once no agent is at work: calls wait that may not
    /// begin.
    #[must_use]
    pub fn held_by(&self) -> Option<StopReason> {
        if let Some(shut) = self.agent_state.shut.values().next() {
            return Some(StopReason::Provider(shut.clone()));
        }
        self.over_budget().map(StopReason::from)
    }

    /// Whether agents at work are to be stopped, because the budget is spent
    /// and says so.
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
            Room::Unpriced => Some(LimitError::Unpriced { calls: ledger.unpriced() }),
            Room::Unmetered => Some(LimitError::Unmetered { calls: ledger.unmetered() }),
            Room::Free | Room::Later => None,
        }
    }
}
