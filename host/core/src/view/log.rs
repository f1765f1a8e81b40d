//! The log of a run: what scripts and the program said, and what happened.
//!
//! Owns: the last lines, each with its time, its step and its kind. Never: words for
//! people beyond those of the event.

use std::collections::VecDeque;

use serde::Serialize;

use crate::cut;

/// Lines kept: hours of a chatty run.
pub const LOG_LINES_MAX: usize = 10_000;

/// Bytes kept of a line: a few screen lines. The journal has the whole.
const LINE_BYTES_MAX: usize = 2 * 1024;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LogKind {
    /// A script called `log()`.
    Script,
    /// A warning.
    Warning,
    /// A script entered a phase: its title.
    Phase,
    /// A child workflow began: its name.
    Child,
    /// An agent failed: its label and the message.
    AgentFailed,
    /// A provider answers nobody: the label of the agent and the message.
    AgentParked,
    /// A child workflow failed: the message.
    ChildFailed,
    /// A slot of a group became null: the message.
    SlotNull,
    /// A question was asked.
    AskOpened,
    /// A question is settled: its label.
    AskSettled,
    /// A question was thrown into its script as a failure: its label and the message.
    AskFailed,
    /// An agent no longer waits for a permission: the label of the question.
    AskWithdrawn,
    /// A message from outside: its word.
    Message,
    /// A message from outside that had no effect: its word.
    MessageRefused,
    /// An agent has a message: the beginning of its text.
    Told,
    /// An agent ended before it had a message: the beginning of its text.
    ToldTooLate,
    /// A worktree was kept: its path.
    Worktree,
    /// The run is a fork: of which run.
    Forked,
    /// The run was taken up again: the number of the epoch.
    Resumed,
    /// The process let go of the run: why.
    Stopped,
    /// The run completed.
    Completed,
    /// The run failed: the message.
    Failed,
    /// An event of an unknown kind: its word.
    Other,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Something went wrong.
    Error,
    /// Something may be wrong.
    Warn,
    /// Everything else.
    Info,
}

impl LogKind {
    /// How much it matters.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::AgentFailed | Self::ChildFailed | Self::Failed => Level::Error,
            Self::Warning
            | Self::AskFailed
            | Self::MessageRefused
            | Self::ToldTooLate
            | Self::AgentParked
            | Self::SlotNull
            | Self::Stopped => Level::Warn,
            _ => Level::Info,
        }
    }
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// Number of its event.
    pub seq: u64,
    /// When, in milliseconds.
    pub at_ms: u64,
    /// The step that it is about, as the stream names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it is about.
    pub kind: LogKind,
    /// The text of the event, cut to a bound.
    pub text: String,
    /// Who caused it, if it came from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Number of the message from outside that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
}

impl LogLine {
    pub(super) fn new(
        seq: u64,
        at_ms: u64,
        step: Option<String>,
        kind: LogKind,
        text: &str,
        by: Option<String>,
    ) -> Self {
        // One byte more, so that a cut is marked.
        let text = cut::marked(cut::head(text, LINE_BYTES_MAX + 1).to_owned(), LINE_BYTES_MAX);
        Self { seq, at_ms, step, kind, text, by, message: None }
    }
}

/// The last lines.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    dropped: u64,
}

impl Log {
    /// The lines that are kept, oldest first.
    #[must_use]
    pub fn lines(&self) -> &VecDeque<LogLine> {
        &self.lines
    }

    /// Number of lines before those.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The last line is about this message from outside.
    pub(super) fn about_message(&mut self, number: u64) {
        if let Some(line) = self.lines.back_mut() {
            line.message = Some(number);
        }
    }

    pub(super) fn push(&mut self, line: LogLine) {
        if self.lines.len() >= LOG_LINES_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}
