//! Performs a script under many schedules, and reports what depends on them.
//!
//! Owns: which schedules there are, and what of their outcomes is a finding.
//! Never: an opinion without evidence; every finding names the schedule that
//! shows it, and that schedule shows it again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use smol_wf_core::call::AgentRequest;
use smol_wf_core::codes::Code;
use smol_wf_core::cut;
use smol_wf_core::guest::ScriptError;
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry};

use super::culprit::{self, Break};
use super::faults::{self, Effect, Struck};
use super::finding::{Exploration, ExploreOptions, FindingKind, Side, Tally};
use super::notebook::{Note, Notebook};
use super::performance::{Ended, Performance};
use super::schedule::{BySchedule, Crash, Extent, First, Schedule};
use super::stage::{Found, perform};
use super::stubs::Stubs;
use super::{Rehearsal, contrast};
use crate::error::EngineError;

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
        tour.judge_lost(&undisturbed, &base).await?;
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
                let before = tour.notes.taken;
                tour.judge(&schedule, &performance, &base).await?;
                let is_as_written =
                    !matches!(performance.ended, Ended::Completed(_)) && tour.notes.taken == before;
                tour.tally.failed_as_written += u64::from(is_as_written);
            }
        }
        tour.tally.orders = tour.orders.len() as u64;
        Ok(Exploration {
            schema_version: 1,
            name: self.head.name.clone(),
            seed: self.head.seed,
            tally: tour.tally,
            findings: tour.notes.into_findings(),
            ended_early,
            gave_up: tour.gave_up,
        })
    }
}

/// Agents and deliveries of a performance.
fn extent(entries: &[Entry]) -> Extent {
    let count = |is: fn(&Body) -> bool| entries.iter().filter(|entry| is(&entry.body)).count();
    let agents = count(|body| body.asked_agent().is_some());
    let deliveries = count(|body| matches!(body, Body::Settled { .. }));
    Extent { agents: u32::try_from(agents).unwrap_or(u32::MAX), deliveries }
}

pub(super) struct Tour<'a> {
    rehearsal: &'a Rehearsal,
    stubs: Stubs,
    found: Found,
    tally: Tally,
    orders: HashSet<u64>,
    pub(super) notes: Notebook,
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
            notes: Notebook::default(),
            endless: 0,
            gave_up: false,
        }
    }

    async fn perform(&mut self, schedule: &Schedule) -> Result<Performance, EngineError> {
        let director = BySchedule::new(schedule, &mut self.stubs);
        directed(self.rehearsal, &mut self.found, director, &mut self.endless).await
    }

    /// The same, with somebody who always answers first.
    pub(super) async fn perform_with(
        &mut self,
        schedule: &Schedule,
        first: First,
    ) -> Result<Performance, EngineError> {
        let director = BySchedule::new(schedule, &mut self.stubs).with_first(first);
        directed(self.rehearsal, &mut self.found, director, &mut self.endless).await
    }

    fn count(&mut self, schedule: &Schedule, performance: &Performance) {
        let tally = &mut self.tally;
        tally.schedules += 1;
        match performance.ended {
            Ended::Completed(_) => tally.completed += 1,
            _ => tally.failed += 1,
        }
        let is_null = |struck: &Struck| struck.effect == Effect::Null;
        tally.with_nulls += u64::from(performance.struck.iter().any(is_null));
        tally.with_failures += u64::from(performance.struck.iter().any(|one| !is_null(one)));
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
            if let Some((call, request)) = entry.body.asked_agent()
                && let Some(failure) = base.refused.get(&call)
            {
                let message = format!("`{}` is refused: {}", request.title(), failure.message);
                self.notes.take(Note::new(FindingKind::Refused, undisturbed.number, message));
            }
        }
    }

    fn judge_undisturbed(&mut self, base: &Performance) {
        let undisturbed = Schedule::undisturbed();
        if self.judge_end(&undisturbed, base) {
            return;
        }
        if let Ended::Failed(error) = &base.ended {
            let root = &self.rehearsal.root;
            let line = culprit::line_of(&root.text, error.line).unwrap_or_default();
            let lacks_args = root.args.is_none()
                && error.message.ends_with("undefined")
                && ["args", "input"].iter().any(|name| line.contains(name));
            let hint = if lacks_args { "; no arguments were given" } else { "" };
            let message = format!("nothing went wrong, and it fails: {}{hint}", of_error(error));
            let note = Note::new(FindingKind::Fails, undisturbed.number, message);
            self.notes.take(Note { error: Some(error), lacks_args, ..note });
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
            return self.judge_lost(schedule, performance).await;
        }
        self.judge_faults(schedule, performance, base).await
    }

    /// Ends that are findings whatever the schedule was.
    fn judge_end(&mut self, schedule: &Schedule, performance: &Performance) -> bool {
        let entries = &performance.entries;
        let ended = &performance.ended;
        let (kind, said, cause, error) = match ended {
            Ended::Failed(error) if ended.hangs() => {
                (FindingKind::Hang, error.message.clone(), None, Some(error))
            }
            Ended::Stopped { code, .. } if *code == Code::LimitAgents => {
                let last = culprit::last_agent(entries);
                let agents = self.rehearsal.limits.agents;
                let title = last.map(AgentRequest::title).unwrap_or_default();
                let said = format!(
                    "the script does not end: it asked {agents} agents and went on asking, last for `{title}`; bound its loop"
                );
                (FindingKind::Unbounded, said, last.map(faults::stem), None)
            }
            Ended::Stopped { message, .. } if ended.goes_on() => {
                let did = message.replacen("the script ", "it ", 1);
                let said = format!("the script does not end: {did}; bound its loop");
                (FindingKind::Unbounded, said, Some(String::new()), None)
            }
            Ended::Stopped { .. } if ended.hangs() => {
                let said = "the script computes and neither ends nor waits for a call".to_owned();
                (FindingKind::Hang, said, None, None)
            }
            Ended::Stopped { message, .. } => (FindingKind::Fails, message.clone(), None, None),
            Ended::BrokenOff => {
                (FindingKind::Fails, "it waits, and nothing is under way".to_owned(), None, None)
            }
            Ended::Completed(_) | Ended::Failed(_) => return false,
        };
        let when = faults::circumstances(&schedule.faults, &performance.struck);
        let cause = cause.or_else(|| Some(said.clone()));
        let message = when.as_ref().map_or_else(|| said.clone(), |when| format!("{when}: {said}"));
        let note = Note::new(kind, schedule.number, message);
        let fault = when.and_then(|when| Some((performance.struck.first()?.effect, when)));
        self.notes.take(Note { error, cause, fault, ..note });
        true
    }

    /// The outcome may not depend on the order.
    fn judge_order(&mut self, schedule: &Schedule, performance: &Performance, base: &Performance) {
        if performance.ended == base.ended {
            return;
        }
        let kind = FindingKind::OrderDependent;
        if self.notes.count(kind) {
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
        self.notes.take(Note { error, ..Note::new(kind, schedule.number, message) });
        let sides = [(0, base), (schedule.number, performance)].map(|(schedule, performance)| {
            let mut order = culprit::order_of(&performance.entries);
            if order.len() > ORDER_SHOWN_MAX {
                order.truncate(ORDER_SHOWN_MAX - 1);
                order.push("…".to_owned());
            }
            Side { schedule, order, outcome: outcome(&performance.ended) }
        });
        self.notes.show(sides.to_vec());
    }

    /// What broke may be no fault's consequence; the schedule without that
    /// fault tells.
    async fn judge_faults(
        &mut self,
        schedule: &Schedule,
        performance: &Performance,
        base: &Performance,
    ) -> Result<(), EngineError> {
        let broken = culprit::breaks(performance);
        if broken.is_empty() {
            return Ok(());
        }
        let fresh = |still: &[Break]| {
            let is_fresh = |one: &&Break| !still.iter().any(|other| one.same_place(other));
            broken.iter().filter(is_fresh).cloned().collect::<Vec<Break>>()
        };
        if schedule.lasts() {
            // Without its one fault it is the undisturbed schedule.
            let culprit = performance.struck.first().filter(|_| performance.struck.len() == 1);
            for one in fresh(&culprit::breaks(base)) {
                self.blame(schedule, performance, &one, culprit);
            }
            return Ok(());
        }
        for struck in &performance.struck {
            let without = self.perform(&schedule.without_fault(struck.agent)).await?;
            for one in fresh(&culprit::breaks(&without)) {
                self.blame(schedule, performance, &one, Some(struck));
            }
        }
        Ok(())
    }

    fn blame(
        &mut self,
        schedule: &Schedule,
        performance: &Performance,
        broken: &Break,
        culprit: Option<&Struck>,
    ) {
        // It costs a body nothing, and says that it is meant.
        let is_meant = matches!(performance.ended, Ended::Completed(_))
            && broken.error.code == culprit::UNHANDLED
            && culprit::is_meant(&performance.entries, broken.scope, &broken.error);
        if is_meant {
            return;
        }
        let Some(effect) = culprit.or(performance.struck.first()).map(|one| one.effect) else {
            return;
        };
        let kind = match effect {
            Effect::Null => FindingKind::UnhandledNull,
            _ => FindingKind::UnhandledFailure,
        };
        let when = faults::circumstances(&schedule.faults, &performance.struck).unwrap_or_default();
        let message = culprit::sentence(&performance.entries, broken, culprit, &when);
        let script = culprit::script_of(&performance.entries, broken.scope);
        self.notes.take(Note {
            error: Some(&broken.error),
            child: script.filter(|start| start.scope != Scope::ROOT),
            fault: Some((effect, when)),
            is_broad: culprit.is_none() || performance.struck.len() > 1,
            ..Note::new(kind, schedule.number, message)
        });
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
            Ended::Stopped { code, message, .. } if code == "replay_mismatch" => {
                Some(message.clone())
            }
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
            self.notes.take(Note::new(FindingKind::ResumeDiffers, schedule.number, message));
        }
        Ok(())
    }
}

/// Performs under a director, and keeps what its faults struck.
async fn directed(
    rehearsal: &Rehearsal,
    found: &mut Found,
    mut director: BySchedule<'_>,
    endless: &mut u32,
) -> Result<Performance, EngineError> {
    let performance = perform(rehearsal, found, &mut director).await?;
    *endless += u32::from(performance.took_long());
    Ok(Performance { struck: director.into_struck(), ..performance })
}

fn outcome(ended: &Ended) -> String {
    match ended {
        Ended::Completed(result) => cut::to_chars(result, contrast::SHOWN_CHARS),
        Ended::Failed(error) => format!("failed: {}", of_error(error)),
        Ended::Stopped { code, message, .. } => format!("stopped: {message} [{code}]"),
        Ended::BrokenOff => "stopped".to_owned(),
    }
}

fn of_error(error: &ScriptError) -> String {
    format!("{}: {}", error.name, error.message)
}
