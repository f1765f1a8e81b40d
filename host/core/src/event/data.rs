//! The fields of events.
//!
//! Owns: the kinds of events and the fields of each, in the order of the stream.
//! Never: decides which entry becomes which event; the fold does.
//!
//! In the stream a kind is the word in `type`, and the fields are in `data`. Kinds
//! and fields are only ever added.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{AskOpened, AskSettled};
use crate::asks::RefusedAsk;
use crate::guest::{Failure, NullSlot, ScriptError, Warning};
use crate::ids::StepId;
use crate::journal::{Parent, StopReason};
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
}

/// Kinds of events, as the stream names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// See [`EventData::Forked`].
    Forked,
    /// See [`EventData::Resumed`].
    Resumed,
    /// See [`EventData::Started`].
    Started,
    /// See [`EventData::Phase`].
    Phase,
    /// See [`EventData::Log`].
    Log,
    /// See [`EventData::Warning`].
    Warning,
    /// See [`EventData::SlotNull`].
    SlotNull,
    /// See [`EventData::SleepStarted`].
    SleepStarted,
    /// See [`EventData::SleepEnded`].
    SleepEnded,
    /// See [`EventData::AskOpened`].
    AskOpened,
    /// See [`EventData::AskSettled`].
    AskSettled,
    /// See [`EventData::AgentStarted`].
    AgentStarted,
    /// See [`EventData::AgentEvent`].
    AgentEvent,
    /// See [`EventData::AgentSession`].
    AgentSession,
    /// See [`EventData::AgentParked`].
    AgentParked,
    /// See [`EventData::AgentCompleted`].
    AgentCompleted,
    /// See [`EventData::AgentFailed`].
    AgentFailed,
    /// See [`EventData::Message`].
    Message,
    /// See [`EventData::WorktreeKept`].
    WorktreeKept,
    /// A script returned: see [`EventData::Completed`] and
    /// [`EventData::ChildCompleted`].
    Result,
    /// A script failed: see [`EventData::Failed`] and [`EventData::ChildFailed`].
    Error,
    /// See [`EventData::Stopped`].
    Stopped,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; Self::Stopped as usize + 1] = [
        Self::Forked,
        Self::Resumed,
        Self::Started,
        Self::Phase,
        Self::Log,
        Self::Warning,
        Self::SlotNull,
        Self::SleepStarted,
        Self::SleepEnded,
        Self::AskOpened,
        Self::AskSettled,
        Self::AgentStarted,
        Self::AgentEvent,
        Self::AgentSession,
        Self::AgentParked,
        Self::AgentCompleted,
        Self::AgentFailed,
        Self::Message,
        Self::WorktreeKept,
        Self::Result,
        Self::Error,
        Self::Stopped,
    ];

    /// Its word in the stream.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Forked => "workflow.forked",
            Self::Resumed => "workflow.resumed",
            Self::Started => "workflow.started",
            Self::Phase => "workflow.phase",
            Self::Log => "workflow.log",
            Self::Warning => "workflow.warning",
            Self::SlotNull => "workflow.slot_null",
            Self::SleepStarted => "workflow.sleep_started",
            Self::SleepEnded => "workflow.sleep_ended",
            Self::AskOpened => "workflow.ask_opened",
            Self::AskSettled => "workflow.ask_settled",
            Self::AgentStarted => "workflow.agent_started",
            Self::AgentEvent => "workflow.agent_event",
            Self::AgentSession => "workflow.agent_session",
            Self::AgentParked => "workflow.agent_parked",
            Self::AgentCompleted => "workflow.agent_completed",
            Self::AgentFailed => "workflow.agent_failed",
            Self::Message => "workflow.message",
            Self::WorktreeKept => "workflow.worktree_kept",
            Self::Result => "workflow.result",
            Self::Error => "workflow.error",
            Self::Stopped => "workflow.stopped",
        }
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
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
            Self::AgentStarted(_) => EventKind::AgentStarted,
            Self::AgentEvent { .. } => EventKind::AgentEvent,
            Self::AgentSession { .. } => EventKind::AgentSession,
            Self::AgentParked(_) => EventKind::AgentParked,
            Self::AgentCompleted(_) => EventKind::AgentCompleted,
            Self::AgentFailed(_) => EventKind::AgentFailed,
            Self::Message(_) => EventKind::Message,
            Self::WorktreeKept(_) => EventKind::WorktreeKept,
            Self::Completed { .. } | Self::ChildCompleted { .. } => EventKind::Result,
            Self::Failed { .. } | Self::ChildFailed { .. } => EventKind::Error,
            Self::Stopped(_) => EventKind::Stopped,
        }
    }
}

/// A script that was started, as its `meta` describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScriptStarted {
    /// `meta.name`; null when `meta` has none.
    pub name: Value,
    /// `meta.description`.
    pub description: Value,
    /// `meta.phases`.
    pub phases: Value,
    /// Path of the script.
    pub script: String,
}

/// A warning about a script, or about how it was run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageEvent {
    /// The word of its kind; null if this program cannot read it.
    pub message: Option<&'static str>,
    /// Its number among the messages of the run, from 1.
    pub number: u64,
    /// The system's name of the user who posted it.
    pub by: String,
    /// The step that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The code of the reason why it had no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl MessageEvent {
    /// The event of a message that was taken.
    pub(super) fn of(taken: &MessageTaken) -> Self {
        let named = taken.message.as_ref().and_then(Message::step);
        Self {
            message: taken.message.as_ref().map(Message::word),
            number: taken.number,
            by: taken.by.clone(),
            step: taken.settles.as_ref().map(|settles| settles.step).or(named),
            refused: taken.refused.clone(),
        }
    }
}

/// An agent that was dispatched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<RefusedAsk>,
    /// The worktree that it left behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<Worktree>>,
    /// The step whose answer was reused, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused: Option<AnswerSource>,
}

/// An agent that answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentCompleted {
    /// The facts about it.
    #[serde(flatten)]
    pub agent: AgentEnded,
    /// The answer.
    pub output: Value,
}

/// An agent that failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
