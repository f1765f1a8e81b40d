//! Reasons why no turn follows.

use smol_wf_core::guest::StopTurn;
use smol_wf_core::ids::Scope;

/// Why driving a run has paused or ended.
#[derive(Debug)]
pub(crate) enum Pause {
    /// The run is over.
    Ended,
    /// Every script waits, and the backend has nothing to deliver.
    Rest,
    /// This script waits for promises that nothing will settle, and the backend does not
    /// give it up.
    Stuck(Scope),
    /// A limit of the run, or a difference from its journal.
    Stopped(StopTurn),
    /// The guest failed, with this message.
    Fault(String),
}
