//! The result of one simulated run.
//!
//! Owns: how a run ended, and whether the script hangs or goes on without end. Never: runs
//! one.

use std::collections::{BTreeMap, BTreeSet};

use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Failure, ScriptError};
use smol_wf_core::ids::{Scope, StepId};
use smol_wf_core::journal::{Body, Entry};
use smol_wf_core::limits::LimitError;
use smol_wf_core::machine::NEVER_SETTLES;

use super::faults::Struck;

/// Entries of a run that takes about a second. A run with more took long.
const ENTRIES_LONG: usize = 50_000;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SimulationEnd {
    /// With this result, as JSON text.
    Completed(String),
    /// The script failed.
    Failed(ScriptError),
    /// At a limit, or because a replay differed.
    Stopped { code: String, message: String, reached: Option<LimitError> },
    /// The scenario ended it, or nothing could happen any more.
    BrokenOff,
}

/// One simulated run.
#[derive(Debug)]
pub(super) struct SimulatedRun {
    pub(super) entries: Vec<Entry>,
    pub(super) ended: SimulationEnd,
    /// Agent steps that are refused before an agent is asked, and why.
    pub(super) refused: BTreeMap<StepId, Failure>,
    /// The errors that ended child workflows.
    pub(super) child_errors: BTreeMap<Scope, ScriptError>,
    /// The steps that faults of the schedule struck.
    pub(super) struck: Vec<Struck>,
}

impl SimulatedRun {
    /// The steps that took an answer of an earlier run.
    pub(super) fn reused(&self) -> BTreeSet<StepId> {
        let reused = self.entries.iter().filter_map(|entry| match &entry.body {
            Body::Settled { step, reply: Some(reply), .. } if reply.reused.is_some() => Some(*step),
            _ => None,
        });
        reused.collect()
    }

    /// Whether it took seconds to find out that the script does not end.
    pub(super) fn took_long(&self) -> bool {
        let is_long = self.entries.len() > ENTRIES_LONG;
        let asks_on = is_long && self.ended.is_stopped_by(&[Code::LimitAgents]);
        self.ended.is_fuel() || self.ended.goes_on() || asks_on
    }
}

impl SimulationEnd {
    /// Whether the script waits forever or computes without end.
    pub(super) fn hangs(&self) -> bool {
        match self {
            Self::Failed(error) => error.code == NEVER_SETTLES,
            Self::Stopped { .. } => self.is_fuel(),
            _ => false,
        }
    }

    /// Whether the script computes without end.
    fn is_fuel(&self) -> bool {
        self.is_stopped_by(&[Code::LimitFuel, Code::LimitTurnFuel])
    }

    /// Whether the script logs or starts children without end.
    pub(super) fn goes_on(&self) -> bool {
        self.is_stopped_by(&[Code::RehearsalBound, Code::LimitNotes])
    }

    fn is_stopped_by(&self, codes: &[Code]) -> bool {
        matches!(self, Self::Stopped { code, .. } if codes.iter().any(|one| code == one.word()))
    }
}
