//! A run in detail, as a fold over its journal: its epochs, and for each step its
//! request, times and cost.
//!
//! Owns: the data behind `history`, `diff` and the exported traces. Never: copies a
//! prompt or an answer; it borrows the journal.

use serde::{Serialize, Serializer};

use crate::guest::{Failure, Outcome};
use crate::ids::{Digest, Scope, StepId};
use crate::journal::{Body, Entry, RunEnd, RunHead, ScopeStart, StopReason};
use crate::limits::Limits;
use crate::report::{NoHead, StepLabel, TokenUsage};
use crate::settlement::Substitute;
use crate::step::{StepKind, StepRequest};
use crate::step_request::{AnswerSource, Reply};
use crate::steps::Steps;
use crate::worktree::Worktree;

mod fold;
mod messages;
mod options;
mod permissions;
mod spend;

pub use crate::message::Fate;
pub use messages::StepMessage;
pub use options::StepOptions;
pub use permissions::{PermissionDetails, PermissionState};
pub use spend::{Spend, UsageRow, UsageTables};

/// A run in detail.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details<'a> {
    /// When the run was created.
    #[serde(rename = "createdAtMs", serialize_with = "ms")]
    pub created_at_us: i64,
    /// Time of its last entry.
    #[serde(rename = "updatedAtMs", serialize_with = "ms")]
    pub updated_at_us: i64,
    /// The folder in which its agents work.
    pub cwd: &'a str,
    /// Path of its script.
    pub script: &'a str,
    /// Digest of the script's text.
    pub script_digest: &'a Digest,
    /// Provider of steps that name none.
    pub provider: &'a str,
    /// Seed of everything random in it.
    pub seed: u64,
    /// Output tokens that the script saw as `budget.total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// The epochs of the run.
    #[serde(rename = "attempts")]
    pub epochs: Vec<Epoch<'a>>,
    /// Its steps, in the order of their numbers.
    pub steps: Vec<StepDetails<'a>>,
    /// Tokens and dollars by phase, model and provider.
    pub usage: UsageTables,
    /// The head of its journal.
    #[serde(skip)]
    pub head: &'a RunHead,
    /// Its scripts, in the order in which they were started.
    #[serde(skip)]
    pub scripts: Vec<&'a ScopeStart>,
    /// Phases and log lines, in order.
    #[serde(skip)]
    pub notes: Vec<ScriptNote<'a>>,
    /// Spend of its agents, in order.
    #[serde(skip)]
    pub spent: Vec<Spend<'a>>,
    /// How it ended; none if it has not.
    #[serde(skip)]
    pub end: Option<&'a RunEnd>,
}

/// One epoch: the time in which one process held the run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Epoch<'a> {
    /// Its number, from 1.
    #[serde(rename = "attempt")]
    pub number: u32,
    /// When it began.
    #[serde(rename = "startedAtMs", serialize_with = "ms")]
    pub started_at_us: i64,
    /// Time of its last entry.
    #[serde(rename = "endedAtMs", serialize_with = "ms")]
    pub ended_at_us: i64,
    /// How it ended.
    pub ended: EpochEnd,
    /// The message of the limit or provider that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
    /// The recorded reason; none if it was killed or the run ended.
    #[serde(skip)]
    pub stop: Option<&'a StopReason>,
    /// Limits in force.
    pub limits: Limits,
    /// Build of the guest.
    pub guest: &'a Digest,
}

/// How an epoch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EpochEnd {
    /// It has not ended: the process holds the run.
    Running,
    /// The process died without recording why.
    Killed,
    /// It was cancelled.
    Cancelled,
    /// Somebody paused it.
    Paused,
    /// The time of `--timeout` was up.
    TimedOut,
    /// The run hit a limit.
    Limit,
    /// A provider became unavailable.
    Provider,
    /// Only questions to people were open.
    Waiting,
    /// The run has its result.
    Completed,
    /// The script failed.
    Failed,
}

impl EpochEnd {
    /// Its name in texts for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Killed => "killed",
            Self::Cancelled => "cancelled",
            Self::Paused => "paused",
            Self::TimedOut => "timed out",
            Self::Limit => "limit",
            Self::Provider => "provider",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It waits until an agent may begin, or until the run is resumed.
    Queued,
    /// It is being worked on.
    Running,
    /// Its answer is kept for the next epoch.
    Answered,
    /// Its answer went to the script.
    Completed,
    /// Its failure went to the script.
    Failed,
    /// The script ended without awaiting it.
    Abandoned,
}

impl StepState {
    /// Its name in all documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Answered => "answered",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A span of time in which a step was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Its beginning, in microseconds since 1970.
    pub from_us: i64,
    /// Its end, or the last known time if it was cut off.
    pub to_us: i64,
}

/// One step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepDetails<'a> {
    /// Number of the step.
    pub step: StepId,
    /// Its kind.
    pub kind: StepKind,
    /// Scope of the script that asked.
    pub scope: Scope,
    /// Its label.
    #[serde(flatten)]
    pub label: StepLabel,
    /// The phase it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'a str>,
    /// Its state.
    pub state: StepState,
    /// Provider that answered, or will be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<&'a str>,
    /// The model that answered, else the one that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
    /// The provider's own session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<&'a str>,
    /// How it was isolated from other agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<&'a str>,
    /// The options that restrict or extend its agent, as far as they were given.
    #[serde(skip_serializing_if = "StepOptions::is_empty")]
    pub options: StepOptions<'a>,
    /// When the script asked for it.
    #[serde(rename = "calledAtMs", serialize_with = "ms")]
    pub asked_at_us: i64,
    /// When it was dispatched first.
    #[serde(rename = "startedAtMs", serialize_with = "ms_or_null")]
    pub started_at_us: Option<i64>,
    /// When its outcome went to the script.
    #[serde(rename = "endedAtMs", serialize_with = "ms_or_null")]
    pub ended_at_us: Option<i64>,
    /// Milliseconds from dispatch to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How often it was dispatched: more than once after a crash or when it was parked.
    pub dispatches: u32,
    /// Attempts of its last dispatch: 2 when the first attempt failed and the second
    /// did not. 0 until it is answered.
    pub attempts: u32,
    /// How often it was parked until the next epoch because its provider was
    /// unavailable.
    #[serde(skip_serializing_if = "is_zero")]
    pub parked: u32,
    /// How often the provider was asked: 2 after a correction.
    pub rounds: u32,
    /// Number of messages that people gave to its agent while it worked.
    #[serde(skip_serializing_if = "is_zero")]
    pub steered: u32,
    /// Those messages, and what became of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<StepMessage<'a>>,
    /// The step whose answer it reused, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused: Option<&'a AnswerSource>,
    /// Tokens it used, over all dispatches; 0 when its answer was reused.
    pub token_usage: TokenUsage,
    /// Dollars it cost, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Source of the cost: `provider`, or `prices:` and the version of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_source: Option<&'a str>,
    /// The worktree that it left behind last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worktree: Option<&'a Worktree>,
    /// Why it failed, or why it waits for its provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a Failure>,
    /// What the script was given in place of its failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Substitute>,
    /// What its agent is doing, if that was journaled; none when it is not at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doing: Option<&'a str>,
    /// The permissions that its agent asked people for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<PermissionDetails<'a>>,
    /// The request.
    #[serde(skip)]
    pub asked: &'a StepRequest,
    /// Its outcome.
    #[serde(skip)]
    pub outcome: Option<&'a Outcome>,
    /// What the agent reported about itself.
    #[serde(skip)]
    pub reply: Option<&'a Reply>,
    /// When it was worked on.
    #[serde(skip)]
    pub work: Vec<Work>,
}

/// A phase or a log line of a script.
#[derive(Debug, Clone, Copy)]
pub struct ScriptNote<'a> {
    /// Its time in microseconds since 1970.
    pub at_us: i64,
    /// Scope of the script.
    pub scope: Scope,
    /// Whether it is the title of a phase; if not, it is a line of the log.
    pub is_phase: bool,
    /// The title or the line.
    pub text: &'a str,
}

impl<'a> Details<'a> {
    /// The details of this journal. `someone_holds_it` says whether a process still
    /// holds the run.
    ///
    /// # Errors
    /// When the journal does not begin with its head.
    pub fn fold(entries: &'a [Entry], someone_holds_it: bool) -> Result<Self, NoHead> {
        fold::details(entries, someone_holds_it)
    }

    /// A step by its number.
    #[must_use]
    pub fn step(&self, step: StepId) -> Option<&StepDetails<'a>> {
        self.steps.binary_search_by_key(&step, |step| step.step).ok().map(|at| &self.steps[at])
    }
}

impl StepDetails<'_> {
    /// The permissions that its agent waits for.
    pub fn open_permissions(&self) -> impl Iterator<Item = &PermissionDetails<'_>> {
        self.permissions.iter().filter(|one| one.state == PermissionState::Open)
    }

    /// Digest of its content.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.asked.content()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn ms<S: Serializer>(at_us: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at_us / 1_000)
}

fn ms_or_null<S: Serializer>(at_us: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    at_us.map(|at_us| at_us / 1_000).serialize(serializer)
}
