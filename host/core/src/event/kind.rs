//! The kinds of events.
//!
//! Owns: their words in the stream. Never: the fields of an event. Kinds are only ever
//! added.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Kinds of events, as the stream names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// See [`EventData::Forked`](super::EventData::Forked).
    Forked,
    /// See [`EventData::Resumed`](super::EventData::Resumed).
    Resumed,
    /// See [`EventData::Started`](super::EventData::Started).
    Started,
    /// See [`EventData::Phase`](super::EventData::Phase).
    Phase,
    /// See [`EventData::Log`](super::EventData::Log).
    Log,
    /// See [`EventData::Warning`](super::EventData::Warning).
    Warning,
    /// See [`EventData::SlotNull`](super::EventData::SlotNull).
    SlotNull,
    /// See [`EventData::SleepStarted`](super::EventData::SleepStarted).
    SleepStarted,
    /// See [`EventData::SleepEnded`](super::EventData::SleepEnded).
    SleepEnded,
    /// See [`EventData::AskOpened`](super::EventData::AskOpened).
    AskOpened,
    /// See [`EventData::AskSettled`](super::EventData::AskSettled).
    AskSettled,
    /// See [`EventData::AgentQueued`](super::EventData::AgentQueued).
    AgentQueued,
    /// See [`EventData::AgentStarted`](super::EventData::AgentStarted).
    AgentStarted,
    /// See [`EventData::AgentEvent`](super::EventData::AgentEvent).
    AgentEvent,
    /// See [`EventData::AgentSession`](super::EventData::AgentSession).
    AgentSession,
    /// See [`EventData::AgentTold`](super::EventData::AgentTold).
    AgentTold,
    /// See [`EventData::AgentParked`](super::EventData::AgentParked).
    AgentParked,
    /// See [`EventData::AgentCompleted`](super::EventData::AgentCompleted).
    AgentCompleted,
    /// See [`EventData::AgentFailed`](super::EventData::AgentFailed).
    AgentFailed,
    /// See [`EventData::Message`](super::EventData::Message).
    Message,
    /// See [`EventData::WorktreeKept`](super::EventData::WorktreeKept).
    WorktreeKept,
    /// A script returned: see [`EventData::Completed`](super::EventData::Completed) and
    /// [`EventData::ChildCompleted`](super::EventData::ChildCompleted).
    Result,
    /// A script failed: see [`EventData::Failed`](super::EventData::Failed) and
    /// [`EventData::ChildFailed`](super::EventData::ChildFailed).
    Error,
    /// See [`EventData::Stopped`](super::EventData::Stopped).
    Stopped,
    /// See [`EventData::Other`](super::EventData::Other). Not in [`Self::ALL`]: each has a
    /// word of its own.
    Other,
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
        Self::AgentQueued,
        Self::AgentStarted,
        Self::AgentEvent,
        Self::AgentSession,
        Self::AgentTold,
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
            Self::AgentQueued => "workflow.agent_queued",
            Self::AgentStarted => "workflow.agent_started",
            Self::AgentEvent => "workflow.agent_event",
            Self::AgentSession => "workflow.agent_session",
            Self::AgentTold => "workflow.agent_told",
            Self::AgentParked => "workflow.agent_parked",
            Self::AgentCompleted => "workflow.agent_completed",
            Self::AgentFailed => "workflow.agent_failed",
            Self::Message => "workflow.message",
            Self::WorktreeKept => "workflow.worktree_kept",
            Self::Result => "workflow.result",
            Self::Error => "workflow.error",
            Self::Stopped => "workflow.stopped",
            Self::Other => "other",
        }
    }

    /// The kind of this word; [`Self::Other`] if this program does not know it.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.word() == word).unwrap_or(Self::Other)
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_word(&Cow::<str>::deserialize(deserializer)?))
    }
}
