//! The journal: the entries of a run, in order and append-only.
//!
//! Owns: the entries, their version, their text form and the chain of digests
//! that reveals a changed byte. Never: stores them, or decides which one comes next;
//! [`crate::machine`] does.
//!
//! A replay feeds the deliveries of a run ([`Body::ScopeStarted`], [`Body::Settled`],
//! [`Body::TimerFired`]) to fresh guests in journal order, and compares what they ask
//! for with the entries.

mod head;
mod parse;
mod record;
mod upgrade;
mod weight;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::event::Activity;
use crate::gate::{AnsweredBy, AskRequest};
use crate::guest::{NullSlot, ScriptError, Warning};
use crate::ids::{Digest, Scope, StepId, TimerId};
use crate::limits::Limits;
use crate::message::MessageTaken;
pub use crate::mismatch::Mismatch;
use crate::outcome::{Failure, Outcome};
use crate::refusal::RefusedCall;
use crate::reply::Reply;
use crate::reuse::ReusableAnswer;
use crate::selector::Addressee;
use crate::settlement::Substitute;
use crate::step::StepRequest;
use crate::step_request::AgentRequest;
pub use crate::stop::StopReason;
use crate::worktree::Worktree;
pub use head::{ForkReason, Parent, RunHead, ScopeStart};
pub use record::{Chain, Record, read, read_behind};
pub use upgrade::upgrade;

/// Version of the entries. A reader refuses a larger version, and upgrades entries of
/// a smaller one as it reads them.
///
/// The head of a run has the version of the program that started it. Each
/// `attempt_started` has the version of the entries after it, so the journal of a run
/// that a newer program resumed mixes versions.
pub const JOURNAL_FORMAT: u32 = 5;

/// The first format in which an epoch states its format.
pub const FORMAT_IN_EPOCHS: u32 = 3;

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Time in microseconds since 1970, by the clock of the writing machine.
    pub at_us: i64,
    /// Kind and fields.
    #[serde(flatten)]
    pub body: Body,
}

/// The kinds of entries, and their fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// The first entry of every journal.
    RunStarted(Box<RunHead>),
    /// An epoch begins: a process took the run up, for the first time or again.
    #[serde(rename = "attempt_started")]
    EpochStarted {
        /// Its number, from 1.
        #[serde(rename = "attempt")]
        epoch: u32,
        /// Limits in force during the epoch; a resume may raise them.
        limits: Limits,
        /// Build of the guest that runs it. Fuel is comparable within one build only.
        guest: Digest,
        /// Format of the entries from here on.
        #[serde(default = "before_epochs_said")]
        format: u32,
    },
    /// The head again, with a larger format, before the first epoch of that format.
    /// Programs before [`FORMAT_IN_EPOCHS`] look for a format only in heads, so this
    /// makes them refuse the run.
    #[serde(rename = "run_started", skip_deserializing)]
    FormatRaised(Box<RunHead>),
    /// In a fork: an answer of an earlier run, for a step of the same content. All such
    /// entries precede the start of the script.
    AnswerPooled(Box<ReusableAnswer>),
    /// Delivery: a script was started.
    ScopeStarted(Box<ScopeStart>),
    /// The script asked for a step.
    StepAsked {
        /// Number of the step; for a `workflow`, also that of the scope it opens.
        step: StepId,
        /// Scope of the script.
        scope: Scope,
        /// Kind and request of the step.
        #[serde(flatten)]
        asked: StepRequest,
    },
    /// A call was refused; the refusal was thrown into the script.
    CallRefused(Box<RefusedCall>),
    /// The script called `setTimeout()`.
    TimerSet {
        /// Its number.
        timer: TimerId,
        /// Scope of the script.
        scope: Scope,
        /// Length in held time: the time in which a process holds the run.
        milliseconds: f64,
    },
    /// The script called `clearTimeout()` on a timer that was open.
    TimerCleared {
        /// Number of the timer.
        timer: TimerId,
        /// Scope of the script.
        scope: Scope,
    },
    /// The script called `phase()`.
    PhaseSet {
        /// Scope of the script.
        scope: Scope,
        /// The script's text, cut to a bound.
        title: String,
    },
    /// The script called `log()`.
    Logged {
        /// Scope of the script.
        scope: Scope,
        /// The script's text, cut to a bound.
        message: String,
    },
    /// A throw made a slot of `parallel` or an item of `pipeline` null.
    SlotNulled {
        /// Scope of the script.
        scope: Scope,
        /// Which slot it is, and the error.
        slot: Box<NullSlot>,
    },
    /// The guest warns the author of something that does not stop the script.
    Warned {
        /// Scope of the script.
        scope: Scope,
        /// The warning.
        warning: Box<Warning>,
    },
    /// An agent was started for a step. After a crash the same step may be dispatched
    /// again.
    AgentDispatched {
        /// Number of the step.
        step: StepId,
        /// Who was asked, where the request and the head do not determine it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Box<Addressee>>,
    },
    /// An agent had answered when the epoch ended, but the answer had not been
    /// delivered: it is kept for the next epoch.
    AgentAnswered {
        /// Number of the step.
        step: StepId,
        /// Its outcome.
        outcome: Outcome,
        /// What the agent reported about itself.
        reply: Box<Reply>,
    },
    /// A question was answered. The outcome is kept until it is delivered.
    AskAnswered {
        /// Number of the step.
        step: StepId,
        /// Its outcome.
        outcome: Outcome,
        /// Who answered.
        answered: Box<AnsweredBy>,
    },
    /// An agent asked people for a permission. The question ends with its attempt.
    AgentAsked {
        /// Number of the step.
        step: StepId,
        /// What it asks for, and which of the step's questions it is.
        request: Box<AskRequest>,
    },
    /// A person answered an agent.
    AgentAskAnswered {
        /// Number of the step.
        step: StepId,
        /// Number of the question within the step.
        ask: u32,
        /// Whether the agent may.
        allowed: bool,
        /// Who answered.
        answered: Box<AnsweredBy>,
    },
    /// An agent no longer waits for an answer: its attempt ended, or it went on without.
    AgentAskWithdrawn {
        /// Number of the step.
        step: StepId,
        /// Number of the question within the step.
        ask: u32,
    },
    /// An agent failed for a reason that holds for every step of its provider: the
    /// step stays open, and is dispatched again in the next epoch.
    AgentParked {
        /// Number of the step.
        step: StepId,
        /// The failure.
        failure: Failure,
        /// What the agent reported about itself, including what it used.
        reply: Box<Reply>,
    },
    /// An agent named its session.
    AgentSession {
        /// Number of the step.
        step: StepId,
        /// Provider of the session.
        provider: String,
        /// The provider's own name of it.
        session_id: String,
    },
    /// What an agent was doing; at most one entry per second.
    AgentActivity(Activity),
    /// What became of a message to an agent. Each attempt is given it again.
    AgentTold {
        /// Number of the step.
        step: StepId,
        /// Number of the message.
        number: u64,
        /// Whether the agent ended before it was told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        too_late: bool,
    },
    /// The holder took a message from the inbox of the run.
    MessageTaken(Box<MessageTaken>),
    /// A step was cut off, and its worktree holds changes.
    WorktreeKept {
        /// Number of the step.
        step: StepId,
        /// The worktree, and what it holds.
        worktree: Box<Worktree>,
    },
    /// Delivery: the outcome of a step went to the script that asked for it.
    Settled {
        /// Number of the step.
        step: StepId,
        /// Its outcome.
        outcome: Outcome,
        /// What the agent reported about itself; none for other steps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Box<Reply>>,
        /// What the script was given in place of a failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given: Option<Substitute>,
    },
    /// Delivery: the time of a timer was up.
    TimerFired {
        /// Number of the timer.
        timer: TimerId,
        /// Scope of the script.
        scope: Scope,
    },
    /// A script had nothing more to run.
    TurnEnded {
        /// Scope of the script.
        scope: Scope,
        /// Units of fuel the turn used.
        fuel: u64,
        /// State of the script.
        state: TurnState,
    },
    /// The last entry of a run that is over; nothing follows it.
    RunEnded {
        /// The result or the error.
        end: RunEnd,
    },
    /// An epoch ends: the process let go of the run, which can be resumed.
    #[serde(rename = "attempt_ended")]
    EpochEnded {
        /// Why the process let go of the run.
        reason: StopReason,
        /// Units of fuel of the turn that was cut off with the epoch, which has no
        /// entry of its own.
        #[serde(default, skip_serializing_if = "is_zero")]
        fuel: u64,
    },
}

/// Format of an epoch that states none. Format 1 is read like 2.
fn before_epochs_said() -> u32 {
    FORMAT_IN_EPOCHS - 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// State of a script at the end of its turn. The result itself is in
/// [`Body::RunEnded`] or in the [`Body::Settled`] of the calling script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// It waits for a delivery.
    Pending,
    /// It has its result.
    Done,
    /// It threw an error.
    Failed,
}

/// How a run ended, for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunEnd {
    /// With this result, as JSON text.
    Completed {
        /// The result as JSON text.
        result: String,
        /// Steps that the script did not await; they were cut off.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        abandoned: Vec<StepId>,
    },
    /// The script failed.
    Failed {
        /// The error and its position.
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
        /// Format of the journal.
        found: u32,
    },
    /// The text of an entry is not an entry.
    #[error("entry {seq} of the journal cannot be read: {reason}")]
    Unreadable {
        /// Number of the entry, from 0.
        seq: u64,
        /// Message of the parser.
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
    /// An entry is where it must not be.
    #[error("entry {seq} of the journal, `{found}`, may not stand there: {reason}")]
    OutOfOrder {
        /// Number of the entry, from 0.
        seq: u64,
        /// Kind of the entry.
        found: &'static str,
        /// Which rule it breaks.
        reason: &'static str,
    },
}

impl JournalError {
    /// Its stable code.
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
    /// Its kind, as in the text form.
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
            Self::AskAnswered { .. } => "ask_answered",
            Self::AgentAsked { .. } => "agent_asked",
            Self::AgentAskAnswered { .. } => "agent_ask_answered",
            Self::AgentAskWithdrawn { .. } => "agent_ask_withdrawn",
            Self::AgentParked { .. } => "agent_parked",
            Self::AgentSession { .. } => "agent_session",
            Self::AgentActivity(_) => "agent_activity",
            Self::AgentTold { .. } => "agent_told",
            Self::MessageTaken(_) => "message_taken",
            Self::WorktreeKept { .. } => "worktree_kept",
            Self::Settled { .. } => "settled",
            Self::TimerFired { .. } => "timer_fired",
            Self::TurnEnded { .. } => "turn_ended",
            Self::RunEnded { .. } => "run_ended",
            Self::EpochEnded { .. } => "attempt_ended",
        }
    }

    /// The step that the script asked for, if this is such an entry.
    #[must_use]
    pub fn asked(&self) -> Option<(StepId, &StepRequest)> {
        match self {
            Self::StepAsked { step, asked, .. } => Some((*step, asked)),
            _ => None,
        }
    }

    /// The agent that the script asked for, if this is such an entry.
    #[must_use]
    pub fn asked_agent(&self) -> Option<(StepId, &Arc<AgentRequest>)> {
        let (step, asked) = self.asked()?;
        asked.agent().map(|request| (step, request))
    }

    /// Whether this entry is about a process, a message or a waiting answer, not about
    /// what the script did. A replay does not compare such entries.
    #[must_use]
    pub fn is_about_epochs(&self) -> bool {
        matches!(
            self,
            Self::EpochStarted { .. }
                | Self::FormatRaised(_)
                | Self::EpochEnded { .. }
                | Self::AgentDispatched { .. }
                | Self::AgentAnswered { .. }
                | Self::AskAnswered { .. }
                | Self::AgentAsked { .. }
                | Self::AgentAskAnswered { .. }
                | Self::AgentAskWithdrawn { .. }
                | Self::AgentParked { .. }
                | Self::AgentSession { .. }
                | Self::AgentActivity(_)
                | Self::AgentTold { .. }
                | Self::MessageTaken(_)
                | Self::WorktreeKept { .. }
                | Self::AnswerPooled(_)
        )
    }
}

#[cfg(test)]
mod tests;
