//! Run-wide agent state: in flight, shut providers, spend.
//!
//! Owns: that data, and the form in which facts about an agent at work are recorded.
//! Never: decides by it; the machine does.

use std::collections::{BTreeMap, BTreeSet};

use crate::attempts::ShutProvider;
use crate::budget::Ledger;
use crate::event::Activity;
use crate::ids::StepId;
use crate::journal::Body;
use crate::worktree::Worktree;

/// Whether an agent may be started for a step now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayBegin {
    /// It may begin.
    Now,
    /// It must wait for another agent to end.
    Later,
    /// It may not begin in this epoch: its provider is shut.
    Shut,
    /// It may not begin in this epoch: the budget is spent.
    Spent,
}

/// A fact about an agent at work, to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentRecord {
    /// The agent named its session.
    Session {
        /// Provider of the session.
        provider: String,
        /// The provider's own name of it.
        session_id: String,
    },
    /// The agent reported what it is doing.
    Activity {
        /// A word for machines.
        kind: String,
        /// A line for people.
        text: String,
    },
    /// A message reached the agent, or came too late.
    Told {
        /// Number of the message.
        number: u64,
        /// Whether the agent ended before it was told.
        too_late: bool,
    },
    /// The agent was cut off, and its worktree holds changes.
    Worktree(Box<Worktree>),
}

impl AgentRecord {
    /// The journal entry about this step.
    #[must_use]
    pub fn into_body(self, step: StepId) -> Body {
        match self {
            Self::Session { provider, session_id } => {
                Body::AgentSession { step, provider, session_id }
            }
            Self::Activity { kind, text } => Body::AgentActivity(Activity { step, kind, text }),
            Self::Told { number, too_late } => Body::AgentTold { step, number, too_late },
            Self::Worktree(worktree) => Body::WorktreeKept { step, worktree },
        }
    }
}

/// Run-wide agent state.
#[derive(Debug, Default)]
pub(super) struct AgentState {
    /// Steps whose agents were dispatched and have not ended.
    pub(super) working: BTreeSet<StepId>,
    pub(super) shut: BTreeMap<String, ShutProvider>,
    pub(super) ledger: Ledger,
}

impl AgentState {
    /// The step was cut off.
    pub(super) fn cut(&mut self, step: StepId) {
        self.working.remove(&step);
    }
}
