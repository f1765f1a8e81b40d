//! Lost work: agents that are not awaited, promises in place of their values, and other
//! warnings of a run.
//!
//! Owns: telling an agent that is not awaited from one that lost a race. The journal does
//! not say what a script awaits, so the same schedule is simulated with that agent
//! answering first: if it was raced, another agent is left over instead. Never: looks at
//! schedules with faults, under which a script may give up early.

use std::collections::{BTreeMap, HashSet};

use smol_wf_core::guest::{NOT_AWAITED, ScriptError, Warning};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::WorkflowTarget;

use super::culprit::{self, UNHANDLED};
use super::explore::Explorer;
use super::faults::{self, Fault, Reach, Strike};
use super::finding::FindingKind;
use super::finding_set::NewFinding;
use super::schedule::{First, Order, Schedule};
use super::simulated_run::{SimulatedRun, SimulationEnd};
use crate::error::EngineError;

/// Most kinds of open steps of one run that are examined; each takes two more runs.
const QUESTIONS_MAX: usize = 8;

/// A step that was open when the script ended.
struct Open {
    /// Its ordinal, for an agent.
    agent: Option<u32>,
    first: First,
    title: String,
    /// Steps with equal stems are examined together.
    stem: String,
}

/// Open steps that were asked for at one line and column.
struct Group {
    place: Option<(ScriptError, Scope)>,
    title: String,
    count: usize,
}

impl Explorer<'_> {
    /// Reports the work that is lost in a run of this schedule.
    pub(super) async fn judge_lost(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
    ) -> Result<(), EngineError> {
        // In a shuffled order, an agent that answers first would shift the random choices.
        let is_steady = !matches!(schedule.order, Order::Shuffled(_));
        if !is_steady || !matches!(run.ended, SimulationEnd::Completed(_)) {
            return Ok(());
        }
        let promises = self.judge_warnings(schedule, run);
        let open = open_steps(&run.entries);
        // Their promises are in the result, which is reported already.
        if open.is_empty() || open.len() <= promises {
            return Ok(());
        }
        for group in self.groups(schedule, run, &open).await? {
            self.note_group(schedule, run, &group);
        }
        Ok(())
    }

    /// Reports the warnings of a run. Returns the number of promises in its result.
    fn judge_warnings(&mut self, schedule: &Schedule, run: &SimulatedRun) -> usize {
        let warnings = || {
            run.entries.iter().filter_map(|entry| match &entry.body {
                Body::Warned { scope, warning } => Some((*scope, &**warning)),
                _ => None,
            })
        };
        let is_promise = |(_, warning): &(Scope, &Warning)| warning.code == "result_promise";
        let promises = warnings().filter(is_promise).count();
        for (scope, warning) in warnings() {
            let kind = match warning.code.as_str() {
                NOT_AWAITED => continue,
                UNHANDLED | "result_promise" | "args_promise" | "prompt_promise" => {
                    FindingKind::NotAwaited
                }
                "prompt_object" | "prompt_nothing" | "result_part" | "args_part"
                | "options_part" => FindingKind::Warned,
                // Warnings without an effect on the outcome; `plan` lists them.
                _ => continue,
            };
            let script = culprit::script_of(&run.entries, scope);
            self.notes.take(NewFinding {
                error: Some(&culprit::of_warning(warning)),
                child: script.filter(|start| start.scope != Scope::ROOT),
                cause: Some(warning.code.clone()),
                ..NewFinding::new(kind, schedule.number, warning.message.clone())
            });
        }
        promises
    }

    /// The open steps that were not raced, by line and column.
    async fn groups(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
        open: &[Open],
    ) -> Result<Vec<Group>, EngineError> {
        let mut alike: BTreeMap<&str, Vec<&Open>> = BTreeMap::new();
        for one in open {
            alike.entry(&one.stem).or_default().push(one);
        }
        // In order of issue.
        let mut questions: Vec<Vec<&Open>> = alike.into_values().collect();
        questions.sort_by_key(|steps| steps.first().and_then(|one| one.agent));
        let mut groups: Vec<Group> = Vec::new();
        for steps in questions.into_iter().take(QUESTIONS_MAX) {
            let Some(one) = steps.first() else { continue };
            let hurried = self.simulate_with(schedule, one.first).await?;
            if was_raced(run, &hurried) {
                continue;
            }
            let place = self.place_of(schedule, run, one).await?;
            let here = |group: &&mut Group| match (&group.place, &place) {
                (Some((a, of)), Some((b, scope))) => {
                    (of, a.line, a.column) == (scope, b.line, b.column)
                }
                // Steps of a script's last turn: no failure can reach the script.
                (None, None) => true,
                _ => false,
            };
            match groups.iter_mut().find(here) {
                Some(group) => group.count += steps.len(),
                None => groups.push(Group { place, title: one.title.clone(), count: steps.len() }),
            }
        }
        Ok(groups)
    }

    /// Finds where a script asked for a step that it does not await: the step fails in
    /// another run, and the warning about that failure has a line and column. None if the
    /// script catches the failure.
    async fn place_of(
        &mut self,
        schedule: &Schedule,
        run: &SimulatedRun,
        open: &Open,
    ) -> Result<Option<(ScriptError, Scope)>, EngineError> {
        let Some(agent) = open.agent else { return Ok(None) };
        let faults = vec![Strike { agent, fault: Fault::TimesOut, reach: Reach::Once }];
        let failing = Schedule { faults, ..schedule.clone() };
        let failed = self.simulate_with(&failing, open.first).await?;
        let before = culprit::breaks(run);
        let fresh = culprit::breaks(&failed).into_iter().find(|one| {
            let is_known = before.iter().any(|other| other.same_place(one));
            one.error.code == UNHANDLED && one.error.line > 0 && !is_known
        });
        Ok(fresh.map(|one| (one.error, one.scope)))
    }

    fn note_group(&mut self, schedule: &Schedule, run: &SimulatedRun, group: &Group) {
        let is_meant =
            |(error, scope): &(ScriptError, Scope)| culprit::is_meant(&run.entries, *scope, error);
        if group.place.as_ref().is_some_and(is_meant) {
            return;
        }
        let title = &group.title;
        let (who, is, it, its) = match group.count {
            0 | 1 => (format!("`{title}`"), "is", "it", "its answer is"),
            2 => (format!("`{title}` and another one"), "are", "them", "their answers are"),
            more => {
                let who = format!("`{title}` and {} others", more - 1);
                (who, "are", "them", "their answers are")
            }
        };
        let said = format!(
            "{who} {is} at work when the script ends and {is} not awaited: a run cuts {it} off, and {its} lost"
        );
        let message = match schedule.number {
            0 => said,
            _ => format!("when others answer first: {said}"),
        };
        let place = group.place.as_ref();
        let script = place.and_then(|(_, scope)| culprit::script_of(&run.entries, *scope));
        self.notes.take(NewFinding {
            error: place.map(|(error, _)| error),
            child: script.filter(|start| start.scope != Scope::ROOT),
            cause: Some(format!("open: {}", faults::without_digits(title))),
            ..NewFinding::new(FindingKind::NotAwaited, schedule.number, message)
        });
    }
}

/// The agents and child workflows that were open at the end, without the steps of an open
/// child.
fn open_steps(entries: &[Entry]) -> Vec<Open> {
    let settled = settled(entries);
    let mut open = Vec::new();
    let mut open_scopes = HashSet::new();
    let mut ordinal = 0;
    for entry in entries {
        let Body::StepAsked { step, scope, asked } = &entry.body else { continue };
        let (agent, first, title, stem) = match asked {
            StepRequest::Agent(request) => {
                ordinal += 1;
                let stem = faults::stem(request);
                (Some(ordinal), First::Agent(ordinal), request.title(), stem)
            }
            StepRequest::Workflow(request) => {
                let (WorkflowTarget::Name(name) | WorkflowTarget::Path(name)) = &request.target;
                let stem = format!("workflow {name}");
                (None, First::Script(Scope::of(*step)), name.clone(), stem)
            }
            // No other kind of step does work that could be lost.
            _ => continue,
        };
        if settled.contains(step) || open_scopes.contains(scope) {
            continue;
        }
        open_scopes.insert(Scope::of(*step));
        open.push(Open { agent, first, title, stem });
    }
    open
}

/// Whether the hurried agent was in a race: an agent that had answered before is left over
/// in its place.
fn was_raced(run: &SimulatedRun, hurried: &SimulatedRun) -> bool {
    let now = settled(&hurried.entries);
    let made = made(&hurried.entries);
    let then = made_of(&run.entries, &settled(&run.entries));
    then.iter().any(|(step, title)| made.get(step) == Some(title) && !now.contains(step))
}

fn settled(entries: &[Entry]) -> HashSet<StepId> {
    let settled = entries.iter().filter_map(|entry| match &entry.body {
        Body::Settled { step, .. } => Some(*step),
        _ => None,
    });
    settled.collect()
}

/// Titles of the agent steps.
fn made(entries: &[Entry]) -> BTreeMap<StepId, String> {
    let made = entries.iter().filter_map(|entry| entry.body.asked_agent());
    made.map(|(step, request)| (step, request.title())).collect()
}

fn made_of(entries: &[Entry], of: &HashSet<StepId>) -> BTreeMap<StepId, String> {
    let mut made = made(entries);
    made.retain(|step, _| of.contains(step));
    made
}
