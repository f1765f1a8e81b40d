//! Where a run stands now, without reading its journal.
//!
//! Owns: the length of its journal, and who holds it. Never: its state, which is a fold
//! over the journal.

use smol_wf_core::ids::RunId;
use smol_wf_providers::owner;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::lease_holder::holds;
use crate::runs::unknown;

/// The process that holds a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunHolder {
    /// Its process id; none if it is on another machine or in another container.
    pub process: Option<u32>,
    /// The process in words.
    pub words: String,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStatus {
    /// When it was created, in microseconds since 1970.
    pub created_at_us: i64,
    /// Length of its journal.
    pub entries: u64,
    /// The process that holds it; none if nobody does.
    pub holder: Option<RunHolder>,
}

impl Engine {
    /// Where a run stands: one row is read, so this may be asked often. What a holder has
    /// written before it let go is in the journal by the time that `holder` is none.
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn status(&self, run: &RunId) -> Result<RunStatus, EngineError> {
        let row = self.row(run).await?.ok_or_else(|| unknown(run))?;
        let holder = row.lease.as_ref().filter(|lease| holds(lease)).map(|lease| RunHolder {
            process: owner::process_here(&lease.owner),
            words: owner::in_words(&lease.owner),
        });
        Ok(RunStatus { created_at_us: row.created_at_us, entries: row.entries, holder })
    }
}
