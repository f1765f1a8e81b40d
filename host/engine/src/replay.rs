//! Replays a recorded run offline, and compares it with its journal.
//!
//! Owns: the verdict. Never: dispatches a step or writes an entry.

use std::sync::Arc;

use serde::Serialize;
use smol_wf_core::ids::{RunId, Scope};
use smol_wf_core::journal::{Body, Entry, Mismatch};
use smol_wf_core::limits::Limits;
use smol_wf_core::machine::Machine;
use smol_wf_core::report::RunState;
use smol_wf_sandbox::{Sandbox, SandboxError};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::fixture::redact::Redaction;
use crate::lease_holder::is_held;
use crate::read_ahead::ReadAhead;
use crate::runs::{same_run, unknown};
use crate::turn::backend::Backend;
use crate::turn::driver::Turns;
use crate::turn::pause::Pause;
use crate::writer::WriterGone;

/// Version of the report of a replay. Fields are only ever added.
const REPLAY_FORMAT: u32 = 1;

/// The report of a replay.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplayReport {
    /// Version of this document.
    pub schema_version: u32,
    /// The run.
    pub run_id: RunId,
    /// `meta.name`.
    pub name: String,
    /// The state of the recorded run.
    pub state: RunState,
    /// Whether the replay equals the journal.
    pub equal: bool,
    /// Steps in the journal.
    pub steps: u64,
    /// Turns in the journal.
    pub turns: u64,
    /// Entries in the journal.
    pub entries: u64,
    /// Whether the fuel of the turns was compared. It is under the build of the guest
    /// that recorded them.
    pub fuel_compared: bool,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<Mismatch>,
}

impl Engine {
    /// Executes a run again from its journal alone, and compares every step, delivery,
    /// turn and the result.
    ///
    /// ```no_run
    /// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), smol_wf_engine::EngineError> {
    /// let run = engine.find("latest").await?;
    /// let replay = engine.replay(&run).await?;
    /// assert!(replay.equal, "{:?}", replay.mismatch);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read. A difference is in the
    /// report.
    pub async fn replay(&self, run: &RunId) -> Result<ReplayReport, EngineError> {
        let key = self.key(run);
        let mut pieces = ReadAhead::begin(self.writer.clone(), key.clone())?;
        let row = self.writer.ask(move |store| store.find(&key.tenant, key.run.as_str(), 1))?;
        let beginning = pieces.next().await?.map(|piece| piece.entries).unwrap_or_default();
        let row = row.await.map_err(|_| WriterGone)??.pop().ok_or_else(|| unknown(run))?;
        same_run(&row, &beginning)?;

        let mut rest = RestOfJournal { pieces, counts: JournalCounts::of(is_held(&row)) };
        rest.counts.add(&beginning);
        let not_read = |error| EngineError::Journal { run: run.clone(), error };
        let machine =
            Machine::replay(beginning, None, Sandbox::guest_digest()).map_err(not_read)?;
        let (machine, pause) = Turns::new(self.sandbox.clone()).drive(machine, &mut rest).await?;
        let Verdict { mismatch, fuel_compared } = verdict(&machine, pause);
        // Also after a difference: a damaged journal gets no verdict.
        while rest.more().await?.is_some() {}
        let counts = rest.counts;
        if !counts.has_script {
            return Err(unknown(run));
        }
        Ok(ReplayReport {
            schema_version: REPLAY_FORMAT,
            run_id: run.clone(),
            name: row.name,
            state: counts.state,
            equal: mismatch.is_none(),
            steps: counts.steps,
            turns: counts.turns,
            entries: counts.entries,
            fuel_compared,
            mismatch,
        })
    }
}

/// The journal after its first piece, counted while it is read.
struct RestOfJournal {
    pieces: ReadAhead,
    counts: JournalCounts,
}

impl Backend for RestOfJournal {
    type Halt = EngineError;

    async fn more(&mut self) -> Result<Option<Vec<Entry>>, EngineError> {
        let piece = self.pieces.next().await?.map(|piece| piece.entries);
        self.counts.add(piece.as_deref().unwrap_or_default());
        Ok(piece)
    }
}

/// The backend of a machine that was given its whole journal.
struct WholeJournal;

impl Backend for WholeJournal {
    type Halt = SandboxError;
}

/// The result of a replay.
pub(crate) struct Verdict {
    pub(crate) mismatch: Option<Mismatch>,
    pub(crate) fuel_compared: bool,
}

/// Why there is no verdict.
pub(crate) enum VerifyError {
    Journal(smol_wf_core::journal::JournalError),
    Sandbox(smol_wf_sandbox::SandboxError),
}

/// Replays a whole journal in memory, which may be redacted by these rules.
pub(crate) async fn verify(
    sandbox: &Sandbox,
    entries: Vec<Entry>,
    limits: Limits,
    rules: Option<Arc<Redaction>>,
) -> Result<Verdict, VerifyError> {
    let guest = Sandbox::guest_digest();
    let machine = Machine::resume_whole(entries, limits, guest, 0).map_err(VerifyError::Journal)?;
    let mut turns = match rules {
        Some(rules) => Turns::redacting(sandbox.clone(), rules),
        None => Turns::new(sandbox.clone()),
    };
    let driven = turns.drive(machine, &mut WholeJournal).await;
    let (machine, pause) = driven.map_err(VerifyError::Sandbox)?;
    Ok(verdict(&machine, pause))
}

/// The verdict on a replay that ended with this pause.
pub(crate) fn verdict(machine: &Machine, pause: Pause) -> Verdict {
    let mismatch = match pause {
        Pause::Stopped(smol_wf_core::guest::StopTurn::Mismatch(mismatch)) => Some(mismatch),
        // Deliveries after the end of the recording are not part of it.
        Pause::Rest | Pause::Ended => machine.missed("the script has come to its end"),
        Pause::Stuck(_) => machine.missed("the script waits for what nothing will settle"),
        Pause::Stopped(smol_wf_core::guest::StopTurn::Limit(limit)) => {
            machine.missed(&limit.to_string())
        }
        Pause::Fault(fault) => machine.missed(&format!("the sandbox stopped the script: {fault}")),
    };
    Verdict { mismatch, fuel_compared: machine.compares_fuel() }
}

/// The facts about the journal in the report.
struct JournalCounts {
    steps: u64,
    turns: u64,
    entries: u64,
    /// Whether a process holds the run, and its state after the last entry.
    held: bool,
    state: RunState,
    has_script: bool,
}

impl JournalCounts {
    fn of(held: bool) -> Self {
        let state = RunState::Interrupted;
        Self { steps: 0, turns: 0, entries: 0, held, state, has_script: false }
    }

    fn add(&mut self, entries: &[Entry]) {
        for entry in entries {
            match &entry.body {
                Body::StepAsked { .. } => self.steps += 1,
                Body::TurnEnded { .. } => self.turns += 1,
                Body::ScopeStarted(start) => self.has_script |= start.scope == Scope::ROOT,
                _ => {}
            }
        }
        self.entries += entries.len() as u64;
        if let Some(last) = entries.last() {
            self.state = RunState::after(&last.body, self.held);
        }
    }
}
