//! Performs a script under many schedules, and reports what depends on them.
//!
//! Owns: which schedules there are, and what of their outcomes is a finding.
//! Never: an opinion without evidence; every finding names the schedule that
//! shows it, and that schedule shows it again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use smol_wf_core::guest::ScriptError;
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry, ScopeStart};
use smol_wf_core::script::snippet;

use super::culprit::{self, Break};
use super::finding::{Exploration, ExploreOptions, Finding, FindingKind, Side, Tally};
use super::schedule::{BySchedule, Crash, Extent, Fault, Schedule};
use super::stage::{Ended, Found, Performance, perform};
use super::stubs::Stubs;
use super::{Rehearsal, contrast};
use crate::error::EngineError;

/// Findings that are listed. A script that breaks everywhere is not understood
/// better by its hundredth finding.
const FINDINGS_MAX: usize = 20;

/// Performances of a script that does not end: each takes seconds, and after a
/// few of them the rest has little to add.
const ENDLESS_MAX: u32 = 3;

/// Calls of an order that are shown.
const ORDER_SHOWN_MAX: usize = 12;

impl Rehearsal {
    /// Performs the script under many schedules.
    ///
    /// # Errors
    /// When the script cannot be performed at all; what it does wrong is in the
    /// findings.
    pub async fn explore(&self, options: &ExploreOptions) -> Result<Exploration, EngineError> {
        let mut tour = Tour::new(self);
        let undisturbed = Schedule::undisturbed();
        let base = tour.perform(&undisturbed).await?;
        tour.count(&undisturbed, &base);
        let extent = extent(&base.entries);
        tour.tally.agents = extent.agents;
        tour.judge_refused(&base);
        let ended_early = !matches!(base.ended, Ended::Completed(_));
        if ended_early {
            tour.judge_undisturbed(&base);
        } else {
            let numbers = match options.schedule {
                Some(number) => number..number.saturating_add(1),
                None => 1..options.runs,
            };
            for number in numbers {
                if tour.endless >= ENDLESS_MAX {
                    tour.gave_up = true;
                    break;
                }
                let schedule = Schedule::nth(number, self.head.seed, extent);
                let performance = tour.perform(&schedule).await?;
                tour.count(&schedule, &performance);
                tour.judge(&schedule, &performance, &base).await?;
            }
        }
        tour.tally.orders = tour.orders.len() as u64;
        Ok(Exploration {
            schema_version: 1,
            name: self.head.name.clone(),
            seed: self.head.seed,
            tally: tour.tally,
            findings: tour.findings,
            ended_early,
            gave_up: tour.gave_up,
        })
    }
}

/// Agents and deliveries of a performance.
fn extent(entries: &[Entry]) -> Extent {
    let count = |is: fn(&Body) -> bool| entries.iter().filter(|entry| is(&entry.body)).count();
    let agents = count(|body| matches!(body, Body::AgentCalled { .. }));
    let deliveries = count(|body| matches!(body, Body::Settled { .. }));
    Extent { agents: u32::try_from(agents).unwrap_or(u32::MAX), deliveries }
}

struct Tour<'a> {
    rehearsal: &'a Rehearsal,
    stubs: Stubs,
    found: Found,
    tally: Tally,
    orders: HashSet<u64>,
    findings: Vec<Finding>,
    /// Performances that did not end by themselves.
    endless: u32,
    gave_up: bool,
}

impl<'a> Tour<'a> {
    fn new(rehearsal: &'a Rehearsal) -> Self {
        Self {
            rehearsal,
            stubs: Stubs::new(rehearsal.head.seed),
            found: Found::new(),
            tally: Tally::default(),
            orders: HashSet::new(),
            findings: Vec::new(),
            endless: 0,
            gave_up: false,
        }
    }

    async fn perform(&mut self, schedule: &Schedule) -> Result<Performance, EngineError> {
        let mut director = BySchedule::new(schedule, &mut self.stubs);
        let performance = perform(self.rehearsal, &mut self.found, &mut director).await?;
        self.endless += u32::from(performance.ended.took_long());
        Ok(performance)
    }

    fn count(&mut self, schedule: &Schedule, performance: &Performance) {
        let tally = &mut self.tally;
        tally.schedules += 1;
        match performance.ended {
            Ended::Completed(_) => tally.completed += 1,
            _ => tally.failed += 1,
        }
        let is_null = |fault: &(u32, Fault)| fault.1 == Fault::Null;
        tally.with_nulls += u64::from(schedule.faults.iter().any(is_null));
        tally.with_failures += u64::from(schedule.faults.iter().any(|fault| !is_null(fault)));
        tally.with_crashes += u64::from(schedule.crash != Crash::Never);
        if !schedule.only_reorders() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        for entry in &performance.entries {
            if let Body::Settled { call, .. } = entry.body {
                call.hash(&mut hasher);
            }
        }
        self.orders.insert(hasher.finish());
    }

    /// Calls that a run refuses in whatever order answers come.
    fn judge_refused(&mut self, base: &Performance) {
        let undisturbed = Schedule::undisturbed();
        for entry in &base.entries {
            if let Body::AgentCalled { call, request, .. } = &entry.body
                && let Some(failure) = base.refused.get(call)
            {
                let message = format!("`{}` is refused: {}", request.title(), failure.message);
                self.add(FindingKind::Refused, &undisturbed, message, None, None);
            }
        }
    }

    fn judge_undisturbed(&mut self, base: &Performance) {
        let undisturbed = Schedule::undisturbed();
        if self.judge_end(&undisturbed, base) {
            return;
        }
        if let Ended::Failed(error) = &base.ended {
            let message = format!("nothing went wrong, and it fails: {}", of_error(error));
            self.add(FindingKind::Fails, &undisturbed, message, Some(error), None);
        }
    }

    async fn judge(
        &mut self,
        schedule: &Schedule,
        performance: &Performance,
        base: &Performance,
    ) -> Result<(), EngineError> {
        if schedule.crash != Crash::Never {
            return self.judge_crash(schedule, performance, base).await;
        }
        if self.judge_end(schedule, performance) {
            return Ok(());
        }
        if schedule.only_reorders() {
            self.judge_order(schedule, performance, base);
            return Ok(());
        }
        self.judge_faults(schedule, performance).await
    }

    /// Ends that are findings whatever the schedule was.
    fn judge_end(&mut self, schedule: &Schedule, performance: &Performance) -> bool {
        let entries = &performance.entries;
        let (kind, said, error) = match &performance.ended {
            Ended::Failed(error) if performance.ended.hangs() => {
                (FindingKind::Hang, error.message.clone(), Some(error))
            }
            Ended::Stopped { code, .. } if code == "limit_agents" => {
                let last = culprit::last_agent(entries);
                let agents = self.rehearsal.limits.agents;
                let said = format!(
                    "the script does not end: it asked {agents} agents and went on asking, last for `{last}`; bound its loop"
                );
                (FindingKind::Unbounded, said, None)
            }
            Ended::Stopped { message, .. } if performance.ended.goes_on() => {
                let did = message.replacen("the script ", "it ", 1);
                let said = format!("the script does not end: {did}; bound its loop");
                (FindingKind::Unbounded, said, None)
            }
            Ended::Stopped { .. } if performance.ended.hangs() => {
                let said = "the script computes and neither ends nor waits for a call".to_owned();
                (FindingKind::Hang, said, None)
            }
            Ended::Stopped { message, .. } => (FindingKind::Fails, message.clone(), None),
            Ended::BrokenOff => {
                (FindingKind::Fails, "it waits, and nothing is under way".to_owned(), None)
            }
            Ended::Completed(_) | Ended::Failed(_) => return false,
        };
        let message = match culprit::circumstances(entries, &schedule.faults) {
            Some(when) => format!("{when}: {said}"),
            None => said,
        };
        self.add(kind, schedule, message, error, None);
        true
    }

    /// The outcome may not depend on the order.
    fn judge_order(&mut self, schedule: &Schedule, performance: &Performance, base: &Performance) {
        if performance.ended == base.ended {
            return;
        }
        let kind = FindingKind::OrderDependent;
        let known = self.findings.iter_mut().find(|finding| finding.kind == kind);
        if let Some(known) = known {
            known.seen += 1;
            return;
        }
        let (message, error) = match (&base.ended, &performance.ended) {
            (Ended::Completed(one), Ended::Completed(other)) => {
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
            (_, Ended::Failed(error)) => {
                let message =
                    format!("in another order of answers the script fails: {}", of_error(error));
                (message, Some(error))
            }
            _ => return,
        };
        self.add(kind, schedule, message, error, None);
        let sides = [(0, base), (schedule.number, performance)].map(|(schedule, performance)| {
            let mut order = culprit::order_of(&performance.entries);
            if order.len() > ORDER_SHOWN_MAX {
                order.truncate(ORDER_SHOWN_MAX - 1);
                order.push("…".to_owned());
            }
            Side { schedule, order, outcome: outcome(&performance.ended) }
        });
        if let Some(finding) = self.findings.last_mut() {
            finding.sides = sides.to_vec();
        }
    }

    /// What broke may be no fault's consequence; the schedule without that
    /// fault tells.
    async fn judge_faults(
        &mut self,
        schedule: &Schedule,
        performance: &Performance,
    ) -> Result<(), EngineError> {
        let broken = culprit::breaks(performance);
        if broken.is_empty() {
            return Ok(());
        }
        for (agent, fault) in schedule.faults.clone() {
            let without = self.perform(&schedule.without_fault(agent)).await?;
            let still = culprit::breaks(&without);
            let title = culprit::agent_title(&performance.entries, agent);
            for one in broken.iter().filter(|one| !still.iter().any(|other| one.same_place(other)))
            {
                self.blame(schedule, performance, one, &title, fault);
            }
        }
        Ok(())
    }

    fn blame(
        &mut self,
        schedule: &Schedule,
        performance: &Performance,
        broken: &Break,
        agent: &str,
        fault: Fault,
    ) {
        let kind = match fault {
            Fault::Null => FindingKind::UnhandledNull,
            Fault::Fails | Fault::TimesOut => FindingKind::UnhandledFailure,
        };
        let message = culprit::sentence(&performance.entries, broken, agent, fault);
        let script = culprit::script_of(&performance.entries, broken.scope);
        let script = script.filter(|start| start.scope != Scope::ROOT);
        self.add(kind, schedule, message, Some(&broken.error), script);
    }

    async fn judge_crash(
        &mut self,
        schedule: &Schedule,
        performance: &Performance,
        base: &Performance,
    ) -> Result<(), EngineError> {
        let twin = schedule.without_crash();
        let performed;
        let twin = if twin.order == Schedule::undisturbed().order {
            base
        } else {
            performed = self.perform(&twin).await?;
            &performed
        };
        let differs = match &performance.ended {
            Ended::Stopped { code, message } if code == "replay_mismatch" => Some(message.clone()),
            ended if *ended != twin.ended => Some(format!(
                "without a crash it comes to {}, with one to {}",
                outcome(&twin.ended),
                outcome(ended)
            )),
            _ => contrast::journals(&twin.entries, &performance.entries)
                .map(|(one, other)| format!("without a crash: {one}; with one: {other}")),
        };
        if let Some(differs) = differs {
            let message = format!("taken up again behind a crash, it goes another way: {differs}");
            self.add(FindingKind::ResumeDiffers, schedule, message, None, None);
        }
        Ok(())
    }

    /// Adds a finding, or counts it when it is known. `child` is the script that
    /// it is in, when that is not the one that is explored.
    fn add(
        &mut self,
        kind: FindingKind,
        schedule: &Schedule,
        message: String,
        error: Option<&ScriptError>,
        child: Option<&ScopeStart>,
    ) {
        let position = |number: u32| (number > 0).then_some(number);
        let line = error.and_then(|error| position(error.line));
        let column = error.and_then(|error| position(error.column));
        let file = child.map(|start| start.path.clone());
        let known = self.findings.iter_mut().find(|known| {
            let place = (&known.file, known.line, known.column);
            let same = known.kind == kind && place == (&file, line, column);
            // One place may break over several agents; the first one is enough.
            same && (line.is_some() || known.message == message)
        });
        if let Some(known) = known {
            known.seen += 1;
        } else if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding {
                kind,
                message,
                schedule: schedule.number,
                seen: 1,
                excerpt: match (child, line) {
                    (Some(start), Some(line)) => snippet(&start.text, line, column.unwrap_or(1)),
                    _ => String::new(),
                },
                file,
                line,
                column,
                sides: Vec::new(),
            });
        }
    }
}

fn outcome(ended: &Ended) -> String {
    match ended {
        Ended::Completed(result) => contrast::cut(result),
        Ended::Failed(error) => format!("failed: {}", of_error(error)),
        Ended::Stopped { code, message } => format!("stopped: {message} [{code}]"),
        Ended::BrokenOff => "stopped".to_owned(),
    }
}

fn of_error(error: &ScriptError) -> String {
    format!("{}: {}", error.name, error.message)
}
