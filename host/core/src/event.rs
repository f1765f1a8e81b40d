//! The event stream, as a fold over the journal.
//!
//! Owns: the stream's form. Never: prints or stores an event. Live and replayed
//! streams go through the same [`EventFold`], so they are equal.
//!
//! An [`Event`] is computed from a journal entry and can be computed again at any time.
//! An [`Activity`] is what an agent is doing now: most are only shown, some are
//! journaled.

mod ask;
mod data;
mod fold;
mod kind;
pub mod parse;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::ids::{RunId, StepId};
pub use ask::{AskOpened, AskSettled};
pub use data::{
    AgentCompleted, AgentEnded, AgentFailed, AgentParked, AgentQueued, AgentStarted, EventData,
    EventWarning, MessageEvent, OtherEvent, ScriptStarted,
};
pub use fold::EventFold;
pub use kind::EventKind;

/// Version of the stream. Fields and types are only ever added.
pub const EVENT_FORMAT: u32 = 1;

/// One line of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// From 1, without gaps, over the events of a run. An activity carries the
    /// number of the event before it.
    pub seq: u64,
    /// Nanoseconds since the run was created, by the clocks of the machines it ran on.
    pub elapsed_nanos: u64,
    /// The run and the step that it is about.
    pub metadata: Metadata,
    /// Kind and fields of the event.
    pub data: EventData,
}

impl Event {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.data.kind()
    }
}

/// With its version and its kind in front.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_struct("Event", 6)?;
        line.serialize_field("v", &EVENT_FORMAT)?;
        match &self.data {
            EventData::Other(other) => line.serialize_field("type", &other.kind)?,
            _ => line.serialize_field("type", &self.kind())?,
        }
        line.serialize_field("seq", &self.seq)?;
        line.serialize_field("elapsedNanos", &self.elapsed_nanos)?;
        line.serialize_field("metadata", &self.metadata)?;
        line.serialize_field("data", &self.data)?;
        line.end()
    }
}

/// The run and the step that an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Id of the run.
    pub run_id: RunId,
    /// Number of the step, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_id: Option<String>,
    /// Provider that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's own session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// 0, or 1 in a child workflow.
    pub workflow_depth: u32,
    /// Number of the `workflow` step that started this script, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_step_id: Option<String>,
}

/// What an agent is doing now. Most are only shown; a few are journaled, and only
/// those become events with a number of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Number of the step.
    pub step: StepId,
    /// A word for machines, such as `text` or `tool`.
    #[serde(rename = "what")]
    pub kind: String,
    /// A line for people.
    pub text: String,
}
