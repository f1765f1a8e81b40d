//! The state of a run.
//!
//! Owns: the states, and which one follows from the last entry of a journal. Never:
//! finds out whether a process holds a run.

use serde::{Deserialize, Serialize};

use crate::journal::{Body, RunEnd, StopReason};

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// A process holds it.
    Running,
    /// No process holds it, and the last one recorded no reason, because it was killed.
    /// Resumable.
    Interrupted,
    /// It was cancelled. Resumable.
    Cancelled,
    /// A limit or a time-out stopped it. Resumable.
    Paused,
    /// It has its result.
    Completed,
    /// The script failed.
    Failed,
    /// Its journal cannot be read.
    Damaged,
}

impl RunState {
    /// The state of a run whose journal ends with this entry.
    #[must_use]
    pub fn after(last: &Body, someone_holds_it: bool) -> Self {
        match last {
            Body::RunEnded { end: RunEnd::Completed { .. } } => Self::Completed,
            Body::RunEnded { end: RunEnd::Failed { .. } } => Self::Failed,
            _ if someone_holds_it => Self::Running,
            Body::EpochEnded { reason: StopReason::Cancelled, .. } => Self::Cancelled,
            Body::EpochEnded { .. } => Self::Paused,
            _ => Self::Interrupted,
        }
    }

    /// Its name in all documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Damaged => "damaged",
        }
    }

    /// Whether the run can be resumed.
    #[must_use]
    pub fn is_resumable(self) -> bool {
        matches!(self, Self::Interrupted | Self::Cancelled | Self::Paused)
    }
}
