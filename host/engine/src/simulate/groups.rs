//! Which `parallel` or `pipeline` each call of a script belongs to.
//!
//! Owns: the trick that finds out. A script does not say where a call stands,
//! but the guest says which slot became null when a call in it failed. So the
//! calls that were made in one turn fail, one after the other, in a run
//! of their own: none of them was made in view of another's failure. Never:
//! goes on beyond a bound.

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
use super::simulation::{ChildCache, PendingAgent, Pick, Scenario, simulate};
use super::stubs::Stubs;
use crate::error::EngineError;

/// Entries of all these runs together: about a second.
const ENTRIES_MAX: usize = 100_000;

/// A slot of a construct of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) slot: NullSlot,
}

/// Where calls stand.
#[derive(Debug, Default)]
pub(super) struct CallSites {
    /// The innermost construct of agents by ordinal, from 1. Those that are in
    /// none, or whose failure the script catches, are not in it.
    pub(super) found: HashMap<u32, Place>,
    /// Whether every call was tried.
    pub(super) whole: bool,
}

/// Where the calls of an undisturbed run stand.
pub(super) async fn sites(
    simulator: &Simulator,
    cache: &mut ChildCache,
    stubs: &mut Stubs,
    undisturbed: &[Entry],
) -> Result<CallSites, EngineError> {
    let (mut waves, all_ended) = waves(undisturbed);
    // Those that tell of many calls come first.
    waves.sort_by_key(|wave| std::cmp::Reverse(wave.len()));
    let mut sites = CallSites { found: HashMap::new(), whole: all_ended };
    let mut effort = Effort::default();
    for wave in waves {
        if effort.is_over(ENTRIES_MAX, &simulator.limits) {
            break;
        }
        let left = wave.len();
        let limits = &simulator.limits;
        let (effort, found) = (&mut effort, &mut sites.found);
        let mut fails = WaveFails { wave, stubs, left, failed: None, found, effort, limits };
        simulate(simulator, cache, &mut fails).await?;
    }
    sites.whole &= !effort.is_over(ENTRIES_MAX, &simulator.limits);
    Ok(sites)
}

/// The ordinals of the agents that were asked in one turn, turn by turn, and
/// whether the last of these turns came to its end.
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

/// Lets the agents of one wave fail and looks what becomes null.
struct WaveFails<'a> {
    wave: Range<u32>,
    stubs: &'a mut Stubs,
    /// How many of them have not failed yet.
    left: usize,
    /// The one that failed last.
    failed: Option<u32>,
    found: &'a mut HashMap<u32, Place>,
    effort: &'a mut Effort,
    limits: &'a Limits,
}

impl Scenario for WaveFails<'_> {
    fn pick(&mut self, working: &[&PendingAgent], _sleeping: bool) -> Pick {
        match working {
            _ if self.left == 0 || self.effort.is_over(ENTRIES_MAX, self.limits) => Pick::End,
            [] => Pick::Wake,
            _ => Pick::Answer(0),
        }
    }

    fn answer(&mut self, asked: &PendingAgent) -> (Outcome, Reply) {
        if self.wave.contains(&asked.ordinal) {
            self.left = self.left.saturating_sub(1);
            self.failed = Some(asked.ordinal);
            // One that is thrown in both dialects, whatever `onFailure` says.
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
