//! What a script would do, before anything is spent on it.
//!
//! Owns: the plan of one performance with made-up answers, and its estimate.
//! Never: promises; a script that goes by what agents answer may do other
//! things when they answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use smol_wf_core::call::{AgentRequest, Reply, Usage};
use smol_wf_core::dollars;
use smol_wf_core::guest::{GroupKind, Outcome};
use smol_wf_core::ids::{CallId, Scope};
use smol_wf_core::journal::{Body, Entry, RunHead};
use smol_wf_core::prices::Prices;

use super::groups::{self, Place, Places};
use super::stage::{Asked, Cue, Director, Ended, Found, perform};
use super::stubs::{Stubs, tokens};
use super::{Rehearsal, culprit};
use crate::error::EngineError;

/// Tokens of a coding agent's own instructions and tools, read at least once.
const OVERHEAD_LOW: u64 = 5_000;

/// The same for an agent with many tools, and what it has read meanwhile.
const OVERHEAD_HIGH: u64 = 25_000;

/// Turns of an agent that uses tools; each reads again what came before.
const TURNS_HIGH: u64 = 20;

/// Tokens that an agent writes in all its turns, when it works hard.
const WRITTEN_HIGH: u64 = 10_000;

/// What a script would do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this document.
    pub schema_version: u32,
    /// `meta.name`.
    pub name: String,
    /// `meta.description`.
    pub description: String,
    /// Agents that would be asked.
    pub agents: u32,
    /// How many of them at once, at the most.
    pub at_once: u32,
    /// Phases, in order of appearance.
    pub phases: Vec<PlanPhase>,
    /// Every `parallel` and `pipeline` that asks agents.
    pub groups: Vec<GroupPlan>,
    /// Whether each call was tried for its group; else they may be larger.
    pub groups_whole: bool,
    /// Every call, in order.
    pub calls: Vec<PlannedCall>,
    /// Files of child workflows, in order of appearance.
    pub children: Vec<String>,
    /// Providers that would be asked.
    pub providers: BTreeSet<String>,
    /// Models that are named.
    pub models: BTreeSet<String>,
    /// Primitives and options that are used.
    pub capabilities: BTreeSet<String>,
    /// Milliseconds of all sleeps.
    pub sleep_ms: f64,
    /// Tokens of all agents.
    pub estimate: Estimate,
    /// Dollars of the agents whose model has a list price.
    pub cost: CostRange,
    /// Whether the script came to its end.
    pub completed: bool,
    /// Why it did not, and that the real run may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<PlanError>,
}

/// Why a plan is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanError {
    /// Stable.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// The author's line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// Tokens, from an agent that answers at once to one that works hard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Read, at least.
    pub input_low: u64,
    /// Read, at the most that is usual.
    pub input_high: u64,
    /// Written, at least.
    pub output_low: u64,
    /// Written, at the most that is usual.
    pub output_high: u64,
}

impl std::ops::AddAssign for Estimate {
    fn add_assign(&mut self, other: Self) {
        self.input_low = self.input_low.saturating_add(other.input_low);
        self.input_high = self.input_high.saturating_add(other.input_high);
        self.output_low = self.output_low.saturating_add(other.output_low);
        self.output_high = self.output_high.saturating_add(other.output_high);
    }
}

/// Dollars at list prices, for as many agents as have one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostRange {
    /// At least.
    pub low_usd: f64,
    /// At the most that is usual.
    pub high_usd: f64,
    /// Agents without a price: they name no model, or one that is not listed.
    pub unpriced: u32,
}

impl CostRange {
    fn add(&mut self, prices: &Prices, model: Option<&str>, tokens: &Estimate) {
        let cost = |input_tokens, output_tokens| {
            let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
            prices.cost(model?, usage).map(|(dollars, _)| dollars)
        };
        match (
            cost(tokens.input_low, tokens.output_low),
            cost(tokens.input_high, tokens.output_high),
        ) {
            (Some(low), Some(high)) => {
                dollars::add(&mut self.low_usd, low);
                dollars::add(&mut self.high_usd, high);
            }
            _ => self.unpriced += 1,
        }
    }
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanPhase {
    /// Its title; empty for calls outside of all phases.
    pub title: String,
    /// Agents in it.
    pub agents: u32,
    /// Their tokens.
    pub estimate: Estimate,
}

/// One `parallel` or `pipeline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupPlan {
    /// Which construct.
    pub kind: GroupKind,
    /// File name of its script.
    pub script: String,
    /// Which of its script's constructs it is, from 1, in order of start.
    pub ordinal: u32,
    /// Slots or items that ask agents.
    pub fan_out: u32,
    /// Agents directly in it; those of constructs within it are theirs.
    pub agents: u32,
    /// Phase of its first agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// One agent call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCall {
    /// Its number in the run.
    pub step: CallId,
    /// File name of the script that makes it.
    pub script: String,
    /// What is asked, with the phase's defaults applied.
    #[serde(flatten)]
    pub request: AgentRequest,
    /// What it would be called.
    pub title: String,
    /// The provider it would go to.
    pub goes_to: String,
    /// Its tokens.
    pub estimate: Estimate,
}

impl Rehearsal {
    /// Performs the script once, with made-up answers.
    ///
    /// # Errors
    /// When the script cannot be performed at all; when it fails, the plan says
    /// so.
    pub async fn plan(&self) -> Result<Plan, EngineError> {
        let mut stubs = Stubs::new(self.head.seed);
        let mut found = Found::new();
        let mut by_issue = InOrder { stubs: &mut stubs, at_once: 0, answers: BTreeMap::new() };
        let performance = perform(self, &mut found, &mut by_issue).await?;
        let (at_once, answers) = (by_issue.at_once, by_issue.answers);
        let mut plan = self.empty_plan();
        plan.at_once = at_once;
        for entry in &performance.entries {
            plan.take_in(&performance.entries, entry, &self.head, &answers);
        }
        let places = groups::places(self, &mut found, &mut stubs, &performance.entries).await?;
        plan.groups = plan.group(&performance.entries, &places);
        plan.groups_whole = places.whole;
        match performance.ended {
            Ended::Completed(_) => plan.completed = true,
            ended => plan.error = Some(plan_error(ended)),
        }
        Ok(plan)
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
            calls: Vec::new(),
            children: Vec::new(),
            providers: BTreeSet::new(),
            models: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            sleep_ms: 0.0,
            estimate: Estimate::default(),
            cost: CostRange::default(),
            completed: false,
            error: None,
        }
    }
}

impl Plan {
    fn take_in(
        &mut self,
        entries: &[Entry],
        entry: &Entry,
        head: &RunHead,
        answers: &BTreeMap<CallId, u64>,
    ) {
        let mut uses = |what: &str| {
            self.capabilities.insert(what.to_owned());
        };
        match &entry.body {
            Body::AgentCalled { call, scope, request } => {
                let answer = answers.get(call).copied().unwrap_or(0);
                let script = culprit::script_of(entries, *scope).map(|(_, file)| file);
                self.agent(*call, script.unwrap_or_default(), request, head, answer);
            }
            Body::WorkflowCalled { .. } => uses("workflow"),
            Body::SleepCalled { milliseconds, .. } => {
                uses("sleep");
                self.sleep_ms += milliseconds;
            }
            Body::ScopeStarted(start)
                if start.scope != Scope::ROOT && !self.children.contains(&start.path) =>
            {
                self.children.push(start.path.clone());
            }
            Body::PhaseSet { title, .. } => {
                self.phase(title);
            }
            _ => {}
        }
    }

    fn agent(
        &mut self,
        call: CallId,
        script: &str,
        request: &AgentRequest,
        head: &RunHead,
        answer: u64,
    ) {
        let goes_to = request.provider.as_ref().unwrap_or(&head.provider).clone();
        let estimate = estimate(request, answer);
        self.agents += 1;
        self.estimate += estimate;
        let phase = self.phase(request.phase.as_deref().unwrap_or_default());
        phase.agents += 1;
        phase.estimate += estimate;
        self.providers.insert(goes_to.clone());
        let model = model_of(request, head);
        self.cost.add(&Prices::default(), model.as_deref(), &estimate);
        self.models.extend(model);
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
        self.calls.push(PlannedCall {
            step: call,
            script: script.to_owned(),
            request: request.clone(),
            title: request.title(),
            goes_to,
            estimate,
        });
    }

    fn phase(&mut self, title: &str) -> &mut PlanPhase {
        let phases = &mut self.phases;
        let index = phases.iter().position(|phase| phase.title == title).unwrap_or_else(|| {
            let estimate = Estimate::default();
            phases.push(PlanPhase { title: title.to_owned(), agents: 0, estimate });
            phases.len() - 1
        });
        &mut phases[index]
    }

    /// The constructs that the calls were found to be in.
    fn group(&self, entries: &[Entry], places: &Places) -> Vec<GroupPlan> {
        let mut groups: BTreeMap<(Scope, u32), (GroupPlan, BTreeSet<u32>)> = BTreeMap::new();
        for (ordinal, call) in (1..).zip(&self.calls) {
            let Some(Place { scope, slot }) = places.found.get(&ordinal) else { continue };
            let (group, slots) = groups.entry((*scope, slot.ordinal)).or_insert_with(|| {
                let script = culprit::script_of(entries, *scope).map(|(_, file)| file);
                let group = GroupPlan {
                    kind: slot.group,
                    script: script.unwrap_or_default().to_owned(),
                    ordinal: slot.ordinal,
                    fan_out: 0,
                    agents: 0,
                    phase: call.request.phase.clone(),
                };
                (group, BTreeSet::new())
            });
            group.agents += 1;
            slots.insert(slot.index);
            group.fan_out = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        }
        groups.into_values().map(|(group, _)| group).collect()
    }
}

/// The model that a call would ask for: its own or the default, by its full name.
fn model_of(request: &AgentRequest, head: &RunHead) -> Option<String> {
    let asked = request.model.as_ref().or(head.defaults.model.as_ref())?;
    // The last one given wins, as flags do.
    let mapped = head.model_map.iter().rev().find(|(alias, _)| alias == asked);
    Some(mapped.map_or(asked, |(_, selector)| selector).clone())
}

fn estimate(request: &AgentRequest, answer: u64) -> Estimate {
    let asked = tokens(&request.prompt) + request.schema.as_deref().map_or(0, tokens);
    Estimate {
        input_low: OVERHEAD_LOW + asked,
        input_high: TURNS_HIGH * (OVERHEAD_HIGH + asked),
        output_low: answer,
        output_high: WRITTEN_HIGH.max(answer),
    }
}

fn plan_error(ended: Ended) -> PlanError {
    let position = |number: u32| (number > 0).then_some(number);
    match ended {
        Ended::Failed(error) => PlanError {
            code: error.failure.clone().unwrap_or_else(|| error.code.clone()),
            message: format!("{}: {}", error.name, error.message),
            line: position(error.line),
            column: position(error.column),
        },
        Ended::Stopped { code, message } => PlanError { code, message, line: None, column: None },
        Ended::Completed(_) | Ended::BrokenOff => PlanError {
            code: "broken_off".to_owned(),
            message: "the script waits, and nothing is under way".to_owned(),
            line: None,
            column: None,
        },
    }
}

/// Answers in order of issue, and skips sleeps when no agent is at work.
struct InOrder<'a> {
    stubs: &'a mut Stubs,
    at_once: u32,
    /// Tokens of each answer.
    answers: BTreeMap<CallId, u64>,
}

impl Director for InOrder<'_> {
    fn cue(&mut self, working: &[&Asked], _sleeping: bool) -> Cue {
        let count = u32::try_from(working.len()).unwrap_or(u32::MAX);
        self.at_once = self.at_once.max(count);
        if working.is_empty() { Cue::Wake } else { Cue::Answer(0) }
    }

    fn answer(&mut self, asked: &Asked) -> (Outcome, Reply) {
        let (outcome, reply) = self.stubs.answer(&asked.request);
        self.answers.insert(asked.call, reply.usage.output_tokens);
        (outcome, reply)
    }
}
