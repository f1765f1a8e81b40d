//! Runs a script with stubs in place of agents.
//!
//! Owns: a run in which a [`Scenario`] decides which agent answers next, with what, and
//! when everything in memory is lost. Never: decides any of that, or waits for anything
//! outside.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use smol_wf_core::codes::Code;
use smol_wf_core::gate::AskRequest;
use smol_wf_core::guest::{Failure, Outcome, ScriptError, StopTurn};
use smol_wf_core::ids::{Scope, StepId, TimerId};
use smol_wf_core::journal::{self, Chain, Entry, Record, RunEnd, RunHead, ScopeStart};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::{Effect, Machine};
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::{AgentRequest, Reply};
use smol_wf_sandbox::Sandbox;

use super::Simulator;
use super::bounds::Bounds;
use super::simulated_run::{SimulatedRun, SimulationEnd};
use super::stubs;
use crate::agents::assign;
use crate::diagnose;
use crate::error::EngineError;
use crate::journal::Entries;
use crate::turn::backend::Backend;
use crate::turn::children::{self, QueuedChild};
use crate::turn::driver::Turns;
use crate::turn::pause::Pause;

/// The time at which every simulation begins, 2025-01-01 UTC, so that scripts see the
/// same clock in each.
const BEGIN_US: i64 = 1_735_689_600_000_000;

/// An agent step that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct PendingAgent {
    pub(super) step: StepId,
    /// Its number among the agent steps of the run, from 1.
    pub(super) ordinal: u32,
    pub(super) request: AgentRequest,
}

/// A question that waits for people.
#[derive(Debug, Clone)]
pub(super) struct PendingAsk {
    pub(super) step: StepId,
    /// Its number among the questions of the run, from 1.
    pub(super) ordinal: u32,
    pub(super) request: Arc<AskRequest>,
}

/// What people do with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Person {
    /// They give this answer, as JSON text.
    Answers(String),
    /// They let its time pass. A question without a deadline stays open.
    Waits,
}

/// What happens next in a simulation.
pub(super) enum Pick {
    /// The agent at this index of those at work answers.
    Answer(usize),
    /// The question at this index of the open ones is settled.
    Ask(usize),
    /// The first sleep or timer is over.
    Wake,
    /// The run ends here.
    End,
}

/// Decides what happens in a simulated run.
pub(super) trait Scenario: Send {
    /// Decides what happens next. `working` has an item, or `asks` are open, or
    /// `sleeping` is true.
    fn pick(&mut self, working: &[&PendingAgent], asks: usize, sleeping: bool) -> Pick;

    /// Decides what people do with this question.
    fn person(&mut self, ask: &PendingAsk) -> Person;

    /// Decides the outcome of this agent.
    fn answer(&mut self, asked: &PendingAgent) -> (Outcome, Reply);

    /// Decides whether everything in memory is lost now, after this number of deliveries.
    fn crashes(&mut self, _deliveries: usize) -> bool {
        false
    }

    /// Takes the entries that were written since the last call.
    fn wrote(&mut self, _entries: &[Entry]) {}
}

/// Scripts of child workflows by caller and target: files are read once.
pub(super) type ChildCache = HashMap<(String, String), children::ChildScript>;

/// The backend of one simulated run.
struct Simulation<'a> {
    simulator: &'a Simulator,
    found: &'a mut ChildCache,
    scenario: &'a mut dyn Scenario,
    bounds: Bounds,
    refused: BTreeMap<StepId, Failure>,
    child_errors: BTreeMap<Scope, ScriptError>,
    /// The entries that the scenario has seen. `fresh` has the others.
    entries: Vec<Entry>,
    fresh: Vec<Entry>,
    /// By step number, which is the order of issue and of dispatch.
    asked: BTreeMap<StepId, PendingAgent>,
    asks: BTreeMap<StepId, PendingAsk>,
    /// Questions of the run so far, by step.
    ask_ordinals: BTreeMap<StepId, u32>,
    sleeping: BTreeSet<(i64, Sleeper)>,
    now_us: i64,
    deliveries: usize,
    /// Why the run rests.
    rests: RestReason,
}

/// A step or timer that waits for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sleeper {
    Step(StepId),
    Timer(TimerId),
}

/// Why a run rests.
enum RestReason {
    /// Nothing else can happen.
    BrokenOff,
    /// A bound was crossed.
    Bound(SimulationEnd),
    /// Everything but the journal is lost.
    Crashed,
}

/// Runs the script once under a scenario.
///
/// # Errors
/// When the sandbox fails. Errors of the script are in the run.
pub(super) async fn simulate(
    simulator: &Simulator,
    found: &mut ChildCache,
    scenario: &mut dyn Scenario,
) -> Result<SimulatedRun, EngineError> {
    let head: RunHead = simulator.head.clone();
    let guest = Sandbox::guest_digest();
    let Simulator { root, limits, answers, .. } = simulator;
    let mut machine = match answers.is_empty() {
        true => Machine::start(head, root.clone(), *limits, guest, BEGIN_US),
        false => Machine::fork(head, root.clone(), answers.clone(), *limits, guest, BEGIN_US),
    };
    let mut simulation = Simulation {
        simulator,
        found,
        scenario,
        bounds: Bounds::default(),
        refused: BTreeMap::new(),
        child_errors: BTreeMap::new(),
        entries: Vec::new(),
        fresh: Vec::new(),
        asked: BTreeMap::new(),
        asks: BTreeMap::new(),
        ask_ordinals: BTreeMap::new(),
        sleeping: BTreeSet::new(),
        now_us: BEGIN_US,
        deliveries: 0,
        rests: RestReason::BrokenOff,
    };
    let ended = loop {
        let mut turns = Turns::new(simulator.sandbox.clone());
        let pause;
        (machine, pause) = turns.drive(machine, &mut simulation).await?;
        simulation.wrote(machine.take_entries());
        simulation.look();
        match simulation.ended(&machine, pause) {
            Some(ended) => break ended,
            None => machine = simulation.crash()?,
        }
    };
    let Simulation { entries, refused, child_errors, .. } = simulation;
    Ok(SimulatedRun { entries, ended, refused, child_errors, struck: Vec::new() })
}

impl Backend for Simulation<'_> {
    type Halt = EngineError;

    fn now_us(&self) -> i64 {
        self.now_us
    }

    fn wrote(&mut self, entries: Vec<Entry>) {
        self.fresh.extend(entries);
    }

    fn child_failed(&mut self, scope: Scope, error: &ScriptError) {
        self.child_errors.insert(scope, error.clone());
    }

    /// Diagnoses a script that waits for nothing, within the bounds.
    async fn unsettled(
        &mut self,
        scope: Scope,
        _limits: Limits,
    ) -> Result<Option<Vec<String>>, EngineError> {
        self.look();
        if !self.bounds.may_diagnose() {
            return Ok(Some(Vec::new()));
        }
        let Simulator { sandbox, limits, .. } = self.simulator;
        let journal = Entries::Kept(Some(self.entries.clone()));
        let found = diagnose::unsettled(sandbox, journal, *limits, scope).await;
        Ok(Some(found.unwrap_or_default()))
    }

    async fn commit(&mut self) -> Result<bool, EngineError> {
        self.look();
        if let Some(ended) = self.bounds.crossed() {
            self.rests = RestReason::Bound(ended);
            return Ok(false);
        }
        Ok(true)
    }

    fn perform(&mut self, effects: Vec<Effect>, machine: &mut Machine) {
        let Simulator { head, registry, resources, .. } = self.simulator;
        for effect in effects {
            match effect {
                Effect::RunAgent { step, ordinal, request } => {
                    // A run refuses these as well.
                    let assigned = assign(&request, head, registry).map(|_| ());
                    if let Err(failure) = assigned.and_then(|()| resources.check(&request)) {
                        self.refused.insert(step, failure.clone());
                        machine.complete(step, Outcome::Failed(failure), None);
                        continue;
                    }
                    self.asked.insert(
                        step,
                        PendingAgent { step, ordinal, request: Arc::unwrap_or_clone(request) },
                    );
                }
                Effect::SleepUntil { step, wake_at_us, .. } => {
                    self.sleeping.insert((wake_at_us, Sleeper::Step(step)));
                }
                Effect::Ask { step, request, .. } => {
                    let ordinal = self.ask_ordinals.get(&step).copied().unwrap_or(0);
                    self.asks.insert(step, PendingAsk { step, ordinal, request });
                }
                // Queued by the driver, or of a message, which a simulation has none of.
                Effect::FindChild { .. }
                | Effect::RestartAgent { .. }
                | Effect::AnswerAgent { .. }
                | Effect::TellAgent { .. } => {}
                Effect::Cancel(step) => {
                    self.asked.remove(&step);
                    self.asks.remove(&step);
                    self.sleeping.retain(|(_, sleeping)| *sleeping != Sleeper::Step(step));
                }
                Effect::SetTimer { timer, left_us } => {
                    let due_us = self.now_us.saturating_add(left_us);
                    self.sleeping.insert((due_us, Sleeper::Timer(timer)));
                }
                Effect::ClearTimer(timer) => {
                    self.sleeping.retain(|(_, sleeping)| *sleeping != Sleeper::Timer(timer));
                }
            }
        }
    }

    async fn find(&mut self, child: QueuedChild) -> Option<children::ChildScript> {
        let QueuedChild { step, caller, target, args } = child;
        let key = (caller.clone(), format!("{target:?}"));
        if !self.found.contains_key(&key) {
            let found = self.simulator.children.find_script(step, caller, target).await;
            let found = found.map(|(start, _)| start);
            self.found.insert(key.clone(), found);
        }
        let start = match self.found.get(&key)? {
            Ok(start) => start,
            Err(failure) => return Some(Err(failure.clone())),
        };
        let start = ScopeStart { scope: Scope::of(step), ..(**start).clone() };
        Some(self.simulator.children.given(start, args).map(Box::new))
    }

    /// Lets the scenario decide what happens.
    async fn wait(&mut self, machine: &mut Machine) -> Result<bool, EngineError> {
        if self.scenario.crashes(self.deliveries) {
            self.rests = RestReason::Crashed;
            return Ok(false);
        }
        Ok(self.happen(machine))
    }
}

impl Simulation<'_> {
    /// Shows the scenario the entries that were written since the last look.
    fn look(&mut self) {
        self.scenario.wrote(&self.fresh);
        for entry in &self.fresh {
            if let Some((step, StepRequest::Ask(_))) = entry.body.asked() {
                let ordinal = u32::try_from(self.ask_ordinals.len()).unwrap_or(u32::MAX);
                self.ask_ordinals.insert(step, ordinal.saturating_add(1));
            }
        }
        self.bounds.count(&self.fresh);
        self.entries.append(&mut self.fresh);
    }

    /// How the run ended; none when it goes on from its journal.
    fn ended(&mut self, machine: &Machine, pause: Pause) -> Option<SimulationEnd> {
        Some(match pause {
            Pause::Ended => match machine.end() {
                Some(RunEnd::Completed { result, .. }) => SimulationEnd::Completed(result.clone()),
                Some(RunEnd::Failed { error }) => SimulationEnd::Failed(error.clone()),
                None => SimulationEnd::BrokenOff,
            },
            Pause::Rest => match std::mem::replace(&mut self.rests, RestReason::BrokenOff) {
                RestReason::BrokenOff => SimulationEnd::BrokenOff,
                RestReason::Bound(ended) => ended,
                RestReason::Crashed => return None,
            },
            // Unreachable: `unsettled` gives up scripts that are stuck.
            Pause::Stuck(_) => SimulationEnd::BrokenOff,
            Pause::Stopped(stop) => stopped(stop),
            Pause::Fault(said) => {
                let message = format!("the sandbox stopped the script: {said}");
                SimulationEnd::Stopped { code: Code::GuestFault.into(), message, reached: None }
            }
        })
    }

    /// Makes the next delivery. Returns false when nothing else can happen.
    fn happen(&mut self, machine: &mut Machine) -> bool {
        // Agents are dispatched in order of issue, so those at work are the first of all
        // open ones.
        let at_once = self.simulator.limits.parallel_agents.max(1) as usize;
        let working: Vec<&PendingAgent> = self.asked.values().take(at_once).collect();
        if working.is_empty() && self.asks.is_empty() && self.sleeping.is_empty() {
            return false;
        }
        self.deliveries += 1;
        match self.scenario.pick(&working, self.asks.len(), !self.sleeping.is_empty()) {
            Pick::Answer(index) => {
                let Some(asked) = working.get(index).or(working.last()) else { return false };
                let asked = (*asked).clone();
                self.asked.remove(&asked.step);
                let (outcome, reply) = self.scenario.answer(&asked);
                machine.complete(asked.step, outcome, Some(reply));
            }
            Pick::Ask(index) => self.settle(index, machine),
            Pick::Wake => {
                let Some((at_us, sleeper)) = self.sleeping.pop_first() else { return false };
                self.now_us = self.now_us.max(at_us);
                match sleeper {
                    Sleeper::Step(step) => {
                        machine.complete(step, Outcome::Value("null".to_owned()), None);
                    }
                    Sleeper::Timer(timer) => machine.fire(timer),
                }
            }
            Pick::End => return false,
        }
        true
    }

    /// Lets people answer a question, or its time pass.
    fn settle(&mut self, index: usize, machine: &mut Machine) {
        let ask = self.asks.values().nth(index).or_else(|| self.asks.values().last());
        let Some(ask) = ask.cloned() else { return };
        let PendingAsk { step, request, .. } = &ask;
        self.asks.remove(step);
        if let Person::Answers(value) = self.scenario.person(&ask) {
            let answer =
                machine.answer(*step, &request.digest(), &value, stubs::NAME, None, self.now_us);
            if answer.is_ok() {
                return;
            }
        }
        if let Some(at_us) = request.deadline_us {
            self.now_us = self.now_us.max(at_us);
            machine.ask_timed_out(*step);
        }
    }

    /// Loses everything but the journal, and resumes the run from that.
    fn crash(&mut self) -> Result<Machine, EngineError> {
        self.asked.clear();
        self.asks.clear();
        self.sleeping.clear();
        let unreadable =
            |error| EngineError::Journal { run: self.simulator.head.run.clone(), error };
        let entries = journal::read(&seal(&self.entries)?).map_err(unreadable)?;
        Machine::resume_whole(entries, self.simulator.limits, Sandbox::guest_digest(), self.now_us)
            .map_err(unreadable)
    }
}

fn stopped(stop: StopTurn) -> SimulationEnd {
    match stop {
        StopTurn::Limit(limit) => {
            let (code, message) = (limit.code().into(), limit.to_string());
            SimulationEnd::Stopped { code, message, reached: Some(limit) }
        }
        StopTurn::Mismatch(mismatch) => SimulationEnd::Stopped {
            code: Code::ReplayMismatch.into(),
            message: mismatch.to_string(),
            reached: None,
        },
    }
}

/// The records of these entries, as a store would have them.
fn seal(entries: &[Entry]) -> Result<Vec<Record>, EngineError> {
    let mut chain = Chain::new();
    let sealed: Result<Vec<Record>, _> = entries.iter().map(|entry| chain.seal(entry)).collect();
    sealed.map_err(|error| EngineError::System {
        doing: "write an entry of the journal as JSON",
        error: error.into(),
    })
}
