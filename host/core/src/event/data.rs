//! The fields of events.
//!
//! Owns: the kinds of events and the fields of each, in the order of the stream.
//! Never: decides which entry becomes which event; the fold does.
//!
//! In the stream a kind is the word in `type`, and the fields are in `data`. Kinds
//! and fields are only ever added.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{AskOpened, AskSettled, EventKind};
use crate::asks::RefusedAsk;
use crate::budget::Allowance;
use crate::guest::{Failure, NullSlot, ScriptError, Warning};
use crate::ids::StepId;
use crate::journal::{Parent, StopReason};
use crate::limit_changes::LimitChanges;
use crate::message::{Message, MessageTaken};
use crate::settlement::Substitute;
use crate::step_request::{AnswerSource, Usage};
use crate::worktree::Worktree;

/// Kind and fields of an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum EventData {
    /// The run is a fork, and reuses answers of another run.
    Forked(Parent),
    /// The run was resumed: another epoch begins.
    #[serde(rename_all = "camelCase")]
    Resumed {
        /// Number of the epoch, from 1.
        attempt: u32,
        /// What agents may spend from now on, if there is a budget.
        #[serde(skip_serializing_if = "Option::is_none")]
        budget: Option<Allowance>,
    },
    /// A script was started: the run's own, or a child's.
    Started(ScriptStarted),
    /// The script entered a phase.
    Phase {
        /// Title of the phase.
        title: String,
    },
    /// A line of the log.
    Log {
        /// The line.
        message: String,
        /// If no script wrote the line: the kind of the event that it repeats.
        #[serde(skip_serializing_if = "Option::is_none")]
        of: Option<EventKind>,
    },
    /// A warning for the author.
    Warning(EventWarning),
    /// A slot of a `parallel` or an item of a `pipeline` became null.
    SlotNull(Box<NullSlot>),
    /// A durable sleep began.
    SleepStarted {
        /// Its length.
        milliseconds: f64,
    },
    /// A durable sleep ended.
    SleepEnded {},
    /// A script asks people, or waits for an event from outside.
    AskOpened(Box<AskOpened>),
    /// That has its answer, or its time is up.
    AskSettled(Box<AskSettled>),
    /// A script asked for an agent, which waits for room.
    AgentQueued(Box<AgentQueued>),
    /// An agent was dispatched.
    AgentStarted(Box<AgentStarted>),
    /// What the agent is doing.
    AgentEvent {
        /// A word for machines, such as `text` or `tool`.
        kind: String,
        /// A line for people.
        text: String,
    },
    /// The agent named its session.
    #[serde(rename_all = "camelCase")]
    AgentSession {
        /// The provider's name of the session.
        session_id: String,
    },
    /// What became of a message to the agent.
    #[serde(rename_all = "camelCase")]
    AgentTold {
        /// Number of the message.
        number: u64,
        /// Whether the agent ended before it was told.
        too_late: bool,
    },
    /// The provider of the agent is unavailable for now; a resume asks again.
    AgentParked(Box<AgentParked>),
    /// The agent answered.
    AgentCompleted(Box<AgentCompleted>),
    /// The agent failed.
    AgentFailed(Box<AgentFailed>),
    /// The holder took a message from outside.
    Message(MessageEvent),
    /// The agent left a worktree behind.
    WorktreeKept(Box<Worktree>),
    /// The run completed.
    Completed {
        /// What its script returned.
        result: Value,
    },
    /// A child completed.
    ChildCompleted {
        /// The name or path that the script gave to `workflow()`.
        workflow: String,
        /// What it returned.
        result: Value,
    },
    /// The script of the run failed.
    Failed {
        /// The error.
        error: Box<ScriptError>,
    },
    /// A child failed.
    ChildFailed {
        /// The name or path that the script gave to `workflow()`.
        workflow: String,
        /// The error.
        error: Failure,
    },
    /// The epoch ended before the run did.
    Stopped(StopReason),
    /// An event of a kind that this program does not know, from a stream that was read.
    Other(Box<OtherEvent>),
}

impl EventData {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Forked(_) => EventKind::Forked,
            Self::Resumed { .. } => EventKind::Resumed,
            Self::Started(_) => EventKind::Started,
            Self::Phase { .. } => EventKind::Phase,
            Self::Log { .. } => EventKind::Log,
            Self::Warning(_) => EventKind::Warning,
            Self::SlotNull(_) => EventKind::SlotNull,
            Self::SleepStarted { .. } => EventKind::SleepStarted,
            Self::SleepEnded {} => EventKind::SleepEnded,
            Self::AskOpened(_) => EventKind::AskOpened,
            Self::AskSettled(_) => EventKind::AskSettled,
            Self::AgentQueued(_) => EventKind::AgentQueued,
            Self::AgentStarted(_) => EventKind::AgentStarted,
            Self::AgentEvent { .. } => EventKind::AgentEvent,
            Self::AgentSession { .. } => EventKind::AgentSession,
            Self::AgentTold { .. } => EventKind::AgentTold,
            Self::AgentParked(_) => EventKind::AgentParked,
            Self::AgentCompleted(_) => EventKind::AgentCompleted,
            Self::AgentFailed(_) => EventKind::AgentFailed,
            Self::Message(_) => EventKind::Message,
            Self::WorktreeKept(_) => EventKind::WorktreeKept,
            Self::Completed { .. } | Self::ChildCompleted { .. } => EventKind::Result,
            Self::Failed { .. } | Self::ChildFailed { .. } => EventKind::Error,
            Self::Stopped(_) => EventKind::Stopped,
            Self::Other(_) => EventKind::Other,
        }
    }
}

/// A script that was started, as its `meta` describes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScriptStarted {
    /// `meta.name`; null when `meta` has none.
    pub name: Value,
    /// `meta.description`.
    pub description: Value,
    /// `meta.phases`.
    pub phases: Value,
    /// Path of the script.
    pub script: String,
    /// What the agents of the run may spend, if there is a budget; not in a child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Allowance>,
}

/// A warning about a script, or about how it was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventWarning {
    /// Its stable code, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The warning, as a sentence.
    pub message: String,
    /// Where in a result it is, such as `result.items[2]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The step that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The author's line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Label of that step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl EventWarning {
    /// A warning that has only a message.
    pub(super) fn said(message: String) -> Self {
        Self { message, ..Self::default() }
    }

    /// The event of a recorded warning.
    pub(super) fn of(warning: &Warning, label: Option<String>) -> Self {
        let Warning { code, message, path, step, line, column } = warning;
        let place = |number: u32| (number > 0).then_some(number);
        Self {
            code: Some(code.clone()),
            message: message.clone(),
            path: path.clone(),
            step: *step,
            line: place(*line),
            column: place(*column),
            label,
        }
    }
}

/// A message from outside that the holder took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageEvent {
    /// The word of its kind; null if this program cannot read it.
    pub message: Option<Cow<'static, str>>,
    /// Its number among the messages of the run, from 1.
    pub number: u64,
    /// The system's name of the user who posted it.
    pub by: String,
    /// The step that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What the agent of the step is to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The code of the reason why it had no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The limits that it raises.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitChanges>,
}

impl MessageEvent {
    /// The event of a message that was taken.
    pub(super) fn of(taken: &MessageTaken) -> Self {
        let named = taken.message.as_ref().and_then(Message::step);
        Self {
            message: taken.message.as_ref().map(|message| Cow::Borrowed(message.word())),
            number: taken.number,
            by: taken.by.clone(),
            step: taken.settles.as_ref().map(|settles| settles.step).or(named),
            text: taken.message.as_ref().and_then(Message::text).map(str::to_owned),
            refused: taken.refused.clone(),
            limits: match &taken.message {
                Some(Message::Raise { limits }) => Some(*limits),
                _ => None,
            },
        }
    }
}

/// An agent that waits for room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentQueued {
    /// Label of the step.
    pub label: String,
    /// The phase that it belongs to.
    pub phase: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
}

/// An event of an unknown kind.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherEvent {
    /// Its word.
    pub kind: String,
    /// Its fields.
    pub data: Value,
}

/// Its fields alone: the word is the event's `type`.
impl Serialize for OtherEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.data.serialize(serializer)
    }
}

/// An agent that was dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStarted {
    /// Label of the step.
    pub label: String,
    /// The phase that it belongs to.
    pub phase: Option<String>,
    /// The model that was asked for.
    pub model: Option<String>,
    /// Its prompt.
    pub prompt: String,
    /// Number of this dispatch of the step, from 1.
    pub attempt: u32,
    /// The vendor of the model, where its selector named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
}

/// An agent whose provider is unavailable for now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentParked {
    /// Label of the step.
    pub label: String,
    /// The phase that it belongs to.
    pub phase: Option<String>,
    /// The failure.
    pub error: Failure,
    /// What it used until then.
    pub usage: Usage,
}

/// The facts about an agent that answered or failed. A field is null if the provider
/// did not report it or no agent was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentEnded {
    /// Label of the step.
    pub label: String,
    /// The phase that it belongs to.
    pub phase: Option<String>,
    /// Tokens of all attempts.
    pub usage: Option<Usage>,
    /// The model that answered.
    pub model: Option<String>,
    /// Milliseconds from dispatch to answer.
    pub duration_ms: Option<u64>,
    /// Dollars, if known.
    pub cost_usd: Option<f64>,
    /// Number of attempts.
    pub attempts: Option<u32>,
    /// Permissions that it asked for and was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<RefusedAsk>,
    /// The worktree that it left behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<Worktree>>,
    /// Number of messages that people gave to it while it worked.
    #[serde(default, skip_serializing_if = "is_no_count")]
    pub steered: u32,
    /// The step whose answer was reused, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused: Option<AnswerSource>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_no_count(number: &u32) -> bool {
    *number == 0
}

/// An agent that answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentCompleted {
    /// The facts about it.
    #[serde(flatten)]
    pub agent: AgentEnded,
    /// The answer.
    pub output: Value,
}

/// An agent that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentFailed {
    /// The facts about it.
    #[serde(flatten)]
    pub agent: AgentEnded,
    /// The failure.
    pub error: Failure,
    /// What the script was given in place of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Substitute>,
}
