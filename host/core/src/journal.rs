//! The journal: what is written down of a run, in order, for ever.
//!
//! Owns: the entries, their version, their text form and the chain of digests
//! that makes a changed byte visible. Never: stores them, and never decides
//! which one comes next; that is [`crate::machine`].
//!
//! A run is replayed by feeding its deliveries ([`Body::ScopeStarted`],
//! [`Body::Settled`], [`Body::TimerFired`]) to fresh guests in journal order and comparing what they
//! ask for with what is written.

mod head;
mod parse;
mod record;
mod upgrade;
mod weight;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::AgentRequest;
use crate::codes::Code;
use crate::event::Activity;
use crate::guest::{NullSlot, ScriptError, Warning};
use crate::ids::{CallId, Digest, Scope, TimerId};
use crate::limits::Limits;
pub use crate::mismatch::Mismatch;
use crate::outcome::{Failure, Outcome};
use crate::refusal::RefusedCall;
use crate::reply::Reply;
use crate::reuse::ReusableAnswer;
use crate::selector::Addressee;
use crate::settlement::Substitute;
use crate::step::StepRequest;
pub use crate::stop::StopReason;
use crate::worktree::Worktree;
pub use head::{ForkReason, Parent, RunHead, ScopeStart};
pub use record::{Chain, Record, read, read_behind};
pub use upgrade::upgrade;

/// Version of the entries. A reader refuses a larger one; what is written in a
/// smaller one is upgraded as it is read.
///
/// The head of a run has that of the program that started it, and each
/// `attempt_started` that of the entries behind it: a run that was resumed by
/// newer programs mixes formats.
pub const JOURNAL_FORMAT: u32 = 3;

/// The first format whose attempts say which they are of.
pub const FORMAT_IN_EPOCHS: u32 = 3;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in microseconds since 1970, by the clock of the writing machine.
    pub at_us: i64,
    /// What.
    #[serde(flatten)]
    pub body: Body,
}

/// What was written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// The first entry of every journal.
    RunStarted(Box<RunHead>),
    /// An epoch begins: a process took the run up, for the first time or again.
    #[serde(rename = "attempt_started")]
    EpochStarted {
        /// From 1.
        #[serde(rename = "attempt")]
        epoch: u32,
        /// Limits from here on; they may be raised on resume.
        limits: Limits,
        /// Which build of the guest runs it; fuel is comparable under one only.
        guest: Digest,
        /// Of the entries from here on.
        #[serde(default = "before_epochs_said")]
        format: u32,
    },
    /// The head again, with a larger format, in front of the attempt that brings
    /// it. Programs before [`FORMAT_IN_EPOCHS`] look for a format in heads alone,
    /// and refuse the run as they should.
    #[serde(rename = "run_started", skip_deserializing)]
    FormatRaised(Box<RunHead>),
    /// In a fork: an answer of an earlier run, for a call of the same content.
    /// All of them stand before the script starts.
    AnswerPooled(Box<ReusableAnswer>),
    /// Delivery: a script was started.
    ScopeStarted(Box<ScopeStart>),
    /// The script asked for a step.
    StepAsked {
        /// Its number; of a child workflow also that of the scope it opens.
        #[serde(rename = "step")]
        call: CallId,
        /// Which script.
        scope: Scope,
        /// What it asked for.
        #[serde(flatten)]
        asked: StepRequest,
    },
    /// A call was refused, and the script was thrown the refusal.
    CallRefused(Box<RefusedCall>),
    /// The script called `setTimeout()`.
    TimerSet {
        /// Its number.
        timer: TimerId,
        /// Which script.
        scope: Scope,
        /// Of held time: the time in which a process holds the run.
        milliseconds: f64,
    },
    /// The script called `clearTimeout()` on a timer that was open.
    TimerCleared {
        /// Which timer.
        timer: TimerId,
        /// Which script.
        scope: Scope,
    },
    /// The script called `phase()`.
    PhaseSet {
        /// Which script.
        scope: Scope,
        /// As the script said, cut to a bound.
        title: String,
    },
    /// The script called `log()`.
    Logged {
        /// Which script.
        scope: Scope,
        /// As the script said, cut to a bound.
        message: String,
    },
    /// A throw made a slot of `parallel` or an item of `pipeline` null.
    SlotNulled {
        /// Which script.
        scope: Scope,
        /// Where and why.
        slot: Box<NullSlot>,
    },
    /// The guest tells the author something that does not stop the script.
    Warned {
        /// Which script.
        scope: Scope,
        /// What.
        warning: Box<Warning>,
    },
    /// An agent was set to work on a call. Says something about processes, not
    /// about the run: a call may be dispatched again after a crash.
    AgentDispatched {
        /// Which call.
        #[serde(rename = "step")]
        call: CallId,
        /// Whom, where the call and the head alone do not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Box<Addressee>>,
    },
    /// An agent had answered when the process let go of the run, and its script
    /// was not told yet: the answer is kept for the next attempt.
    AgentAnswered {
        /// Which call.
        #[serde(rename = "step")]
        call: CallId,
        /// What it came to.
        outcome: Outcome,
        /// What the agent said of itself.
        reply: Box<Reply>,
    },
    /// An agent failed for a reason that holds for every call on its provider:
    /// the call stays open, and is made again in the next attempt.
    AgentParked {
        /// Which call.
        #[serde(rename = "step")]
        call: CallId,
        /// Why.
        failure: Failure,
        /// What the agent said of itself, and what it used.
        reply: Box<Reply>,
    },
    /// An agent named its session.
    AgentSession {
        /// Which call.
        #[serde(rename = "step")]
        call: CallId,
        /// Whose session.
        provider: String,
        /// The provider's own name of it.
        session_id: String,
    },
    /// What an agent was doing; not more than one a second.
    AgentActivity(Activity),
    /// A call was cut off, and something was left in its worktree.
    WorktreeKept {
        /// Which call.
        #[serde(rename = "step")]
        call: CallId,
        /// What, and where.
        worktree: Box<Worktree>,
    },
    /// Delivery: the outcome of a call went to the script that made it.
    Settled {
        /// Which call.
        #[serde(rename = "step")]
        call: CallId,
        /// What it came to.
        outcome: Outcome,
        /// What the agent said of itself, for agents.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Box<Reply>>,
        /// What the script was given instead, where it was not told of a failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Substitute>,
    },
    /// Delivery: the time of a timer was up.
    TimerFired {
        /// Which timer.
        timer: TimerId,
        /// Which script.
        scope: Scope,
    },
    /// A script had nothing more to run.
    TurnEnded {
        /// Which script.
        scope: Scope,
        /// Units of fuel the turn used.
        fuel: u64,
        /// How it stands.
        state: TurnState,
    },
    /// The last entry of a run that is over: nothing ever follows.
    RunEnded {
        /// How it ended.
        end: RunEnd,
    },
    /// An epoch ends: the process let go of the run, which can be resumed.
    #[serde(rename = "attempt_ended")]
    EpochEnded {
        /// Why.
        reason: StopReason,
        /// Units of fuel of the turn that was cut off with it, which has no entry
        /// of its own.
        #[serde(default, skip_serializing_if = "is_zero")]
        fuel: u64,
    },
}

/// Of an attempt that says none. Format 1 is read like 2.
fn before_epochs_said() -> u32 {
    FORMAT_IN_EPOCHS - 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a script stood when its turn ended. The result itself is in
/// [`Body::RunEnded`] or in the [`Body::Settled`] of the calling script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// It waits.
    Pending,
    /// It has its result.
    Done,
    /// It failed.
    Failed,
}

/// How a run ended, for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunEnd {
    /// With this result, as JSON text.
    Completed {
        /// JSON text.
        result: String,
        /// Calls that nobody awaited and that were cut off.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        abandoned: Vec<CallId>,
    },
    /// The script failed.
    Failed {
        /// Why, and where.
        error: ScriptError,
    },
}

/// A journal that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Written by a newer program.
    #[error("the journal has format {found}, and this program reads up to {JOURNAL_FORMAT}")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// The text of an entry is not an entry.
    #[error("entry {seq} of the journal cannot be read: {reason}")]
    Unreadable {
        /// Number of the entry, from 0.
        seq: u64,
        /// What the parser said.
        reason: String,
    },
    /// The entry or one before it was changed after it was written.
    #[error(
        "entry {seq} of the journal was changed after it was written: its digest does not fit, and nothing of it is used"
    )]
    Changed {
        /// Number of the entry, from 0.
        seq: u64,
    },
    /// An entry stands where it may not.
    #[error("entry {seq} of the journal, `{found}`, may not stand there: {reason}")]
    OutOfOrder {
        /// Number of the entry, from 0.
        seq: u64,
        /// Its kind.
        found: &'static str,
        /// Which rule it breaks.
        reason: &'static str,
    },
}

impl JournalError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Newer { .. } => Code::JournalNewer,
            Self::Unreadable { .. } => Code::JournalUnreadable,
            Self::Changed { .. } => Code::JournalChanged,
            Self::OutOfOrder { .. } => Code::JournalOutOfOrder,
        }
    }
}

impl Body {
    /// As `kind` in the text form.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted(_) | Self::FormatRaised(_) => "run_started",
            Self::EpochStarted { .. } => "attempt_started",
            Self::AnswerPooled(_) => "answer_pooled",
            Self::ScopeStarted(_) => "scope_started",
            Self::StepAsked { .. } => "step_asked",
            Self::CallRefused(_) => "call_refused",
            Self::TimerSet { .. } => "timer_set",
            Self::TimerCleared { .. } => "timer_cleared",
            Self::PhaseSet { .. } => "phase_set",
            Self::Logged { .. } => "logged",
            Self::SlotNulled { .. } => "slot_nulled",
            Self::Warned { .. } => "warned",
            Self::AgentDispatched { .. } => "agent_dispatched",
            Self::AgentAnswered { .. } => "agent_answered",
            Self::AgentParked { .. } => "agent_parked",
            Self::AgentSession { .. } => "agent_session",
            Self::AgentActivity(_) => "agent_activity",
            Self::WorktreeKept { .. } => "worktree_kept",
            Self::Settled { .. } => "settled",
            Self::TimerFired { .. } => "timer_fired",
            Self::TurnEnded { .. } => "turn_ended",
            Self::RunEnded { .. } => "run_ended",
            Self::EpochEnded { .. } => "attempt_ended",
        }
    }

    /// The step that the script asks for.
    #[must_use]
    pub fn asked(&self) -> Option<(CallId, &StepRequest)> {
        match self {
            Self::StepAsked { call, asked, .. } => Some((*call, asked)),
            _ => None,
        }
    }

    /// The agent that the script asks for.
    #[must_use]
    pub fn asked_agent(&self) -> Option<(CallId, &Arc<AgentRequest>)> {
        let (call, asked) = self.asked()?;
        asked.agent().map(|request| (call, request))
    }

    /// Whether this says something about processes, or about answers that wait,
    /// rather than about the script: such entries are passed over in a replay.
    #[must_use]
    pub fn is_about_epochs(&self) -> bool {
        matches!(
            self,
            Self::EpochStarted { .. }
                | Self::FormatRaised(_)
                | Self::EpochEnded { .. }
                | Self::AgentDispatched { .. }
                | Self::AgentAnswered { .. }
                | Self::AgentParked { .. }
                | Self::AgentSession { .. }
                | Self::AgentActivity(_)
                | Self::WorktreeKept { .. }
                | Self::AnswerPooled(_)
        )
    }
}

#[cfg(test)]
mod tests;
