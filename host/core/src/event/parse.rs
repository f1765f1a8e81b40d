//! Reads lines of event streams: of this program in any version, and of smol-workflows.
//!
//! Owns: the typed form of a line, and what is wrong with one. Never: opens a
//! file, numbers its lines, or judges whether lines fit each other; the reader does.
//!
//! An event of a kind that this program does not know becomes
//! [`EventData::Other`]: kinds are only ever added.

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Event, EventData, EventKind, Metadata, OtherEvent};
use crate::cut;
use crate::guest::ScriptError;
use crate::ids::RunId;
use crate::journal::StopReason;
use crate::limits::ACTIVITY_BYTES_MAX;

/// Most bytes of a line: a result of the largest size, in which every byte is escaped.
pub const EVENT_LINE_BYTES_MAX: usize = 6 * crate::limits::RESULT_BYTES_MAX;

/// The kind of an activity that another program recorded in a form of its own.
const FOREIGN: &str = "event";

/// A line of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLine {
    /// The event. Without a number it has 0, and so has the time of one without a time.
    pub event: Event,
    /// The id of its run as written. The event has it only if it is one of ours.
    pub run: Option<String>,
    /// Whether the line has a time.
    pub has_time: bool,
}

/// Why a line is not an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("column {column}: {fault}")]
pub struct EventLineError {
    /// Column from 1, in bytes.
    pub column: usize,
    /// What is wrong.
    pub fault: EventLineFault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventLineFault {
    /// It is too long.
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// It is not JSON.
    NotJson {
        /// The parser's reason.
        reason: String,
    },
    /// It is JSON, but not an object.
    NotAnObject,
    /// It has no `type`, or no `data`.
    Missing {
        /// Which of them.
        field: &'static str,
    },
    /// A field has the wrong type or lacks a part.
    Field {
        /// Which one.
        field: &'static str,
        /// The parser's reason.
        reason: String,
    },
}

impl fmt::Display for EventLineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "{bytes} bytes are more than the {EVENT_LINE_BYTES_MAX} of an event")
            }
            Self::NotJson { reason } => write!(f, "invalid JSON: {reason}"),
            Self::NotAnObject => f.write_str("not an object"),
            Self::Missing { field } => write!(f, "`{field}` is missing"),
            Self::Field { field, reason } => write!(f, "invalid `{field}`: {reason}"),
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    seq: Option<&'a RawValue>,
    #[serde(borrow, rename = "elapsedNanos")]
    elapsed_nanos: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnyMetadata {
    run_id: Option<String>,
    step_id: Option<String>,
    provider: Option<String>,
    session_id: Option<String>,
    workflow_depth: u32,
    parent_step_id: Option<String>,
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, and where.
pub fn event_line(text: &str) -> Result<EventLine, EventLineError> {
    if text.len() > EVENT_LINE_BYTES_MAX {
        let fault = EventLineFault::TooLong { bytes: text.len() };
        return Err(EventLineError { column: EVENT_LINE_BYTES_MAX, fault });
    }
    let line: Envelope<'_> = serde_json::from_str(text).map_err(|error| not_json(text, &error))?;
    if !text.trim_start().starts_with('{') {
        return Err(EventLineError { column: 1, fault: EventLineFault::NotAnObject });
    }
    let missing = |field| EventLineError { column: 1, fault: EventLineFault::Missing { field } };
    let kind_text = line.kind.ok_or_else(|| missing("type"))?;
    let kind: Cow<'_, str> = read(text, "type", kind_text)?;
    if kind.is_empty() {
        return Err(missing("type"));
    }
    let data = line.data.ok_or_else(|| missing("data"))?;
    let metadata: AnyMetadata =
        line.metadata.map(|raw| read(text, "metadata", raw)).transpose()?.unwrap_or_default();
    let seq = line.seq.map(|raw| read(text, "seq", raw)).transpose()?.unwrap_or(0);
    let time = line.elapsed_nanos.map(|raw| read(text, "elapsedNanos", raw)).transpose()?;
    let data = event_data(text, &kind, data, metadata.workflow_depth)?;
    let run = metadata.run_id;
    let ours = run.as_deref().and_then(|run| RunId::parse(run).ok());
    let metadata = Metadata {
        run_id: ours.unwrap_or_else(|| RunId::from_bits(0)),
        step_id: metadata.step_id,
        provider: metadata.provider,
        session_id: metadata.session_id,
        workflow_depth: metadata.workflow_depth,
        parent_step_id: metadata.parent_step_id,
    };
    let event = Event { seq, elapsed_nanos: time.unwrap_or(0), metadata, data };
    Ok(EventLine { event, run, has_time: time.is_some() })
}

fn not_json(text: &str, error: &serde_json::Error) -> EventLineError {
    if error.is_data() && !text.trim_start().starts_with('{') {
        return EventLineError { column: 1, fault: EventLineFault::NotAnObject };
    }
    let fault = EventLineFault::NotJson { reason: reason_of(error) };
    EventLineError { column: error.column().max(1), fault }
}

/// The parser's message without the place, with which it ends.
fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

/// Reads a part of a line.
fn read<T: DeserializeOwned>(
    line: &str,
    field: &'static str,
    raw: &RawValue,
) -> Result<T, EventLineError> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let within = (raw.get().as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
        let fault = EventLineFault::Field { field, reason: reason_of(&error) };
        EventLineError { column: within + error.column().max(1), fault }
    })
}

/// The fields of an event, by its kind.
fn event_data(
    line: &str,
    word: &str,
    raw: &RawValue,
    depth: u32,
) -> Result<EventData, EventLineError> {
    macro_rules! read {
        () => {
            read(line, "data", raw)
        };
    }
    Ok(match EventKind::from_word(word) {
        EventKind::Forked => EventData::Forked(read!()?),
        EventKind::Resumed => {
            let Resumed { attempt, budget } = read!()?;
            EventData::Resumed { attempt, budget }
        }
        EventKind::Started => EventData::Started(read!()?),
        EventKind::Phase => EventData::Phase { title: read::<Phase>(line, "data", raw)?.title },
        EventKind::Log => {
            let Log { message, of } = read!()?;
            EventData::Log { message, of }
        }
        EventKind::Warning => EventData::Warning(read!()?),
        EventKind::SlotNull => EventData::SlotNull(read!()?),
        EventKind::SleepStarted => {
            EventData::SleepStarted { milliseconds: read::<Sleep>(line, "data", raw)?.milliseconds }
        }
        EventKind::SleepEnded => EventData::SleepEnded {},
        EventKind::AskOpened => EventData::AskOpened(read!()?),
        EventKind::AskSettled => EventData::AskSettled(read!()?),
        EventKind::AgentQueued => EventData::AgentQueued(read!()?),
        EventKind::AgentStarted => EventData::AgentStarted(read!()?),
        EventKind::AgentEvent => activity(read!()?),
        EventKind::AgentSession => {
            EventData::AgentSession { session_id: read::<Session>(line, "data", raw)?.session_id }
        }
        EventKind::AgentTold => {
            let Told { number, too_late } = read!()?;
            EventData::AgentTold { number, too_late }
        }
        EventKind::AgentParked => EventData::AgentParked(read!()?),
        EventKind::AgentCompleted => EventData::AgentCompleted(read!()?),
        EventKind::AgentFailed => EventData::AgentFailed(read!()?),
        EventKind::Message => EventData::Message(read!()?),
        EventKind::WorktreeKept => EventData::WorktreeKept(read!()?),
        EventKind::Result => result(read!()?, depth),
        EventKind::Error => error(read!()?, depth),
        EventKind::Stopped => EventData::Stopped(stopped(read!()?)),
        EventKind::Other => {
            EventData::Other(Box::new(OtherEvent { kind: word.to_owned(), data: read!()? }))
        }
    })
}

#[derive(Deserialize)]
struct Resumed {
    attempt: u32,
    budget: Option<crate::budget::Allowance>,
}

#[derive(Deserialize)]
struct Phase {
    /// smol-workflows says `name`.
    #[serde(alias = "name")]
    title: String,
}

#[derive(Deserialize)]
struct Log {
    message: String,
    of: Option<EventKind>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    number: u64,
    too_late: bool,
}

#[derive(Deserialize)]
struct Sleep {
    milliseconds: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_id: String,
}

/// What an agent did. smol-workflows keeps the agent's own event.
fn activity(data: Value) -> EventData {
    let word = |key| data.get(key).and_then(Value::as_str);
    match (word("kind"), word("text")) {
        (Some(kind), Some(text)) => {
            EventData::AgentEvent { kind: kind.to_owned(), text: text.to_owned() }
        }
        _ => {
            let text = word("type").map_or_else(|| data.to_string(), str::to_owned);
            let text = cut::marked(text, ACTIVITY_BYTES_MAX);
            EventData::AgentEvent { kind: FOREIGN.to_owned(), text }
        }
    }
}

/// A script returned. smol-workflows says `results`.
fn result(mut data: Value, depth: u32) -> EventData {
    let mut take = |key| data.get_mut(key).map(Value::take);
    let workflow = take("workflow").and_then(|name| name.as_str().map(str::to_owned));
    let result = take("result").or_else(|| take("results")).unwrap_or_default();
    match (workflow, depth) {
        (None, 0) => EventData::Completed { result },
        (workflow, _) => {
            EventData::ChildCompleted { workflow: workflow.unwrap_or_default(), result }
        }
    }
}

/// A script failed. smol-workflows says `message` in place of `error`.
fn error(mut data: Value, depth: u32) -> EventData {
    let mut take = |key| data.get_mut(key).map(Value::take);
    let workflow = take("workflow").and_then(|name| name.as_str().map(str::to_owned));
    let error = take("error").unwrap_or_else(|| json!({ "message": take("message") }));
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |key: &str| {
        let number = error.get(key).and_then(Value::as_u64).unwrap_or(0);
        u32::try_from(number).unwrap_or(0)
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    if workflow.is_none() && depth == 0 {
        let error = ScriptError {
            code: text("code"),
            name: text("name"),
            message: text("message"),
            file: some(text("file")),
            line: number("line"),
            column: number("column"),
            stack: text("stack"),
            failure: some(text("failure")),
        };
        return EventData::Failed { error: Box::new(error) };
    }
    let mut failure = crate::outcome::Failure::new(text("code"), text("message"));
    failure.name = some(text("name"));
    failure.place = some(text("place"));
    EventData::ChildFailed { workflow: workflow.unwrap_or_default(), error: failure }
}

/// Why a process let go of a run. Newer programs may have further reasons.
fn stopped(data: Value) -> StopReason {
    let text = |key| data.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = Some(text("code")).filter(|code| !code.is_empty()).unwrap_or_else(|| text("reason"));
    let message = text("message");
    serde_json::from_value(data).unwrap_or_else(|_| StopReason::held(code, message))
}
