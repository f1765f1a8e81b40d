//! What a run has to say about its agents.
//!
//! Owns: which are at work, which providers are shut, and what was spent. Never:
//! decides by it; the machine does.

use std::collections::{BTreeMap, BTreeSet};

use crate::attempts::ShutProvider;
use crate::budget::Ledger;
use crate::event::Activity;
use crate::ids::CallId;
use crate::journal::Body;
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
pub enum AgentRecord {
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

impl AgentRecord {
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
pub(super) struct AgentState {
    /// Dispatched, and not ended.
    pub(super) working: BTreeSet<CallId>,
    pub(super) shut: BTreeMap<String, ShutProvider>,
    pub(super) ledger: Ledger,
}

impl AgentState {
    /// Nobody waits for this call any more.
    pub(super) fn cut(&mut self, call: CallId) {
        self.working.remove(&call);
    }
}
