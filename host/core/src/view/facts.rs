//! What is known of a run as a whole.
//!
//! Owns: the data and their bounds. Never: sums over steps; the tree has those.

use crate::budget::{Allowance, Budget};
use crate::cut;
use crate::event::{MessageEvent, ScriptStarted};
use crate::ids::RunId;
use crate::journal::StopReason;
use crate::limits::Limits;

/// Bytes kept of a name or a path.
const NAME_BYTES_MAX: usize = 512;

/// Bytes kept of a description.
const DESCRIPTION_BYTES_MAX: usize = 2 * 1024;

/// Whether and how a run goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunStatus {
    /// No event has said so yet.
    #[default]
    NotStarted,
    /// A process holds it.
    Running,
    /// The process that held it is gone and said nothing; a reader of the store noticed.
    Interrupted,
    /// The process let go of it.
    Stopped(Box<StopReason>),
    /// It has its result.
    Completed,
    /// Its script failed.
    Failed,
}

impl RunStatus {
    /// Whether nothing will follow.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    /// The code of why it stopped, or the word of its state.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::NotStarted => "not_started",
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Stopped(reason) => reason.code(),
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// What is known of a run as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFacts {
    /// Its id; none in a stream of another program.
    pub run: Option<RunId>,
    /// `meta.name` of its script.
    pub name: String,
    /// `meta.description`.
    pub description: String,
    /// Path of the script.
    pub script: String,
    /// The run that it is a fork of.
    pub parent: Option<RunId>,
    /// Whether and how it goes on.
    pub status: RunStatus,
    /// Number of the epoch, from 1.
    pub epoch: u32,
    /// What its agents may spend.
    pub budget: Option<Allowance>,
    /// Who asked for a pause that has not taken effect yet.
    pub pausing: Option<String>,
    /// The beginning of its result.
    pub result: Option<String>,
    /// Why its script failed.
    pub error: Option<String>,
    /// When it began, in milliseconds.
    pub started_ms: Option<u64>,
    /// When the status last changed, in milliseconds.
    pub status_ms: u64,
}

impl RunFacts {
    pub(super) fn describe(&mut self, script: &ScriptStarted) {
        let text = |value: &serde_json::Value, bytes_max| {
            cut::marked(value.as_str().unwrap_or_default().to_owned(), bytes_max)
        };
        self.name = text(&script.name, NAME_BYTES_MAX);
        self.description = text(&script.description, DESCRIPTION_BYTES_MAX);
        self.script = cut::marked(script.script.clone(), NAME_BYTES_MAX);
        self.budget = script.budget;
    }

    pub(super) fn set(&mut self, status: RunStatus, at_ms: u64) {
        // Nothing follows the end of a run.
        if !self.status.is_over() {
            self.status = status;
            self.status_ms = at_ms;
            self.pausing = None;
        }
    }

    /// A message from outside that had an effect.
    pub(super) fn message(&mut self, message: &MessageEvent) {
        match message.message.as_deref() {
            Some("pause" | "cancel") => self.pausing = Some(message.by.clone()),
            Some("continue") => self.pausing = None,
            _ => {}
        }
        if let Some(limits) = message.limits {
            let budget =
                self.budget.map(|allowance| Budget { allowance, mode: Default::default() });
            let raised = limits.raising(Limits { budget, ..Limits::default() });
            self.budget = raised.budget.map(|budget| budget.allowance);
        }
    }
}
