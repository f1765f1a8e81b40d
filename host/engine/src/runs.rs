//! The row of a run.
//!
//! Owns: finding it by the run's id, and comparing it with the journal. Never: reads
//! a journal.

use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Body, Entry};
use smol_wf_store::{RunKey, RunRow, Store};

use crate::error::EngineError;
use crate::writer::Writer;

/// The row of a run; none if the run does not exist.
pub(crate) async fn row(writer: &Writer, key: &RunKey) -> Result<Option<RunRow>, EngineError> {
    let (tenant, prefix) = (key.tenant.clone(), key.run.to_string());
    let rows = writer.with(move |store: &mut dyn Store| store.find(&tenant, &prefix, 1)).await??;
    Ok(rows.into_iter().next())
}

/// Refuses a row that differs from the first entry of its journal: lists show rows.
pub(crate) fn same_run(row: &RunRow, entries: &[Entry]) -> Result<(), EngineError> {
    let Some(Entry { at_us, body: Body::RunStarted(head) }) = entries.first() else {
        return Err(unknown(&row.key.run));
    };
    let differs = |what| Err(EngineError::RowChanged { run: row.key.run.clone(), what });
    if head.run != row.key.run {
        return differs("id");
    }
    if head.name != row.name {
        return differs("name");
    }
    if *at_us != row.created_at_us {
        return differs("time of creation");
    }
    Ok(())
}

/// The error for a run that the store does not have.
pub(crate) fn unknown(run: &RunId) -> EngineError {
    EngineError::UnknownRun { asked: run.to_string() }
}
