//! Simulates a script under many schedules, and reports what depends on them.
//!
//! Owns: which schedules are simulated, and which outcomes are findings. Never: a finding
//! without evidence; each names the schedule that shows it, every time.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use smol_wf_core::codes::Code;
use smol_wf_core::cut;
use smol_wf_core::guest::ScriptError;
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::AgentRequest;

use super::culprit::{self, Break};
use super::faults::{self, Effect, Struck};
use super::finding::{Exploration, ExploreOptions, FindingKind, Side, Tally};
use super::finding_set::{FindingSet, NewFinding};
use super::schedule::{BySchedule, Crash, Extent, First, Schedule};
use super::simulated_run::{SimulatedRun, SimulationEnd};
use super::simulation::{ChildCache, simulate};
use super::stubs::Stubs;
use super::{Simulator, contrast};
use crate::error::EngineError;

/// Most runs of a script that does not end: each takes seconds, and further runs show
/// little that is new.
const ENDLESS_MAX: u32 = 3;

/// Most steps of an order that are shown.
const ORDER_SHOWN_MAX: usize = 12;

impl Simulator {
    /// Simulates the script under many schedules.
    ///
    /// # Errors
    /// When the sandbox fails. Errors of the script are findings.
    pub async fn explore(&self, options: &ExploreOptions) -> Result<Exploration, EngineError> {
        let mut explorer = Explorer::new(self);
        let undisturbed = Schedule::undisturbed();
        let base = explorer.simulate(&undisturbed).await?;
        explorer.count(&undisturbed, &base);
        let extent = extent(&base.entries);
        explorer.tally.agents = extent.agents;
        explorer.tally.asks = extent.asks;
        explorer.judge_refused(&base);
        explorer.judge_lost(&undisturbed, &base).await?;
        let ended_early = !matches!(base.ended, SimulationEnd::Completed(_));
        if ended_early {
            explorer.judge_undisturbed(&base);
        } else {
            let numbers = match options.schedule {
                Some(number) => number..number.saturating_add(1),
                None => 1..options.runs,
            };
            for number in numbers {
                if explorer.endless >= ENDLESS_MAX {
                    explorer.gave_up = true;
                    break;
                }
                let schedule = Schedule::nth(number, self.head.seed, extent);
                let run = explorer.simulate(&schedule).await?;
                explorer.count(&schedule, &run);
                let before = explorer.notes.taken;
                explorer.judge(&schedule, &run, &base).await?;
                let is_as_written = !matches!(run.ended, SimulationEnd::Completed(_))
                    && explorer.notes.taken == before;
                explorer.tally.failed_as_written += u64::from(is_as_written);
            }
        }
        explorer.tally.orders = explorer.orders.len() as u64;
        Ok(Exploration {
            schema_version: 1,
            name: self.head.name.clone(),
            seed: self.head.seed,
            tally: explorer.tally,
            findings: explorer.notes.into_findings(),
            ended_early,
            gave_up: explorer.gave_up,
        })
    }
}

/// Agents and deliveries of a run.
fn extent(entries: &[Entry]) -> Extent {
    let count = |is: fn(&Body) -> bool| entries.iter().filter(|entry| is(&entry.body)).count();
    let agents = count(|body| body.asked_agent().is_some());
    let deliveries = count(|body| matches!(body, Body::Settled { .. }));
    let asks = count(|body| matches!(body.asked(), Some((_, StepRequest::Ask(_)))));
    let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
    Extent { agents: number(agents), deliveries, asks: number(asks) }
}

/// The state of one exploration.
pub(super) struct Explorer<'a> {
    simulator: &'a Simulator,
    stubs: Stubs,
    found: ChildCache,
    tally: Tally,
    orders: HashSet<u64>,
    pub(super) notes: FindingSet,
    /// Number of runs that did not end by themselves.
    endless: u32,
    gave_up: bool,
}

impl<'a> Explorer<'a> {
    fn new(simulator: &'a Simulator) -> Self {
        Self {
            simulator,
            stubs: Stubs::new(simulator.head.seed),
            found: ChildCache::new(),
            tally: Tally::default(),
            orders: HashSet::new(),
            notes: FindingSet::default(),
            endless: 0,
            gave_up: false,
        }
    }

    async fn simulate(&mut self, schedule: &Schedule) -> Result<SimulatedRun, EngineError> {
        let scenario = BySchedule::new(schedule, &mut self.stubs);
        simulated(self.simulator, &mut self.found, scenario, &mut self.endless).await
    }

    /// The same, with agents that always answer first.
    pub(super) async fn simulate_with(
        &mut self,
        schedule: &Schedule,
        first: First,
    ) -> Result<SimulatedRun, EngineError> {
        let scenario = BySchedule::new(schedule, &mut self.stubs).with_first(first);
        simulated(self.simulator, &mut self.found, scenario, &mut self.endless).await
    }

    /// Adds a run to the counts.
    fn count(&mut self, schedule: &Schedule, run: &SimulatedRun) {
        let tally = &mut self.tally;
        tally.schedules += 1;
        match run.ended {
            SimulationEnd::Completed(_) => tally.completed += 1,
            _ => tally.failed += 1,
        }
        let is_null = |struck: &Struck| struck.effect == Effect::Null;
        tally.with_nulls += u64::from(run.struck.iter().any(is_null));
        let is_other = |struck: &Struck| struck.effect.is_of_people();
        let is_failure = |struck: &&Struck| !is_null(struck) && !is_other(struck);
        tally.with_failures += u64::from(run.struck.iter().any(|one| is_failure(&one)));
        tally.with_other_answers += u64::from(run.struck.iter().any(is_other));
        tally.with_crashes += u64::from(schedule.crash != Crash::Never);
        if !schedule.only_reorders() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        for entry in &run.entries {
            if let Body::Settled { step, .. } = entry.body {
                step.hash(&mut hasher);
            }
        }
        self.orders.insert(hasher.finish());
    }

    /// Reports the steps that a run refuses under any schedule.
    fn judge_refused(&mut self, base: &SimulatedRun) {
        let undisturbed = Schedule::undisturbed();
        for entry in &base.entries {
            if let Some((step, request)) = entry.body.asked_agent()
                && let Some(failure) = base.refused.get(&step)
            {
                let message = format!("`{}` is refused: {}", request.title(), failure.message);
                self.notes.take(NewFinding::new(FindingKind::Refused, undisturbed.number, message));
            }
        }
    }

    fn judge_undisturbed(&mut self, base: &SimulatedRun) {
        let undisturbed = Schedule::undisturbed();
        if self.judge_end(&undisturbed, base) {
            return;
        }
        if let SimulationEnd::Failed(error) = &base.ended {
            let root = &self.simulator.root;
            let own = Some(&root.text).filter(|_| error.file.is_none());
            let line = own.and_then(|text| culprit::line_of(text, error.line)).unwrap_or_default();
            let lacks_args = root.args.is_none()
                && error.message.ends_with("undefined")
                && ["args", "input"].iter().any(|name| line.contains(name));
            let hint = if lacks_args { "; no arguments were given" } else { "" };
            let message =
                format!("the script fails although nothing went wrong: {}{hint}", of_error(error));
            let note = NewFinding::new(FindingKind::Fails, undisturbed.number, message);
            let root = Some(root);
            self.notes.take(NewFinding { error: Some(error), root, lacks_args, ..note });
        }
    }

    /// Adds the findings of a run under this schedule.
    async fn judge(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
        base: &SimulatedRun,
    ) -> Result<(), EngineError> {
        if schedule.crash != Crash::Never {
            return self.judge_crash(schedule, run, base).await;
        }
        if self.judge_end(schedule, run) {
            return Ok(());
        }
        if schedule.only_reorders() {
            self.judge_order(schedule, run, base);
            return self.judge_lost(schedule, run).await;
        }
        self.judge_faults(schedule, run, base).await
    }

    /// Reports an end that is a finding under any schedule. Returns whether it did.
    fn judge_end(&mut self, schedule: &Schedule, run: &SimulatedRun) -> bool {
        let entries = &run.entries;
        let ended = &run.ended;
        let (kind, said, cause, error) = match ended {
            SimulationEnd::Failed(error) if ended.hangs() => {
                (FindingKind::Hang, error.message.clone(), None, Some(error))
            }
            SimulationEnd::Stopped { code, .. } if *code == Code::LimitAgents => {
                let last = culprit::last_agent(entries);
                let agents = self.simulator.limits.agents;
                let title = last.map(AgentRequest::title).unwrap_or_default();
                let said = format!(
                    "the script does not end: it asked {agents} agents and went on asking, last for `{title}`; bound its loop"
                );
                (FindingKind::Unbounded, said, last.map(faults::stem), None)
            }
            SimulationEnd::Stopped { message, .. } if ended.goes_on() => {
                let did = message.replacen("the script ", "it ", 1);
                let said = format!("the script does not end: {did}; bound its loop");
                (FindingKind::Unbounded, said, Some(String::new()), None)
            }
            SimulationEnd::Stopped { .. } if ended.hangs() => {
                let said = "the script computes without end, and waits for nothing".to_owned();
                (FindingKind::Hang, said, None, None)
            }
            SimulationEnd::Stopped { message, .. } => {
                (FindingKind::Fails, message.clone(), None, None)
            }
            SimulationEnd::BrokenOff => {
                (FindingKind::Fails, "it waits, but nothing is pending".to_owned(), None, None)
            }
            SimulationEnd::Completed(_) | SimulationEnd::Failed(_) => return false,
        };
        let when = schedule.circumstances(&run.struck);
        let cause = cause.or_else(|| Some(said.clone()));
        let message = when.as_ref().map_or_else(|| said.clone(), |when| format!("{when}: {said}"));
        let note = NewFinding::new(kind, schedule.number, message);
        let fault = when.and_then(|when| Some((run.struck.first()?.effect, when)));
        let root = Some(&self.simulator.root);
        self.notes.take(NewFinding { error, root, cause, fault, ..note });
        true
    }

    /// Reports an outcome that depends on the order of answers.
    fn judge_order(&mut self, schedule: &Schedule, run: &SimulatedRun, base: &SimulatedRun) {
        if run.ended == base.ended {
            return;
        }
        let kind = FindingKind::OrderDependent;
        if self.notes.count(kind) {
            return;
        }
        let (message, error) = match (&base.ended, &run.ended) {
            (SimulationEnd::Completed(one), SimulationEnd::Completed(other)) => {
                let (path, one_at, other_at) = contrast::results(one, other);
                let what = if contrast::same_but_for_order(one, other) {
                    "the order of the result's lists depends on"
                } else {
                    "the result depends on"
                };
                let message = format!(
                    "{what} the order in which agents answer: result{path} is {one_at}, or {other_at}"
                );
                (message, None)
            }
            (_, SimulationEnd::Failed(error)) => {
                let message =
                    format!("in another order of answers the script fails: {}", of_error(error));
                (message, Some(error))
            }
            _ => return,
        };
        let root = Some(&self.simulator.root);
        let note = NewFinding::new(kind, schedule.number, message);
        self.notes.take(NewFinding { error, root, ..note });
        let sides = [(0, base), (schedule.number, run)].map(|(schedule, run)| {
            let mut order = culprit::order_of(&run.entries);
            if order.len() > ORDER_SHOWN_MAX {
                order.truncate(ORDER_SHOWN_MAX - 1);
                order.push("…".to_owned());
            }
            Side { schedule, order, outcome: outcome(&run.ended) }
        });
        self.notes.show(sides.to_vec());
    }

    /// Reports the breaks that a fault caused: the schedule without the fault must not show
    /// them.
    async fn judge_faults(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
        base: &SimulatedRun,
    ) -> Result<(), EngineError> {
        let broken = culprit::breaks(run);
        if broken.is_empty() {
            return Ok(());
        }
        let fresh = |still: &[Break]| {
            let is_fresh = |one: &&Break| !still.iter().any(|other| one.same_place(other));
            broken.iter().filter(is_fresh).cloned().collect::<Vec<Break>>()
        };
        if schedule.lasts() {
            // Without its only fault, it is the undisturbed schedule.
            let culprit = run.struck.first().filter(|_| run.struck.len() == 1);
            for one in fresh(&culprit::breaks(base)) {
                self.blame(schedule, run, &one, culprit);
            }
            return Ok(());
        }
        for struck in &run.struck {
            let without = self.simulate(&schedule.without_fault(struck.agent)).await?;
            for one in fresh(&culprit::breaks(&without)) {
                self.blame(schedule, run, &one, Some(struck));
            }
        }
        Ok(())
    }

    /// Adds the finding that a fault broke the script.
    fn blame(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
        broken: &Break,
        culprit: Option<&Struck>,
    ) {
        // `void` says that the promise is deliberately not awaited, and in a body its
        // failure is only a warning.
        let is_meant = matches!(run.ended, SimulationEnd::Completed(_))
            && broken.error.code == culprit::UNHANDLED
            && culprit::is_meant(&run.entries, broken.scope, &broken.error);
        if is_meant {
            return;
        }
        let Some(effect) = culprit.or(run.struck.first()).map(|one| one.effect) else {
            return;
        };
        let kind = match effect {
            Effect::Null => FindingKind::UnhandledNull,
            Effect::Declined | Effect::Otherwise => FindingKind::UnhandledAnswer,
            _ => FindingKind::UnhandledFailure,
        };
        let when = schedule.circumstances(&run.struck).unwrap_or_default();
        let message = culprit::sentence(&run.entries, broken, culprit, &when);
        let script = culprit::script_of(&run.entries, broken.scope);
        self.notes.take(NewFinding {
            error: Some(&broken.error),
            child: script.filter(|start| start.scope != Scope::ROOT),
            root: Some(&self.simulator.root),
            fault: Some((effect, when)),
            is_broad: culprit.is_none() || run.struck.len() > 1,
            ..NewFinding::new(kind, schedule.number, message)
        });
    }

    /// Compares a run that was resumed after crashes with one that was not.
    async fn judge_crash(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
        base: &SimulatedRun,
    ) -> Result<(), EngineError> {
        let twin = schedule.without_crash();
        let simulated;
        let twin = if twin.order == Schedule::undisturbed().order {
            base
        } else {
            simulated = self.simulate(&twin).await?;
            &simulated
        };
        let differs = match &run.ended {
            SimulationEnd::Stopped { code, message, .. } if code == "replay_mismatch" => {
                Some(message.clone())
            }
            ended if *ended != twin.ended => Some(format!(
                "without a crash the outcome is {}, with one it is {}",
                outcome(&twin.ended),
                outcome(ended)
            )),
            _ => contrast::journals(&twin.entries, &run.entries)
                .map(|(one, other)| format!("without a crash: {one}; with one: {other}")),
        };
        if let Some(differs) = differs {
            let message = format!("resumed after a crash, the run differs: {differs}");
            self.notes.take(NewFinding::new(FindingKind::ResumeDiffers, schedule.number, message));
        }
        Ok(())
    }
}

/// Simulates one schedule, and keeps the steps that its faults struck.
async fn simulated(
    simulator: &Simulator,
    found: &mut ChildCache,
    mut scenario: BySchedule<'_>,
    endless: &mut u32,
) -> Result<SimulatedRun, EngineError> {
    let run = simulate(simulator, found, &mut scenario).await?;
    *endless += u32::from(run.took_long());
    Ok(SimulatedRun { struck: scenario.into_struck(), ..run })
}

fn outcome(ended: &SimulationEnd) -> String {
    match ended {
        SimulationEnd::Completed(result) => cut::to_chars(result, contrast::SHOWN_CHARS),
        SimulationEnd::Failed(error) => format!("failed: {}", of_error(error)),
        SimulationEnd::Stopped { code, message, .. } => format!("stopped: {message} [{code}]"),
        SimulationEnd::BrokenOff => "stopped".to_owned(),
    }
}

fn of_error(error: &ScriptError) -> String {
    format!("{}: {}", error.name, error.message)
}
