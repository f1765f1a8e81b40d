//! Finds the `parallel` or `pipeline` that each agent step belongs to.
//!
//! Owns: the runs that find it. A script does not say which construct a step is in, but
//! the guest reports the slot that became null when a step in it failed. So for each turn
//! there is one run in which the agents of that turn fail one after the other: the script
//! asked for all of them before the first failure. Never: exceeds its bound of entries.

use std::collections::HashMap;
use std::ops::Range;

use smol_wf_core::guest::{Failure, NullSlot, Outcome};
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::limits::Limits;
use smol_wf_core::step::StepRequest;
use smol_wf_core::step_request::Reply;

use super::Simulator;
use super::bounds::Effort;
use super::faults::TIMED_OUT;
use super::simulation::{ChildCache, PendingAgent, PendingAsk, Person, Pick, Scenario, simulate};
use super::stubs::Stubs;
use crate::error::EngineError;

/// Most entries of all these runs together: about a second.
const ENTRIES_MAX: usize = 100_000;

/// A slot of a construct of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) slot: NullSlot,
}

/// The slots of agent steps.
#[derive(Debug, Default)]
pub(super) struct StepSlots {
    /// The slot of the innermost construct, by the agent's ordinal from 1. Without agents
    /// that are in no construct, or whose failure the script catches.
    pub(super) found: HashMap<u32, Place>,
    /// Whether every agent step was tried.
    pub(super) whole: bool,
}

/// Finds the slots of the agent steps of an undisturbed run.
pub(super) async fn slots(
    simulator: &Simulator,
    cache: &mut ChildCache,
    stubs: &mut Stubs,
    undisturbed: &[Entry],
) -> Result<StepSlots, EngineError> {
    let (mut waves, all_ended) = waves(undisturbed);
    // Turns with many agents come first.
    waves.sort_by_key(|wave| std::cmp::Reverse(wave.len()));
    let mut slots = StepSlots { found: HashMap::new(), whole: all_ended };
    let mut effort = Effort::default();
    for wave in waves {
        if effort.is_over(ENTRIES_MAX, &simulator.limits) {
            break;
        }
        let left = wave.len();
        let limits = &simulator.limits;
        let (effort, found) = (&mut effort, &mut slots.found);
        let mut fails = WaveFails { wave, stubs, left, failed: None, found, effort, limits };
        simulate(simulator, cache, &mut fails).await?;
    }
    slots.whole &= !effort.is_over(ENTRIES_MAX, &simulator.limits);
    Ok(slots)
}

/// The ordinals of the agents of each turn that asked any, and whether the last of these
/// turns ended.
fn waves(entries: &[Entry]) -> (Vec<Range<u32>>, bool) {
    let mut waves = Vec::new();
    let (mut first, mut next) = (1, 1);
    for entry in entries {
        match &entry.body {
            Body::StepAsked { asked: StepRequest::Agent(_), .. } => next += 1,
            Body::TurnEnded { .. } if next > first => {
                waves.push(first..next);
                first = next;
            }
            _ => {}
        }
    }
    (waves, next == first)
}

/// Lets the agents of one turn fail, and notes the slots that become null.
struct WaveFails<'a> {
    wave: Range<u32>,
    stubs: &'a mut Stubs,
    /// Number of these agents that have not failed yet.
    left: usize,
    /// The agent that failed last, until its slot was looked for.
    failed: Option<u32>,
    found: &'a mut HashMap<u32, Place>,
    effort: &'a mut Effort,
    limits: &'a Limits,
}

impl Scenario for WaveFails<'_> {
    fn pick(&mut self, working: &[&PendingAgent], asks: usize, _sleeping: bool) -> Pick {
        match working {
            _ if self.left == 0 || self.effort.is_over(ENTRIES_MAX, self.limits) => Pick::End,
            [] if asks > 0 => Pick::Ask(0),
            [] => Pick::Wake,
            _ => Pick::Answer(0),
        }
    }

    fn person(&mut self, ask: &PendingAsk) -> Person {
        self.stubs.person(&ask.request)
    }

    fn answer(&mut self, asked: &PendingAgent) -> (Outcome, Reply) {
        if self.wave.contains(&asked.ordinal) {
            self.left = self.left.saturating_sub(1);
            self.failed = Some(asked.ordinal);
            // A failure that throws in both dialects, whatever `onFailure` says.
            let failure = Failure::new(TIMED_OUT, "failed, to see what becomes null");
            return (Outcome::Failed(failure), Reply::default());
        }
        self.stubs.answer(&asked.request)
    }

    fn wrote(&mut self, entries: &[Entry]) {
        self.effort.add(entries);
        let Some(ordinal) = self.failed.take() else { return };
        let place = entries.iter().find_map(|entry| match &entry.body {
            Body::SlotNulled { scope, slot } => {
                Some(Place { scope: *scope, slot: (**slot).clone() })
            }
            _ => None,
        });
        if let Some(place) = place {
            self.found.insert(ordinal, place);
        }
    }
}
