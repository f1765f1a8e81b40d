//! The report of a run, as a fold over its journal.
//!
//! Owns: what the one JSON document says, and the state a run is in. Never:
//! keeps a number that the journal does not hold.

mod reuse;

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::{Reply, Usage};
use crate::guest::{Failure, GroupKind, NullSlot, Outcome, ScriptError};
use crate::ids::{CallId, RunId};
use crate::journal::{Body, Entry, Parent, RunEnd, RunHead, StopReason};

pub use reuse::ReuseReport;

/// Version of the report. Fields are only ever added.
pub const REPORT_FORMAT: u32 = 1;

/// Null slots that the report lists one by one; the rest is counted.
const NULLS_LISTED_MAX: usize = 1_000;

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
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
}

impl RunState {
    /// Of a run whose journal ends with this entry.
    #[must_use]
    pub fn after(last: &Body, someone_holds_it: bool) -> Self {
        match last {
            Body::RunEnded { end: RunEnd::Completed { .. } } => Self::Completed,
            Body::RunEnded { end: RunEnd::Failed { .. } } => Self::Failed,
            _ if someone_holds_it => Self::Running,
            Body::AttemptEnded { reason: StopReason::Cancelled } => Self::Cancelled,
            Body::AttemptEnded { .. } => Self::Paused,
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
        }
    }

    /// Whether `resume` can take it on.
    #[must_use]
    pub fn is_resumable(self) -> bool {
        matches!(self, Self::Interrupted | Self::Cancelled | Self::Paused)
    }
}

/// The report of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub schema_version: u32,
    /// The run.
    pub run_id: RunId,
    /// The same, for readers of older reports.
    #[serde(rename = "runID")]
    pub run_id_alias: RunId,
    /// `meta.name`.
    pub name: String,
    /// How it stands.
    pub state: RunState,
    /// What the script returned; null until then.
    pub results: Box<RawValue>,
    /// Why it failed or stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportError>,
    /// Tokens of all agents.
    pub token_usage: TokenUsage,
    /// Dollars, as far as providers named them.
    pub cost_usd: f64,
    /// Fuel of all turns.
    pub fuel: u64,
    /// Agent calls, by how they stand.
    pub agents: AgentCounts,
    /// Tokens and agents by phase, in order of appearance.
    pub phases: Vec<PhaseReport>,
    /// Why there are nulls among the results.
    pub nulls: Vec<NullReport>,
    /// Nulls beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub nulls_not_listed: u64,
    /// Calls that nobody awaited and that were cut off when the script ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<CallId>,
    /// Processes that worked on it.
    pub attempts: u32,
    /// The run that this one is a fork of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Answers that were there already, and what that saved.
    #[serde(skip_serializing_if = "ReuseReport::is_empty")]
    pub reused: ReuseReport,
}

/// Why a run failed or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportError {
    /// Stable.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// The error's own name, for a script's error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The author's line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The author's frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
}

/// Tokens of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenUsage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

/// Agent calls, by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCounts {
    /// Made by the script.
    pub called: u64,
    /// Answered.
    pub completed: u64,
    /// Failed.
    pub failed: u64,
    /// Of those answered, those whose answer is null.
    #[serde(skip_serializing_if = "is_zero")]
    pub null: u64,
}

/// One phase.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseReport {
    /// Its title.
    pub title: String,
    /// Agent calls made in it.
    pub agents: u64,
    /// Their tokens.
    pub token_usage: TokenUsage,
}

/// Why something is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NullReport {
    /// `parallel`, `pipeline` or `agent`.
    pub place: &'static str,
    /// Which construct of the script, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// Slot or item, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Stage that threw, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
    /// The agent call that answered null, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<CallId>,
    /// What people call that agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Stable.
    pub code: String,
    /// A sentence.
    pub reason: String,
}

/// A journal that holds no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal does not begin with `run_started`")]
pub struct NoHead;

impl Report {
    /// The report of this journal. `someone_holds_it` tells a running from an
    /// interrupted run.
    ///
    /// # Errors
    /// When the journal does not begin with its head.
    pub fn fold(entries: &[Entry], someone_holds_it: bool) -> Result<Self, NoHead> {
        let mut fold = ReportFold::new();
        for entry in entries {
            fold.after(entry);
        }
        fold.finish(someone_holds_it)
    }
}

/// What the report needs of a call until it settles.
struct OpenStep {
    title: String,
    phase: Option<String>,
}

/// Builds a report, entry by entry.
#[derive(Default)]
pub struct ReportFold {
    report: Option<Report>,
    /// Of the last entry, as if nobody held the run.
    state: Option<RunState>,
    steps: BTreeMap<CallId, OpenStep>,
    /// Calls that failed and that no null slot has been put down to.
    failures: VecDeque<(CallId, String, Failure)>,
}

impl Report {
    /// Whether several agents were asked, all of them are done, and none gave an
    /// answer: then the result was made of nothing.
    #[must_use]
    pub fn is_fruitless(&self) -> bool {
        let AgentCounts { called, completed, failed, null } = self.agents;
        called > 1 && completed == null && completed + failed == called
    }
}

impl ReportFold {
    /// At the start of a journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The report of all entries so far.
    ///
    /// # Errors
    /// When the journal does not begin with its head.
    pub fn finish(self, someone_holds_it: bool) -> Result<Report, NoHead> {
        let mut report = self.report.ok_or(NoHead)?;
        report.state = match self.state {
            Some(RunState::Completed) => RunState::Completed,
            Some(RunState::Failed) => RunState::Failed,
            _ if someone_holds_it => RunState::Running,
            other => other.unwrap_or(RunState::Interrupted),
        };
        Ok(report)
    }

    /// Takes in the next entry.
    pub fn after(&mut self, entry: &Entry) {
        self.state = Some(RunState::after(&entry.body, false));
        if let Body::RunStarted(head) = &entry.body {
            self.report = Some(empty(head));
        }
        let Some(report) = &mut self.report else { return };
        match &entry.body {
            Body::AttemptStarted { attempt, .. } => {
                report.attempts = *attempt;
                report.error = None;
            }
            Body::AgentCalled { call, request, .. } => {
                report.agents.called += 1;
                if let Some(title) = &request.phase {
                    report.phase(title).agents += 1;
                }
                let step = OpenStep { title: request.title(), phase: request.phase.clone() };
                self.steps.insert(*call, step);
            }
            Body::PhaseSet { title, .. } => {
                report.phase(title);
            }
            Body::SlotNulled { slot, .. } => {
                report.null(null_of_slot(slot, take_cause(&mut self.failures, slot)));
            }
            Body::Settled { call, outcome, reply } => {
                let Some(step) = self.steps.remove(call) else { return };
                report.settled(*call, &step, outcome, reply.as_deref());
                if let Outcome::Failed(failure) = outcome {
                    self.failures.push_back((*call, step.title, failure.clone()));
                }
            }
            Body::TurnEnded { fuel, .. } => report.fuel = report.fuel.saturating_add(*fuel),
            Body::RunEnded { end } => report.ended(end),
            Body::AttemptEnded { reason } => report.error = Some(stop_error(reason)),
            _ => {}
        }
    }
}

impl Report {
    fn settled(&mut self, call: CallId, step: &OpenStep, outcome: &Outcome, reply: Option<&Reply>) {
        // What was there already was paid for by the run that asked.
        if let Some(reply) = reply.filter(|reply| reply.reused.is_some()) {
            self.reused.add(reply);
        }
        let reply = reply.filter(|reply| reply.reused.is_none());
        let usage = reply.map(|reply| reply.usage).unwrap_or_default();
        self.cost_usd += reply.and_then(|reply| reply.cost_usd).unwrap_or(0.0);
        add(&mut self.token_usage, usage);
        if let Some(title) = &step.phase {
            add(&mut self.phase(title).token_usage, usage);
        }
        match outcome {
            Outcome::Failed(_) => self.agents.failed += 1,
            Outcome::Value(text) => {
                self.agents.completed += 1;
                if text == "null" {
                    self.agents.null += 1;
                    self.null(null_of_agent(call, &step.title));
                }
            }
        }
    }

    fn phase(&mut self, title: &str) -> &mut PhaseReport {
        let phases = &mut self.phases;
        let index = phases.iter().position(|phase| phase.title == title).unwrap_or_else(|| {
            phases.push(PhaseReport { title: title.to_owned(), ..PhaseReport::default() });
            phases.len() - 1
        });
        &mut phases[index]
    }

    fn null(&mut self, null: NullReport) {
        if self.nulls.len() < NULLS_LISTED_MAX {
            self.nulls.push(null);
        } else {
            self.nulls_not_listed += 1;
        }
    }

    fn ended(&mut self, end: &RunEnd) {
        match end {
            RunEnd::Completed { result, abandoned } => {
                self.results = raw(result);
                self.abandoned.clone_from(abandoned);
            }
            RunEnd::Failed { error } => self.error = Some(script_error(error)),
        }
    }
}

/// The call whose failure was thrown into this slot: the first that failed so.
fn take_cause(
    failures: &mut VecDeque<(CallId, String, Failure)>,
    slot: &NullSlot,
) -> Option<(CallId, String)> {
    let code = slot.error.failure.as_ref()?;
    let is_cause =
        |failure: &Failure| failure.code == *code && failure.message == slot.error.message;
    let index = failures.iter().position(|(_, _, failure)| is_cause(failure))?;
    let (call, title, _) = failures.remove(index)?;
    Some((call, title))
}

fn null_of_slot(slot: &NullSlot, cause: Option<(CallId, String)>) -> NullReport {
    let (step, label) = cause.unzip();
    let place = match slot.group {
        GroupKind::Parallel => "parallel",
        GroupKind::Pipeline => "pipeline",
    };
    NullReport {
        place,
        ordinal: Some(slot.ordinal),
        index: Some(slot.index),
        stage: slot.stage,
        step,
        label,
        code: slot.error.failure.clone().unwrap_or_else(|| slot.error.code.clone()),
        reason: format!("{}: {}", slot.error.name, slot.error.message),
    }
}

fn null_of_agent(call: CallId, title: &str) -> NullReport {
    NullReport {
        place: "agent",
        ordinal: None,
        index: None,
        stage: None,
        step: Some(call),
        label: Some(title.to_owned()),
        code: "agent_null".to_owned(),
        reason: "the agent answered null".to_owned(),
    }
}

fn empty(head: &RunHead) -> Report {
    Report {
        schema_version: REPORT_FORMAT,
        run_id: head.run.clone(),
        run_id_alias: head.run.clone(),
        name: head.name.clone(),
        state: RunState::Running,
        results: raw("null"),
        error: None,
        token_usage: TokenUsage::default(),
        cost_usd: 0.0,
        fuel: 0,
        agents: AgentCounts::default(),
        phases: Vec::new(),
        nulls: Vec::new(),
        nulls_not_listed: 0,
        abandoned: Vec::new(),
        attempts: 0,
        parent: head.parent.clone(),
        reused: ReuseReport::default(),
    }
}

fn add(total: &mut TokenUsage, usage: Usage) {
    total.input_tokens = total.input_tokens.saturating_add(usage.input_tokens);
    total.output_tokens = total.output_tokens.saturating_add(usage.output_tokens);
    total.total_tokens = total.total_tokens.saturating_add(usage.total());
}

fn script_error(error: &ScriptError) -> ReportError {
    let position = |number: u32| (number > 0).then_some(number);
    ReportError {
        code: error.failure.clone().unwrap_or_else(|| error.code.clone()),
        message: error.message.clone(),
        name: Some(error.name.clone()),
        line: position(error.line),
        column: position(error.column),
        stack: (!error.stack.is_empty()).then(|| error.stack.clone()),
    }
}

fn stop_error(reason: &StopReason) -> ReportError {
    let (code, message) = match reason {
        StopReason::Cancelled => ("cancelled".to_owned(), "the run was stopped".to_owned()),
        StopReason::TimedOut { limit_ms } => {
            ("timed_out".to_owned(), format!("the run was stopped after {limit_ms} ms (--timeout)"))
        }
        StopReason::Limit { code, message } => (code.clone(), message.clone()),
    };
    ReportError { code, message, name: None, line: None, column: None, stack: None }
}

/// JSON text as it was journaled, unchanged; what is no JSON becomes null.
fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
