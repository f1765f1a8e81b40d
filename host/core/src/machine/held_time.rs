//! The timers of a run, by held time.
//!
//! Owns: how long the run has been held, and which timers are open until when. Never:
//! fires one.
//!
//! Held time is a fold over the journal: the time between the entries of an epoch
//! counts, the time between two epochs does not. So after a resume a timer has as much
//! time left as when the last process let go of the run.

use std::collections::BTreeMap;

use crate::ids::{Scope, TimerId};
use crate::journal::Body;

/// How long the run has been held, in microseconds.
#[derive(Debug, Default)]
pub(super) struct HeldTime {
    pub(super) us: i64,
    last_us: Option<i64>,
}

impl HeldTime {
    fn pass(&mut self, at_us: i64) {
        let last_us = self.last_us.unwrap_or(at_us);
        self.us = self.us.saturating_add(at_us.saturating_sub(last_us).max(0));
        self.last_us = Some(at_us.max(last_us));
    }

    pub(super) fn begin(&mut self, at_us: i64) {
        self.last_us = Some(at_us);
    }
}

#[derive(Debug)]
pub(super) struct OpenTimer {
    pub(super) scope: Scope,
    /// In held time.
    pub(super) due_us: i64,
    /// The script set it during a replay, and the engine does not know of it yet.
    pub(super) is_unset: bool,
    /// Its delivery is queued.
    pub(super) is_queued: bool,
}

/// All timers of a run.
#[derive(Debug, Default)]
pub(super) struct Timers {
    pub(super) held: HeldTime,
    pub(super) open: BTreeMap<TimerId, OpenTimer>,
    pub(super) last: u32,
    /// When this epoch began, while the entries of earlier ones are replayed.
    pub(super) begins_us: Option<i64>,
}

impl Timers {
    /// Advances held time to this entry of the journal.
    pub(super) fn pass(&mut self, body: &Body, at_us: i64) {
        match body {
            Body::EpochStarted { .. } => self.held.begin(at_us),
            _ => self.held.pass(at_us),
        }
    }

    /// Notes when the epoch begins that follows the recording.
    pub(super) fn begin_at(&mut self, now_us: i64) {
        self.begins_us = Some(now_us);
    }

    /// Whether a script has open timers.
    pub(super) fn any_of(&self, scope: Scope) -> bool {
        self.open.values().any(|timer| timer.scope == scope)
    }

    pub(super) fn forget_all(&mut self) {
        self.open.clear();
    }
}
