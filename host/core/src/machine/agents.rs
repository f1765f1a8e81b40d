//! Agents at work: which may begin, and what becomes of those that end.
//!
//! Owns: the circuit breaker and the budget. Never: retries; whoever drives the
//! agent asks [`crate::attempts`] for that.

use std::collections::BTreeMap;

use super::{Body, CallId, Machine, Outcome, Reply, StopReason};
use crate::attempts::ShutProvider;
use crate::budget::{BudgetMode, Room};
use crate::event::Activity;
use crate::guest::Failure;
use crate::limits::LimitError;
use crate::selector::Addressee;
use crate::worktree::Worktree;

/// Whether a call may be given to an agent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayBegin {
    /// Yes.
    Now,
    /// Not before another has ended.
    Later,
    /// Not in this attempt: its provider is shut.
    Shut,
    /// Not in this attempt: no call may begin any more.
    Spent,
}

/// What is written down of an agent at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// It named its session.
    Session {
        /// Whose.
        provider: String,
        /// The provider's own name of it.
        session_id: String,
    },
    /// What it is doing.
    Activity {
        /// A word for machines.
        kind: String,
        /// A line for people.
        text: String,
    },
    /// It was cut off, and left something behind.
    Worktree(Box<Worktree>),
}

impl Noted {
    /// As it is written down.
    #[must_use]
    pub fn into_body(self, call: CallId) -> Body {
        match self {
            Self::Session { provider, session_id } => {
                Body::AgentSession { call, provider, session_id }
            }
            Self::Activity { kind, text } => Body::AgentActivity(Activity { call, kind, text }),
            Self::Worktree(worktree) => Body::WorktreeKept { call, worktree },
        }
    }
}

/// What a run has to say about its agents that is not about one call.
#[derive(Debug, Default)]
pub(super) struct AgentBook {
    /// Dispatched, and not ended.
    working: std::collections::BTreeSet<CallId>,
    shut: BTreeMap<String, ShutProvider>,
    pub(super) ledger: crate::budget::Ledger,
}

impl AgentBook {
    /// Nobody waits for this call any more.
    pub(super) fn cut(&mut self, call: CallId) {
        self.working.remove(&call);
    }
}

impl Machine {
    /// Whether a call to this provider may begin.
    #[must_use]
    pub fn may_begin(&self, provider: &str) -> MayBegin {
        if self.agent_book.shut.contains_key(provider) {
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
        self.agent_book.working.insert(call);
        self.write(Body::AgentDispatched { call, to: to.map(Box::new) });
    }

    /// Notes something about an agent at work.
    pub fn noted(&mut self, call: CallId, noted: Noted, now_us: i64) {
        if !self.calls.contains_key(&call) {
            return;
        }
        self.now_us = self.now_us.max(now_us);
        self.write(noted.into_body(call));
    }

    /// Reports that an agent has answered, or has failed for good.
    pub fn answered(&mut self, call: CallId, outcome: Outcome, reply: Reply) {
        self.agent_book.working.remove(&call);
        self.complete(call, outcome, Some(reply));
    }

    /// Reports that an agent failed because its provider answers nobody: no
    /// more calls go there, and this one stays open, so that it is made again
    /// when the run is resumed.
    pub fn park(&mut self, call: CallId, shut: ShutProvider, reply: Reply, now_us: i64) {
        self.agent_book.working.remove(&call);
        self.agent_book.ledger.count(&reply);
        if self.calls.contains_key(&call) {
            self.now_us = self.now_us.max(now_us);
            let failure = Failure::new(&shut.code, shut.message.clone());
            self.write(Body::AgentParked { call, failure, reply: Box::new(reply) });
        }
        // The first to say so says why.
        self.agent_book.shut.entry(shut.provider.clone()).or_insert(shut);
    }

    /// Why the run stops once no agent is at work: calls wait that may not
    /// begin.
    #[must_use]
    pub fn held_by(&self) -> Option<StopReason> {
        if let Some(shut) = self.agent_book.shut.values().next() {
            return Some(StopReason::Provider(shut.clone()));
        }
        self.over_budget().map(StopReason::from)
    }

    /// Whether agents at work are to be stopped, because the budget is spent
    /// and says so.
    #[must_use]
    pub fn must_stop_agents(&self) -> bool {
        let stops = self.limits.budget.is_some_and(|budget| budget.mode == BudgetMode::Stop);
        stops && self.over_budget().is_some() && !self.agent_book.working.is_empty()
    }

    fn room(&self) -> Room {
        let Some(budget) = self.limits.budget else { return Room::Free };
        self.agent_book.ledger.room(budget.allowance, self.agent_book.working.len())
    }

    fn over_budget(&self) -> Option<LimitError> {
        let budget = self.limits.budget?.allowance;
        let ledger = &self.agent_book.ledger;
        match self.room() {
            Room::Spent => Some(LimitError::Budget { spent: ledger.spent(budget), budget }),
            Room::Unpriced => Some(LimitError::Unpriced { calls: ledger.unpriced() }),
            Room::Unmetered => Some(LimitError::Unmetered { calls: ledger.unmetered() }),
            Room::Free | Room::Later => None,
        }
    }
}
