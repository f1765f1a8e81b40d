//! How a run stands.
//!
//! Owns: the states, and which one the end of a journal means. Never: asks who
//! holds a run.

use serde::{Deserialize, Serialize};

use crate::journal::{Body, RunEnd, StopReason};

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// A process works on it.
    Running,
    /// No process works on it, and none said why: it was killed. Resumable.
    Interrupted,
    /// Someone stopped it. Resumable.
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
    /// Of a run whose journal ends with this entry.
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

    /// As it is written everywhere.
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

    /// Whether `resume` can take it on.
    #[must_use]
    pub fn is_resumable(self) -> bool {
        matches!(self, Self::Interrupted | Self::Cancelled | Self::Paused)
    }
}
