//! The plan of a script: its steps and their estimated cost, before anything is spent.
//!
//! Owns: the plan of one run with made-up answers, and its estimate. Never: promises
//! anything; a script may take another way with real answers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use smol_wf_core::codes::Code;
use smol_wf_core::event::AskOpened;
use smol_wf_core::gate::AskRequest;
use smol_wf_core::guest::GroupKind;
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::{Body, Entry, ScopeStart};
use smol_wf_core::limits::LimitError;
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::AgentRequest;

use super::estimate::{CostRange, Estimate};
use super::groups::{self, Place, StepSlots};
use super::in_order::InOrder;
use super::plan_warning::{PlanWarning, warnings, without_worktree};
use super::simulated_run::{SimulatedRun, SimulationEnd};
use super::simulation::{ChildCache, simulate};
use super::stubs::Stubs;
use super::{Simulator, culprit};
use crate::agents;
use crate::error::EngineError;

/// With more phases than this, phases without agents are left out: a script that sets
/// phases without end has hundreds of thousands.
const EMPTY_PHASES_MAX: usize = 1_000;

/// Most questions that are listed: a script that asks without end asks thousands.
const ASKS_LISTED_MAX: usize = 1_000;

/// The plan of a script.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this document.
    pub schema_version: u32,
    /// `meta.name`.
    pub name: String,
    /// `meta.description`.
    pub description: String,
    /// Number of agents that would be asked. Steps that are refused do not count.
    pub agents: u32,
    /// Most agents at work at once.
    pub at_once: u32,
    /// Phases, in order of appearance.
    pub phases: Vec<PlanPhase>,
    /// Every `parallel` and `pipeline` that asks agents.
    pub groups: Vec<GroupPlan>,
    /// Whether the group of every agent step was looked for. If not, groups may be larger.
    pub groups_whole: bool,
    /// Every agent step, in order.
    #[serde(rename = "calls")]
    pub steps: Vec<PlannedStep>,
    /// Every question to people, in order; most are listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<PlannedAsk>,
    /// Files of child workflows, in order of appearance.
    pub children: Vec<String>,
    /// Providers that would be asked.
    pub providers: BTreeSet<String>,
    /// Models that would be asked for, by their providers' names for them.
    pub models: BTreeSet<String>,
    /// Primitives and options that are used.
    pub capabilities: BTreeSet<String>,
    /// Sum of all sleeps, in milliseconds.
    pub sleep_ms: f64,
    /// Tokens of all agents.
    pub estimate: Estimate,
    /// Dollars of the agents whose model has a list price.
    pub cost: CostRange,
    /// Warnings that a run would give.
    pub warnings: Vec<PlanWarning>,
    /// Whether the script ended with a result.
    pub completed: bool,
    /// Why it did not. A real run may still complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<PlanError>,
    /// The index of each phase in `phases`, by title.
    #[serde(skip)]
    phase_at: HashMap<String, usize>,
}

/// Why a plan is incomplete, or why a step is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanError {
    /// A stable error code.
    pub code: String,
    /// The message, for people.
    pub message: String,
    /// The limit that was reached, with its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<LimitError>,
    /// The path of the module that line and column are in; none is the script itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The author's line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line with a mark below the place, for people, if it is in a module.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanPhase {
    /// Its title; empty for steps outside of all phases.
    pub title: String,
    /// Number of agents in it.
    pub agents: u32,
    /// Tokens of these agents.
    pub estimate: Estimate,
}

/// One `parallel` or `pipeline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPlan {
    /// `parallel` or `pipeline`.
    pub kind: GroupKind,
    /// File name of its script.
    pub script: String,
    /// Its number among the constructs of its script, from 1, in order of start.
    pub ordinal: u32,
    /// Number of slots or items that ask agents or throw.
    pub fan_out: u32,
    /// Number of agents directly in it. Agents of nested constructs count there.
    pub agents: u32,
    /// Phase of its first agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// One agent step.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Its number in the run.
    pub step: StepId,
    /// File name of its script.
    pub script: String,
    /// The request, with the phase's defaults applied.
    #[serde(flatten)]
    pub request: AgentRequest,
    /// Its label, or a title made from the prompt.
    pub title: String,
    /// The provider that it would go to.
    pub goes_to: String,
    /// The model that the provider would be asked for; none leaves the choice to the
    /// provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_model: Option<String>,
    /// The effort that the provider would be asked for; none leaves the choice to the
    /// provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_effort: Option<String>,
    /// Its tokens.
    pub estimate: Estimate,
    /// Why it would be refused before an agent is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<PlanError>,
}

/// One question to people.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAsk {
    /// Its number in the run.
    pub step: StepId,
    /// File name of its script.
    pub script: String,
    /// What is asked.
    #[serde(flatten)]
    pub ask: AskOpened,
    /// How long it waits, in milliseconds; none is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The answer when the time is up; without one the step fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<serde_json::Value>,
}

impl PlannedAsk {
    fn of(step: StepId, script: String, request: &AskRequest) -> Self {
        // The deadline is one of the simulated clock.
        let ask = AskOpened { deadline: None, ..AskOpened::of(request) };
        let on_timeout = request.on_timeout.as_deref();
        let on_timeout = on_timeout.and_then(|text| serde_json::from_str(text).ok());
        Self { step, script, ask, timeout_ms: request.timeout_ms, on_timeout }
    }
}

impl Simulator {
    /// Runs the script once with made-up answers.
    ///
    /// # Errors
    /// When the sandbox fails. An error of the script is in the plan.
    pub async fn plan(&self) -> Result<Plan, EngineError> {
        let mut stubs = Stubs::new(self.head.seed);
        let mut found = ChildCache::new();
        let (mut plan, run) = self.plan_once(&mut stubs, &mut found).await?;
        let slots = groups::slots(self, &mut found, &mut stubs, &run.entries).await?;
        plan.groups = plan.group(&run.entries, &slots);
        plan.groups_whole = slots.whole;
        plan.end(&self.root, run.ended);
        Ok(plan)
    }

    /// One run with made-up answers, and its plan without groups and end.
    pub(super) async fn plan_once(
        &self,
        stubs: &mut Stubs,
        found: &mut ChildCache,
    ) -> Result<(Plan, SimulatedRun), EngineError> {
        let mut by_issue = InOrder::of(stubs);
        let run = simulate(self, found, &mut by_issue).await?;
        let (at_once, answers, asks) = (by_issue.at_once, by_issue.answers, by_issue.asks);
        let reused = run.reused();
        let mut plan = self.empty_plan();
        for entry in &run.entries {
            match entry.body.asked() {
                Some((step, _)) if reused.contains(&step) => {}
                _ => plan.take_in(self, &run, entry, &answers),
            }
        }
        if !self.answers.is_empty() {
            plan.asks.retain(|planned| asks.contains(&planned.step));
        }
        // Agents that the script asked for in its last turn never start here. In a real
        // run they do.
        let waiting = plan.agents.saturating_sub(u32::try_from(answers.len()).unwrap_or(u32::MAX));
        plan.at_once = at_once.max(waiting.min(self.limits.parallel_agents));
        plan.warnings = warnings(&run.entries);
        // One is enough: all of them work in the same folder.
        let isolated = plan.steps.iter().find(|step| step.request.isolation.is_some());
        let warning = isolated.and_then(|step| without_worktree(&step.title, &self.resources.cwd));
        plan.warnings.extend(warning);
        Ok((plan, run))
    }

    fn empty_plan(&self) -> Plan {
        let meta: serde_json::Value = serde_json::from_str(&self.root.meta).unwrap_or_default();
        Plan {
            schema_version: 1,
            name: self.head.name.clone(),
            description: meta["description"].as_str().unwrap_or_default().to_owned(),
            agents: 0,
            at_once: 0,
            phases: Vec::new(),
            groups: Vec::new(),
            groups_whole: true,
            steps: Vec::new(),
            asks: Vec::new(),
            children: Vec::new(),
            providers: BTreeSet::new(),
            models: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            sleep_ms: 0.0,
            estimate: Estimate::default(),
            cost: CostRange::default(),
            warnings: Vec::new(),
            completed: false,
            error: None,
            phase_at: HashMap::new(),
        }
    }
}

impl Plan {
    /// Adds how the run ended.
    pub(super) fn end(&mut self, root: &ScopeStart, ended: SimulationEnd) {
        match ended {
            SimulationEnd::Completed(_) => self.completed = true,
            ended => self.error = Some(plan_error(root, ended)),
        }
    }

    /// Adds an entry of the run to the plan.
    fn take_in(
        &mut self,
        simulator: &Simulator,
        run: &SimulatedRun,
        entry: &Entry,
        answers: &BTreeMap<StepId, u64>,
    ) {
        let mut uses = |what: &str| {
            self.capabilities.insert(what.to_owned());
        };
        match &entry.body {
            Body::StepAsked { step, scope, asked: StepRequest::Agent(request) } => {
                let script = culprit::script_of(&run.entries, *scope);
                let answer = answers.get(step).copied().unwrap_or(0);
                let planned = PlannedStep {
                    step: *step,
                    script: script.map_or_else(String::new, |start| start.file_name.clone()),
                    request: (**request).clone(),
                    title: request.title(),
                    goes_to: String::new(),
                    with_model: None,
                    with_effort: None,
                    estimate: Estimate::of(request, answer),
                    refused: run.refused.get(step).map(|failure| PlanError {
                        code: failure.code.clone(),
                        message: failure.message.clone(),
                        reached: None,
                        file: None,
                        line: None,
                        column: None,
                        excerpt: None,
                    }),
                };
                self.agent(simulator, planned);
            }
            Body::StepAsked { step, scope, asked } => {
                uses(asked.function());
                match asked {
                    StepRequest::Sleep(sleep) => self.sleep_ms += sleep.milliseconds,
                    StepRequest::Ask(request) if self.asks.len() < ASKS_LISTED_MAX => {
                        let script = culprit::script_of(&run.entries, *scope);
                        let script =
                            script.map_or_else(String::new, |start| start.file_name.clone());
                        self.asks.push(PlannedAsk::of(*step, script, request));
                    }
                    _ => {}
                }
            }
            Body::ScopeStarted(start)
                if start.scope != Scope::ROOT && !self.children.contains(&start.path) =>
            {
                self.children.push(start.path.clone());
            }
            Body::PhaseSet { title, .. } if self.phases.len() < EMPTY_PHASES_MAX => {
                self.phase(title);
            }
            _ => {}
        }
    }

    fn agent(&mut self, simulator: &Simulator, mut step: PlannedStep) {
        let request = &step.request;
        let options = [
            ("schema", request.schema.is_some()),
            ("model", request.model.is_some()),
            ("effort", request.effort.is_some()),
            ("agentType", request.agent_type.is_some()),
        ];
        let used = options.into_iter().filter(|(_, used)| *used).map(|(name, _)| name.to_owned());
        self.capabilities.extend(used);
        self.capabilities.extend(request.isolation.clone());
        self.capabilities.insert("agent".to_owned());
        // A call with an invalid model selector was refused and is not a step.
        if let Ok(choice) = agents::choose(request, &simulator.head, &simulator.registry) {
            step.goes_to = choice.provider;
            step.with_model = choice.model;
            step.with_effort = choice.effort;
        }
        if step.refused.is_none() {
            self.agents += 1;
            self.estimate += step.estimate;
            let phase = self.phase(step.request.phase.as_deref().unwrap_or_default());
            phase.agents += 1;
            phase.estimate += step.estimate;
            self.providers.insert(step.goes_to.clone());
            self.cost.add(
                &simulator.resources.settings.prices,
                step.with_model.as_deref(),
                &step.estimate,
            );
            self.models.extend(step.with_model.clone());
        }
        self.steps.push(step);
    }

    fn phase(&mut self, title: &str) -> &mut PlanPhase {
        let phases = &mut self.phases;
        let index = *self.phase_at.entry(title.to_owned()).or_insert_with(|| {
            let estimate = Estimate::default();
            phases.push(PlanPhase { title: title.to_owned(), agents: 0, estimate });
            phases.len() - 1
        });
        &mut phases[index]
    }

    /// The constructs that agent steps were found in.
    fn group(&self, entries: &[Entry], steps: &StepSlots) -> Vec<GroupPlan> {
        let mut groups: BTreeMap<(Scope, u32), (GroupPlan, BTreeSet<u32>)> = BTreeMap::new();
        for (ordinal, step) in (1..).zip(&self.steps) {
            let Some(Place { scope, slot }) = steps.found.get(&ordinal) else { continue };
            let (group, slots) = groups.entry((*scope, slot.ordinal)).or_insert_with(|| {
                let script = culprit::script_of(entries, *scope);
                let group = GroupPlan {
                    kind: slot.group,
                    script: script.map_or_else(String::new, |start| start.file_name.clone()),
                    ordinal: slot.ordinal,
                    fan_out: 0,
                    agents: 0,
                    phase: step.request.phase.clone(),
                };
                (group, BTreeSet::new())
            });
            group.agents += 1;
            slots.insert(slot.index);
        }
        for entry in entries {
            if let Body::SlotNulled { scope, slot } = &entry.body
                && let Some((_, slots)) = groups.get_mut(&(*scope, slot.ordinal))
            {
                slots.insert(slot.index);
            }
        }
        let whole = |(mut group, slots): (GroupPlan, BTreeSet<u32>)| {
            group.fan_out = u32::try_from(slots.len()).unwrap_or(u32::MAX);
            group
        };
        groups.into_values().map(whole).collect()
    }
}

/// The error of a run that did not complete.
fn plan_error(root: &ScopeStart, ended: SimulationEnd) -> PlanError {
    let position = |number: u32| (number > 0).then_some(number);
    match ended {
        SimulationEnd::Failed(error) => PlanError {
            code: error.failure.clone().unwrap_or_else(|| error.code.clone()),
            message: format!("{}: {}", error.name, error.message),
            reached: None,
            excerpt: culprit::excerpt(root, &error),
            line: position(error.line),
            column: position(error.column),
            file: error.file,
        },
        SimulationEnd::Stopped { code, message, reached } => {
            let (file, line, column, excerpt) = (None, None, None, None);
            PlanError { code, message, reached, file, line, column, excerpt }
        }
        SimulationEnd::Completed(_) | SimulationEnd::BrokenOff => PlanError {
            code: Code::BrokenOff.into(),
            message: "the script waits, but nothing is pending".to_owned(),
            reached: None,
            file: None,
            excerpt: None,
            line: None,
            column: None,
        },
    }
}
