//! Why no turn follows.

use smol_wf_core::guest::StopTurn;
use smol_wf_core::ids::Scope;

/// Why driving a run paused or ended.
#[derive(Debug)]
pub(crate) enum Pause {
    /// The run is over.
    Ended,
    /// Every script waits, and the backend waits for nothing.
    Rest,
    /// This script waits for what nothing will settle, and the backend leaves it at
    /// that.
    Stuck(Scope),
    /// A limit of the run, or a difference from its journal.
    Stopped(StopTurn),
    /// The guest broke down; what it said.
    Fault(String),
}
