//! Which `parallel` or `pipeline` each call of a script belongs to.
//!
//! Owns: the trick that finds out. A script does not say where a call stands,
//! but the guest says which slot became null when a call in it failed: so each
//! call fails once, in a performance of its own that is broken off right after.
//! Never: takes more performances than a bound.

use std::collections::HashMap;

use smol_wf_core::call::Reply;
use smol_wf_core::guest::{Failure, NullSlot, Outcome};
use smol_wf_core::ids::Scope;
use smol_wf_core::journal::{Body, Entry};

use super::Rehearsal;
use super::schedule::FAILED;
use super::stage::{Asked, Cue, Director, Found, perform};
use super::stubs::Stubs;
use crate::error::EngineError;

/// Calls that are tried. Each takes a performance up to its own answer, so
/// that all of them together take the square of their number: half a second.
const TRIED_MAX: u32 = 200;

/// A slot of a construct of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) scope: Scope,
    pub(super) slot: NullSlot,
}

/// The innermost construct of each of the first agents, by ordinal. Those that
/// are in none, or whose failure the script catches, are not in it.
pub(super) async fn places(
    rehearsal: &Rehearsal,
    found: &mut Found,
    stubs: &mut Stubs,
    agents: u32,
) -> Result<HashMap<u32, Place>, EngineError> {
    let mut places = HashMap::new();
    for ordinal in 1..=agents.min(TRIED_MAX) {
        let mut one = FailsOne { ordinal, stubs, failed: false, place: None };
        perform(rehearsal, found, &mut one).await?;
        if let Some(place) = one.place {
            places.insert(ordinal, place);
        }
    }
    Ok(places)
}

/// Lets one agent fail and looks what becomes null.
struct FailsOne<'a> {
    ordinal: u32,
    stubs: &'a mut Stubs,
    failed: bool,
    place: Option<Place>,
}

impl Director for FailsOne<'_> {
    fn cue(&mut self, working: &[&Asked], _sleeping: bool) -> Cue {
        match working {
            _ if self.failed => Cue::Enough,
            [] => Cue::Wake,
            _ => Cue::Answer(0),
        }
    }

    fn answer(&mut self, asked: &Asked) -> (Outcome, Reply) {
        if asked.ordinal == self.ordinal {
            self.failed = true;
            let failure = Failure::new(FAILED, "failed, to see what becomes null");
            return (Outcome::Failed(failure), Reply::default());
        }
        self.stubs.answer(&asked.request)
    }

    fn wrote(&mut self, entries: &[Entry]) {
        if !self.failed || self.place.is_some() {
            return;
        }
        self.place = entries.iter().find_map(|entry| match &entry.body {
            Body::SlotNulled { scope, slot } => {
                Some(Place { scope: *scope, slot: (**slot).clone() })
            }
            _ => None,
        });
    }
}
