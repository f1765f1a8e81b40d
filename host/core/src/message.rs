//! Messages to a run from outside: what someone asks of it, and why that is refused.
//!
//! Owns: the kinds of messages, their text form, and which of them fit a run as it
//! stands. Never: stores or delivers one, or knows who may post.
//!
//! A message waits in the inbox of its run until the holder takes it. The taking is an
//! entry of the journal, [`MessageTaken`], so that each message takes effect once.
//! Messages of an older program may wait for a newer one, so kinds and fields are only
//! ever added.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::codes::Code;
use crate::gate::AnswerRefusal;
use crate::ids::{Digest, StepId};
use crate::limit_changes::LimitChanges;
use crate::outcome::Outcome;

/// Most bytes of the name of who posted: longer than any system's.
pub const POSTER_BYTES_MAX: usize = 256;

/// Most events that a run keeps for scripts that have not waited for them yet: they stay
/// in memory while it is held.
pub const SIGNALS_KEPT_MAX: usize = 1_000;

/// Most bytes of the values of those events: thousands of usual ones.
pub const SIGNALS_KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of a message to an agent: many pages, and one frame of any agent's protocol.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Most messages to the agent of one step: each attempt at the step is given all of them.
pub const STEP_MESSAGES_MAX: usize = 100;

/// What someone outside asks of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Message {
    /// Begin nothing new, let agents at work finish, and let go of the run.
    Pause {
        /// Whether agents at work are cut off.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        now: bool,
    },
    /// Go on: every pause and cancellation before it is void.
    Continue {},
    /// Stop as Ctrl-C does. The run can be resumed.
    Cancel {},
    /// Fail an open step.
    Stop {
        /// Number of the step.
        step: StepId,
    },
    /// Run the agent of an open step from its beginning.
    Restart {
        /// Number of the step.
        step: StepId,
    },
    /// Tell the agent of an open step something while it works.
    Message {
        /// Number of the step.
        step: StepId,
        /// What it is told.
        text: String,
    },
    /// Raise limits. A limit that would go down stays.
    Raise {
        /// The new limits.
        limits: LimitChanges,
    },
    /// Answer an open question.
    Answer {
        /// Number of the step.
        step: StepId,
        /// Digest of what was asked. An answer to another question authorises nothing.
        digest: Digest,
        /// The answer as JSON text.
        value: String,
        /// A comment for the script.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Something happened outside, for a script that waits for it.
    Signal {
        /// The name that the script waits for.
        name: String,
        /// What happened, as JSON text.
        value: String,
    },
}

impl Message {
    /// The word of its kind.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Continue {} => "continue",
            Self::Cancel {} => "cancel",
            Self::Stop { .. } => "stop",
            Self::Restart { .. } => "restart",
            Self::Message { .. } => "message",
            Self::Raise { .. } => "raise",
            Self::Answer { .. } => "answer",
            Self::Signal { .. } => "signal",
        }
    }

    /// Its text form, as inboxes hold it.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The step that it names, if it names one.
    #[must_use]
    pub fn step(&self) -> Option<StepId> {
        match self {
            Self::Stop { step }
            | Self::Restart { step }
            | Self::Message { step, .. }
            | Self::Answer { step, .. } => Some(*step),
            _ => None,
        }
    }

    /// The text for an agent.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Message { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The answer or event that it brings, as JSON text.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Answer { value, .. } | Self::Signal { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Whether the holder lets go of the run for it.
    #[must_use]
    pub fn ends_epoch(&self) -> bool {
        matches!(self, Self::Pause { .. } | Self::Cancel {})
    }

    /// Whether agents at work are cut off for it.
    #[must_use]
    pub fn cuts_agents(&self) -> bool {
        matches!(self, Self::Pause { now: true } | Self::Cancel {})
    }
}

/// A message to an agent, as its provider gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentMessage {
    /// Its number among the messages of the run.
    pub number: u64,
    /// What the agent is told.
    pub text: Arc<str>,
    /// Whether an agent of this step had it in an earlier epoch. Then it has come in time,
    /// whatever the agents that follow hear of it.
    pub was_told: bool,
}

/// Refuses a text that no agent is told.
///
/// # Errors
/// When it says nothing, or is too long.
pub fn check_text(text: &str) -> Result<(), MessageRefusal> {
    if text.trim().is_empty() {
        return Err(MessageRefusal::Empty);
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(MessageRefusal::TooLong { bytes: text.len() });
    }
    Ok(())
}

/// A message as it lies in an inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// Its number among the messages of its run, from 1.
    pub number: u64,
    /// The system's name of the user who posted it.
    pub by: String,
    /// When it was posted, in microseconds since 1970.
    pub posted_us: i64,
    /// The message. A newer program may have posted a kind that this one cannot read.
    pub message: Result<Message, UnreadableMessage>,
}

/// The text of a message that this program cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableMessage(pub String);

impl Posted {
    /// Reads the text form of a message.
    #[must_use]
    pub fn read(number: u64, by: String, posted_us: i64, text: &str) -> Self {
        let message = serde_json::from_str(text);
        let message = message.map_err(|error| UnreadableMessage(error.to_string()));
        Self { number, by, posted_us, message }
    }
}

/// The entry of a message that the holder took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageTaken {
    /// Its number, as in [`Posted`].
    pub number: u64,
    /// Who posted it.
    pub by: String,
    /// When it was posted, in microseconds since 1970.
    pub posted_us: i64,
    /// The message; none when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Why it had no effect; none when it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The outcome that it gave to a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settles: Option<Settles>,
    /// The question that it answered; the answer is in an entry of its own, before this
    /// one. None for an event that nobody waits for yet: it is kept for the first who does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<StepId>,
}

/// The outcome that a message gave to a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settles {
    /// Number of the step.
    pub step: StepId,
    /// Its outcome, delivered as that of any other step.
    pub outcome: Outcome,
}

/// What became of a message to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The agent was not told yet, or its process ended before that was recorded.
    Waits,
    /// The agent was told.
    Told,
    /// The agent, its step or the run ended before it was told.
    TooLate,
}

impl Fate {
    /// What became of a message that an agent had, or had not when it ended.
    #[must_use]
    pub fn of(too_late: bool) -> Self {
        if too_late { Self::TooLate } else { Self::Told }
    }

    /// The same after more was heard of it. What an agent was told stays told, also if a
    /// later one ended before it heard of it.
    #[must_use]
    pub fn after(self, too_late: bool) -> Self {
        if self == Self::Told { self } else { Self::of(too_late) }
    }
}

/// Why a message does not fit a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageRefusal {
    /// The script has asked for fewer steps.
    #[error("there is no step {step}; the script has asked for {asked} so far")]
    StepUnknown {
        /// The step that was named.
        step: StepId,
        /// Number of steps so far.
        asked: usize,
    },
    /// The step has its outcome.
    #[error("step {step} has its outcome already")]
    StepSettled {
        /// The step that was named.
        step: StepId,
    },
    /// Only an agent can begin again, or be told something.
    #[error("step {step} is not an agent step")]
    NotAnAgent {
        /// The step that was named.
        step: StepId,
    },
    /// The program of the step's agent takes no messages while it works.
    #[error("the agent of step {step} takes no messages while it works")]
    TakesNoMessages {
        /// The step that was named.
        step: StepId,
    },
    /// The text says nothing.
    #[error("the message is empty")]
    Empty,
    /// The text is longer than an agent is told at once.
    #[error("the message has {bytes} bytes, and {TEXT_BYTES_MAX} is the most")]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// The step has as many messages as it may.
    #[error("step {step} has {STEP_MESSAGES_MAX} messages already, and that is the most")]
    StepFull {
        /// The step that was named.
        step: StepId,
    },
    /// The answer does not fit the question.
    #[error(transparent)]
    Answer(#[from] AnswerRefusal),
    /// Another answer to the same question waits to be taken.
    #[error("another answer to step {step} was posted before, and waits to be taken")]
    AnswerWaits {
        /// The step that was named.
        step: StepId,
    },
    /// The run keeps as many events as it may that nobody waits for.
    #[error("as many events as allowed already wait for this run: {SIGNALS_KEPT_MAX}, or 4 MiB")]
    SignalsFull,
    /// The run was taken up after the message was posted, or told to go on.
    #[error("the run was taken up or told to go on after this was posted")]
    Superseded,
    /// A newer program posted it.
    #[error("this program cannot read the message: {reason}")]
    Unreadable {
        /// Message of the parser.
        reason: String,
    },
}

impl MessageRefusal {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::StepUnknown { .. } => Code::StepUnknown,
            Self::StepSettled { .. } => Code::StepSettled,
            Self::NotAnAgent { .. } => Code::StepNotAnAgent,
            Self::TakesNoMessages { .. } => Code::AgentTakesNoMessages,
            Self::Empty => Code::MessageEmpty,
            Self::TooLong { .. } => Code::MessageTooLarge,
            Self::StepFull { .. } => Code::StepMessagesFull,
            Self::Answer(refusal) => refusal.code(),
            Self::AnswerWaits { .. } => Code::AskAnswered,
            Self::SignalsFull => Code::SignalsFull,
            Self::Superseded => Code::MessageSuperseded,
            Self::Unreadable { .. } => Code::MessageUnreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_and_unknown_ones_are_kept_apart() {
        let limits = LimitChanges { agents: Some(5), ..LimitChanges::default() };
        let answer = Message::Answer {
            step: StepId(3),
            digest: Digest::of(b"q"),
            value: "true".into(),
            comment: None,
        };
        let signal = Message::Signal { name: "merged".into(), value: "{}".into() };
        let all = [
            Message::Pause { now: false },
            Message::Pause { now: true },
            Message::Continue {},
            Message::Cancel {},
            Message::Stop { step: StepId(1) },
            Message::Restart { step: StepId(2) },
            Message::Message { step: StepId(4), text: "look".into() },
            Message::Raise { limits },
            answer,
            signal,
        ];
        for message in all {
            let text = message.to_text();
            assert!(text.contains(&format!("\"type\":\"{}\"", message.word())), "{text}");
            assert_eq!(Posted::read(1, "ann".into(), 0, &text).message, Ok(message));
        }
        let newer = Posted::read(1, "ann".into(), 0, r#"{"type":"dance"}"#);
        assert!(newer.message.unwrap_err().0.contains("dance"));
    }
}
