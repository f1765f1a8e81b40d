//! Re-executing a recorded run, offline, to see whether it is what was recorded.
//!
//! Owns: the verdict. Never: dispatches a call or writes an entry.

use std::sync::Arc;

use serde::Serialize;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Body, Entry, Mismatch};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::Machine;
use smol_wf_core::report::RunState;
use smol_wf_sandbox::Sandbox;

use crate::engine::{Engine, recorded};
use crate::error::EngineError;
use crate::fixture::redact::Redaction;
use crate::history::is_held;
use crate::offline::{Offline, Pause};

/// Version of the report of a replay. Fields are only ever added.
const REPLAY_FORMAT: u32 = 1;

/// What came of a replay.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayReport {
    /// Version of this document.
    pub schema_version: u32,
    /// The run.
    pub run_id: RunId,
    /// `meta.name`.
    pub name: String,
    /// How the recorded run stands.
    pub state: RunState,
    /// Whether everything was met again.
    pub equal: bool,
    /// Calls in the journal.
    pub steps: u64,
    /// Turns in the journal.
    pub turns: u64,
    /// Entries in the journal.
    pub entries: u64,
    /// Whether the fuel of the turns was compared: only under the build of the
    /// guest that recorded them.
    pub fuel_compared: bool,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
}

impl Engine {
    /// Executes a run again, with nothing but its journal, and compares every
    /// call, delivery, turn and the result.
    ///
    /// # Errors
    /// When there is no such run, or its journal cannot be read. A difference
    /// is no error: it is in the report.
    pub async fn replay(&self, run: &RunId) -> Result<ReplayReport, EngineError> {
        let (records, entries) = self.load(&self.key(run)).await?;
        // A long journal is a million strings: nobody has to wait until they are
        // freed. Without a thread for it they are freed here.
        let _ = std::thread::Builder::new().spawn(move || drop(records));
        let (head, _, limits) = recorded(&entries, run)?;
        let held = self.row(run).await?.is_some_and(|row| is_held(&row));
        let last = entries.last().map(|entry| RunState::after(&entry.body, held));
        let (steps, turns) = counts(&entries);
        let length = entries.len() as u64;
        let Verdict { mismatch, fuel_compared } =
            verify(&self.sandbox, entries, limits, None).await.map_err(|error| match error {
                VerifyError::Journal(error) => EngineError::Journal { run: run.clone(), error },
                VerifyError::Sandbox(error) => error.into(),
            })?;
        Ok(ReplayReport {
            schema_version: REPLAY_FORMAT,
            run_id: run.clone(),
            name: head.name,
            state: last.unwrap_or(RunState::Interrupted),
            equal: mismatch.is_none(),
            steps,
            turns,
            entries: length,
            fuel_compared,
            mismatch,
        })
    }
}

/// What came of meeting a journal again.
pub(crate) struct Verdict {
    pub(crate) mismatch: Option<Mismatch>,
    pub(crate) fuel_compared: bool,
}

/// Why there is no verdict.
pub(crate) enum VerifyError {
    Journal(smol_wf_core::journal::JournalError),
    Sandbox(smol_wf_sandbox::SandboxError),
}

/// Meets a whole journal again; one that is redacted by these rules.
pub(crate) async fn verify(
    sandbox: &Sandbox,
    entries: Vec<Entry>,
    limits: Limits,
    rules: Option<Arc<Redaction>>,
) -> Result<Verdict, VerifyError> {
    let guest = Sandbox::guest_digest();
    let machine = Machine::resume(entries, limits, guest, 0).map_err(VerifyError::Journal)?;
    let mut offline = match rules {
        Some(rules) => Offline::redacting(sandbox.clone(), rules),
        None => Offline::new(sandbox.clone()),
    };
    let (machine, pause) = offline.advance(machine, 0).await.map_err(VerifyError::Sandbox)?;
    let mismatch = match pause {
        Pause::Stopped(smol_wf_core::guest::StopTurn::Mismatch(mismatch)) => Some(mismatch),
        // Where the recording ends, whatever comes next is not part of it.
        Pause::Wait | Pause::Ended => machine.missed("the script has come to its end"),
        Pause::Stuck(_) => machine.missed("the script waits for what nothing will settle"),
        Pause::Stopped(smol_wf_core::guest::StopTurn::Limit(limit)) => {
            machine.missed(&limit.to_string())
        }
        Pause::Fault(fault) => machine.missed(&format!("the sandbox stopped the script: {fault}")),
    };
    Ok(Verdict { mismatch, fuel_compared: machine.compares_fuel() })
}

/// Calls and turns.
fn counts(entries: &[Entry]) -> (u64, u64) {
    let mut counts = (0, 0);
    for entry in entries {
        match entry.body {
            Body::AgentCalled { .. } | Body::WorkflowCalled { .. } | Body::SleepCalled { .. } => {
                counts.0 += 1;
            }
            Body::TurnEnded { .. } => counts.1 += 1,
            _ => {}
        }
    }
    counts
}
