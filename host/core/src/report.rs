//! The report of a run, as a fold over its journal.
//!
//! Owns: the fields of the JSON document, and the state of a run. Never: reports a
//! number that the journal does not hold.

mod asks;
mod causes;
mod error;
mod nulls;
mod open_asks;
mod reuse;
mod sessions;
mod state;
mod tokens;
mod two_names;
mod usage;
pub(crate) mod warnings;

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::dollars;
use crate::guest::{Failure, Outcome};
use crate::ids::{RunId, Scope, StepId};
use crate::journal::{Body, Entry, Parent, RunEnd, RunHead};
use crate::module_text::ModuleText;
use crate::settlement::{self, Substitute};
use crate::step_request::{AgentRequest, Reply};
use crate::steps::{Step, Steps};
use crate::worktree::Worktree;
pub use asks::{AsksReport, StepAsks};
use causes::Causes;
pub use error::ReportError;
use error::{script_error, stop_error};
pub use nulls::NullReport;
use nulls::{null_of_agent, null_of_failure, null_of_slot};
pub use open_asks::OpenAskReport;
use open_asks::open_asks;
pub use reuse::ReuseReport;
pub use sessions::SessionReport;
pub use state::RunState;
pub use two_names::{RunResult, StepLabel};
pub use usage::{TokenUsage, UsageOf, UsageReport};
pub use warnings::WarningReport;

/// Version of the report. Fields are only ever added.
pub const REPORT_FORMAT: u32 = 1;

/// Most nulls that the report lists; the rest are counted.
const NULLS_LISTED_MAX: usize = 1_000;

/// The report of a run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub schema_version: u32,
    /// Id of the run.
    pub run_id: RunId,
    /// The same, for readers of older reports.
    #[serde(rename = "runID")]
    pub run_id_alias: RunId,
    /// `meta.name`.
    pub name: String,
    /// State of the run.
    pub state: RunState,
    /// What the script returned; null until then.
    #[serde(flatten)]
    pub result: RunResult,
    /// The file that holds the result, if it is too large for the report: then
    /// `result` is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results_file: Option<String>,
    /// Why the run failed or stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ReportError>,
    /// Tokens of all agents.
    pub token_usage: TokenUsage,
    /// Dollars, as far as they are known.
    pub cost_usd: f64,
    /// Steps whose cost is unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub cost_unknown_calls: u64,
    /// Tokens and dollars by model and by provider.
    pub usage: UsageReport,
    /// Fuel of all turns.
    pub fuel: u64,
    /// Agent steps, by state.
    pub agents: AgentCounts,
    /// Tokens and agents by phase, in order of appearance.
    pub phases: Vec<PhaseReport>,
    /// Why there are nulls among the results.
    pub nulls: Vec<NullReport>,
    /// Nulls beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub nulls_not_listed: u64,
    /// Warnings for the author of the script, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<WarningReport>,
    /// Steps that the script did not await; they were cut off when it ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub abandoned: Vec<StepId>,
    /// Worktrees that were kept because something in them had changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub worktrees: Vec<WorktreeReport>,
    /// The agents' own sessions, in order of their answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<SessionReport>,
    /// Permissions that agents asked for and were refused, and open questions of the
    /// script.
    #[serde(skip_serializing_if = "AsksReport::is_empty")]
    pub asks: AsksReport,
    /// Number of epochs, under its older name.
    pub attempts: u32,
    /// The run that this one is a fork of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// Reused answers, and what they saved.
    #[serde(skip_serializing_if = "ReuseReport::is_empty")]
    pub reused: ReuseReport,
}

/// Agent steps, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentCounts {
    /// Asked for by the script.
    pub called: u64,
    /// Answered.
    pub completed: u64,
    /// Failed.
    pub failed: u64,
    /// Attempts beyond the first of each step.
    pub retried: u64,
    /// Those of `completed` whose answer is null.
    pub null: u64,
    /// Those of `failed` whose agent was at work and gave no answer.
    #[serde(skip)]
    pub silent: u64,
    /// Dispatched at least once.
    #[serde(skip)]
    pub asked: u64,
}

/// One phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseReport {
    /// Title of the phase.
    pub title: String,
    /// Agent steps in it.
    pub agents: u64,
    /// Their tokens.
    pub token_usage: TokenUsage,
    /// Their dollars, as far as they are known.
    pub cost_usd: f64,
}

/// A worktree that a step left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorktreeReport {
    /// Number of the step.
    pub step: StepId,
    /// Label of the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The worktree: its path, and what it holds.
    #[serde(flatten)]
    pub worktree: Worktree,
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

/// Builds a report, entry by entry.
#[derive(Default)]
pub struct ReportFold {
    report: Option<Report>,
    /// State after the last entry, if no process held the run.
    state: Option<RunState>,
    steps: Steps,
    /// Of the run's script, to show the line of an error in one of them.
    modules: Vec<ModuleText>,
    causes: Causes,
    /// Steps whose answers were kept at the end of an epoch. Their spend is counted
    /// then, and not again when they settle.
    kept: BTreeSet<StepId>,
}

impl Report {
    /// Whether agents were asked and none gave an answer: each failed, answered null or
    /// was cut off when the script ended. Then the result rests on nothing. If there
    /// was only one agent, its failure counts but its null does not, because it may be
    /// intended. A refused call asked no agent.
    #[must_use]
    pub fn is_fruitless(&self) -> bool {
        let AgentCounts { called, completed, silent, null, .. } = self.agents;
        completed == null && (called > 1 || silent > 0)
    }
}

impl ReportFold {
    /// A fold at the start of a journal.
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
        let is_over = matches!(self.state, Some(RunState::Completed | RunState::Failed));
        report.asks.open =
            if is_over { Vec::new() } else { open_asks(&self.steps, someone_holds_it) };
        report.state = match self.state {
            Some(RunState::Completed) => RunState::Completed,
            Some(RunState::Failed) => RunState::Failed,
            _ if someone_holds_it => RunState::Running,
            other => other.unwrap_or(RunState::Interrupted),
        };
        Ok(report)
    }

    /// Adds the next entry.
    pub fn after(&mut self, entry: &Entry) {
        self.state = Some(RunState::after(&entry.body, false));
        if let Body::RunStarted(head) = &entry.body {
            self.report = Some(empty(head));
            self.causes = Causes::new(head.surface);
        }
        let Some(report) = &mut self.report else { return };
        let agent = self.steps.after(entry).and_then(Agent::of);
        match &entry.body {
            Body::EpochStarted { epoch, .. } => {
                report.attempts = *epoch;
                report.error = None;
            }
            Body::StepAsked { .. } => {
                let Some(agent) = agent else { return };
                report.agents.called += 1;
                if let Some(title) = &agent.request.phase {
                    report.phase(title).agents += 1;
                }
            }
            Body::AgentDispatched { .. } => {
                let is_first = agent.is_some_and(|agent| agent.step.dispatches == 1);
                report.agents.asked += u64::from(is_first);
            }
            Body::PhaseSet { title, .. } => {
                report.phase(title);
            }
            Body::SlotNulled { slot, .. } => {
                report.null(null_of_slot(slot, self.causes.of(slot)));
            }
            Body::Warned { warning, .. } => {
                let step = warning.step.and_then(|step| self.steps.get(step));
                let label = step.and_then(Agent::of).map(|agent| agent.title());
                report.warnings.push(WarningReport::of(warning, label));
            }
            Body::AgentAnswered { step, outcome, reply } => {
                if let Some(agent) = agent
                    && self.kept.insert(*step)
                {
                    report.spent(agent, reply, is_cost_unknown(outcome, reply));
                }
            }
            Body::Settled { step, outcome, reply, given } => {
                let was_kept = self.kept.remove(step);
                let Some(agent) = agent else { return };
                report.settled(agent, outcome, reply.as_deref(), was_kept);
                if let Outcome::Failed(failure) = outcome {
                    failed(report, &mut self.causes, agent, (*step, failure, *given));
                }
            }
            Body::AgentParked { reply, .. } => {
                if let Some(agent) = agent {
                    report.parked(agent, reply);
                }
            }
            Body::WorktreeKept { step, worktree } => {
                report.kept(*step, agent.map(|agent| agent.title()), worktree);
            }
            Body::TurnEnded { fuel, .. } => report.fuel = report.fuel.saturating_add(*fuel),
            Body::ScopeStarted(start) if start.scope == Scope::ROOT => {
                self.modules.clone_from(&start.modules);
            }
            Body::RunEnded { end } => report.ended(end, &std::mem::take(&mut self.modules)),
            Body::EpochEnded { reason, fuel } => {
                report.error = Some(stop_error(reason));
                report.fuel = report.fuel.saturating_add(*fuel);
            }
            _ => {}
        }
    }
}

/// Adds the failure of an agent: as a null, or as an error that the script may pass on.
fn failed(
    report: &mut Report,
    causes: &mut Causes,
    agent: Agent<'_>,
    (step, failure, given): (StepId, &Failure, Option<Substitute>),
) {
    match given {
        Some(Substitute::Null) => report.null(null_of_failure(step, &agent.title(), failure)),
        None => causes.thrown(step, agent.title(), failure.clone()),
    }
}

/// An agent step; the report counts no other steps.
#[derive(Clone, Copy)]
struct Agent<'s> {
    step: &'s Step,
    request: &'s AgentRequest,
}

impl<'s> Agent<'s> {
    fn of(step: &'s Step) -> Option<Self> {
        step.agent().map(|request| Self { step, request })
    }

    fn title(self) -> String {
        self.request.title()
    }
}

impl Report {
    fn settled(
        &mut self,
        agent: Agent<'_>,
        outcome: &Outcome,
        reply: Option<&Reply>,
        was_kept: bool,
    ) {
        let (step, title) = (agent.step.id, agent.title());
        // A reused answer was paid for by the run that asked.
        if let Some(reply) = reply.filter(|reply| reply.reused.is_some()) {
            self.reused.add(reply);
        } else if let Some(reply) = reply {
            if !was_kept {
                self.spent(agent, reply, is_cost_unknown(outcome, reply));
            }
            sessions::add(&mut self.sessions, step, &title, reply);
            self.asks.add(step, &title, reply);
            let warning = warnings::of_reply(step, reply).into_iter();
            self.warnings.extend(warning.map(|one| WarningReport::of(&one, Some(title.clone()))));
        }
        // For a reused answer too: its files are where the other run left them.
        if let Some(worktree) = reply.and_then(|reply| reply.worktree.as_ref()) {
            self.kept(step, Some(title.clone()), worktree);
        }
        match outcome {
            Outcome::Failed(failure) => {
                self.agents.failed += 1;
                self.agents.silent += u64::from(settlement::gave_no_answer(failure));
            }
            Outcome::Value(text) => {
                self.agents.completed += 1;
                if text == "null" {
                    self.agents.null += 1;
                    self.null(null_of_agent(step, &title));
                }
            }
        }
    }

    /// Counts a parked step, which stays open: what it used is spent.
    fn parked(&mut self, agent: Agent<'_>, reply: &Reply) {
        let (step, title) = (agent.step.id, agent.title());
        self.spent(agent, reply, reply.is_unpriced());
        self.asks.add(step, &title, reply);
        if let Some(worktree) = &reply.worktree {
            self.kept(step, Some(title), worktree);
        }
    }

    /// Counts what a step used, whether or not it was answered.
    fn spent(&mut self, agent: Agent<'_>, reply: &Reply, is_unknown: bool) {
        let cost = reply.cost_usd.unwrap_or(0.0);
        self.token_usage += TokenUsage::of(reply.usage);
        dollars::add(&mut self.cost_usd, cost);
        self.agents.retried += u64::from(reply.attempts.saturating_sub(1));
        self.cost_unknown_calls += u64::from(is_unknown);
        self.usage.add(reply, is_unknown);
        if let Some(title) = &agent.request.phase {
            let phase = self.phase(title);
            phase.token_usage += TokenUsage::of(reply.usage);
            dollars::add(&mut phase.cost_usd, cost);
        }
    }

    fn kept(&mut self, step: StepId, label: Option<String>, worktree: &Worktree) {
        self.worktrees.push(WorktreeReport { step, label, worktree: worktree.clone() });
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

    fn ended(&mut self, end: &RunEnd, modules: &[ModuleText]) {
        match end {
            RunEnd::Completed { result, abandoned } => {
                self.result = raw(result).into();
                self.abandoned.clone_from(abandoned);
            }
            RunEnd::Failed { error } => self.error = Some(script_error(error)),
        }
        if let Some(error) = &mut self.error {
            error.show(modules);
        }
    }
}

/// Whether an agent was at work at an unknown cost.
fn is_cost_unknown(outcome: &Outcome, reply: &Reply) -> bool {
    reply.is_unpriced() || settlement::hides_its_cost(outcome, reply)
}

fn empty(head: &RunHead) -> Report {
    Report {
        schema_version: REPORT_FORMAT,
        run_id: head.run.clone(),
        run_id_alias: head.run.clone(),
        name: head.name.clone(),
        state: RunState::Running,
        result: raw("null").into(),
        results_file: None,
        error: None,
        token_usage: TokenUsage::default(),
        cost_usd: 0.0,
        cost_unknown_calls: 0,
        usage: UsageReport::default(),
        fuel: 0,
        agents: AgentCounts::default(),
        phases: Vec::new(),
        nulls: Vec::new(),
        nulls_not_listed: 0,
        warnings: Vec::new(),
        abandoned: Vec::new(),
        worktrees: Vec::new(),
        sessions: Vec::new(),
        asks: AsksReport::default(),
        attempts: 0,
        parent: head.parent.clone(),
        reused: ReuseReport { is_fork: head.parent.is_some(), ..ReuseReport::default() },
    }
}

/// JSON text as it was journaled, unchanged; invalid JSON becomes null.
fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
