//! The state of a step, as it is shown.
//!
//! Owns: the states and what follows from each. Never: which event leads to one.

use serde::Serialize;

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepState {
    /// It waits for room.
    Queued,
    /// An agent or a child workflow is at work.
    Working,
    /// It waits for an answer from outside.
    Waiting,
    /// A durable sleep.
    Sleeping,
    /// Its provider answers nobody; a resume asks again.
    Parked,
    /// It was cut off: with its process, by somebody, or because the run ended.
    Stopped,
    /// It failed, and the failure was thrown into the script.
    Failed,
    /// It failed, and the script was given null.
    Null,
    /// It has its outcome.
    Done,
    /// It took the answer of an earlier run.
    Reused,
}

impl StepState {
    /// All states.
    pub const ALL: [Self; Self::Reused as usize + 1] = [
        Self::Queued,
        Self::Working,
        Self::Waiting,
        Self::Sleeping,
        Self::Parked,
        Self::Stopped,
        Self::Failed,
        Self::Null,
        Self::Done,
        Self::Reused,
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Working => "working",
            Self::Waiting => "waiting",
            Self::Sleeping => "sleeping",
            Self::Parked => "parked",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Null => "null",
            Self::Done => "done",
            Self::Reused => "reused",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether many like steps in this state are shown as one row. What went wrong,
    /// waits for somebody or is at work is always shown.
    #[must_use]
    pub fn is_folded(self) -> bool {
        matches!(self, Self::Queued | Self::Done | Self::Reused)
    }
}
