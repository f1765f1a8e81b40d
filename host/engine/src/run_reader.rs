//! Reads one run: piece by piece, whole, or with long texts cut.
//!
//! Owns: how much of a run its readers have in memory. Never: changes a run, or hands
//! out an entry whose digest does not fit.

use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Body, Entry, Record};
use smol_wf_core::report::Report;
use smol_wf_store::RunRow;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::lease_holder::is_held;
use crate::read_ahead::ReadAhead;
use crate::runs::{same_run, unknown};

/// Bytes of a prompt or an answer that are read when only its first line is shown.
pub(crate) const SHOWN_BYTES_MAX: usize = 4 * 1024;

/// The whole journal of a run.
#[derive(Debug)]
pub struct RunJournal {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Whether a process holds the run.
    pub held: bool,
}

/// A cursor over the journal of a run, up to the length that it had when reading began.
pub struct RunReader {
    row: RunRow,
    journal: ReadAhead,
    left: u64,
    /// Whether a process holds the run.
    pub held: bool,
}

impl RunReader {
    /// Number of entries in all.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.row.entries
    }

    /// Digest of the last record, which covers all records before it.
    #[must_use]
    pub fn tip(&self) -> &str {
        &self.row.tip
    }

    /// The next records, and the entry of each; none after the last ones.
    ///
    /// # Errors
    /// When the store cannot be read, or a digest does not fit.
    pub async fn next(&mut self) -> Result<Option<(Vec<Record>, Vec<Entry>)>, EngineError> {
        let is_first = self.left == self.row.entries;
        let Some(mut piece) = self.journal.next().await?.filter(|_| self.left > 0) else {
            return Ok(None);
        };
        if is_first {
            same_run(&self.row, &piece.entries)?;
        }
        let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(piece.entries.len());
        self.left -= kept as u64;
        piece.records.truncate(kept);
        piece.entries.truncate(kept);
        Ok(Some((piece.records, piece.entries)))
    }

    /// One entry by its number, from 0. The cursor does not move.
    ///
    /// # Errors
    /// When the store cannot be read, the entry does not exist, or its digest does not fit.
    pub async fn entry(&self, seq: u64) -> Result<Entry, EngineError> {
        self.journal.entry(seq).await
    }
}

impl Engine {
    /// A cursor over the records and entries of a run.
    ///
    /// ```no_run
    /// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), smol_wf_engine::EngineError> {
    /// let run = engine.find("latest").await?;
    /// let mut reader = engine.run_reader(&run).await?;
    /// while let Some((_records, entries)) = reader.next().await? {
    ///     entries.iter().for_each(|entry| println!("{}", entry.body.kind()));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the run does not exist, or the store cannot be read.
    pub async fn run_reader(&self, run: &RunId) -> Result<RunReader, EngineError> {
        let row = self.row(run).await?.ok_or_else(|| unknown(run))?;
        let journal = ReadAhead::with_bodies(self.writer.clone(), self.key(run))?;
        Ok(RunReader { held: is_held(&row), journal, left: row.entries, row })
    }

    /// The whole journal of a run, in memory.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn journal(&self, run: &RunId) -> Result<RunJournal, EngineError> {
        self.read(run, None).await
    }

    /// A run without its large texts, except its result: enough to show the steps of the run.
    ///
    /// # Errors
    /// As of [`Self::journal`].
    pub async fn account(&self, run: &RunId) -> Result<RunJournal, EngineError> {
        self.read(run, Some(SHOWN_BYTES_MAX)).await
    }

    /// The current report of a run.
    ///
    /// # Errors
    /// When the run does not exist, or its journal cannot be read.
    pub async fn report(&self, run: &RunId) -> Result<Report, EngineError> {
        let journal = self.account(run).await?;
        Report::fold(&journal.entries, journal.held).map_err(|_| unknown(run))
    }

    async fn read(&self, run: &RunId, most: Option<usize>) -> Result<RunJournal, EngineError> {
        let row = self.row(run).await?.ok_or_else(|| unknown(run))?;
        let entries = self.entries(&row, most).await?;
        // Its holder may have released it meanwhile, with an entry that gives the reason.
        let held = self.row(run).await?.is_some_and(|row| is_held(&row));
        Ok(RunJournal { entries, held })
    }

    /// All entries of a run, with each text cut to this many bytes.
    pub(crate) async fn entries(
        &self,
        row: &RunRow,
        most: Option<usize>,
    ) -> Result<Vec<Entry>, EngineError> {
        let mut journal = ReadAhead::begin(self.writer.clone(), row.key.clone())?;
        let mut whole: Vec<Entry> = Vec::new();
        while let Some(mut piece) = journal.next().await? {
            if whole.is_empty() {
                same_run(row, &piece.entries)?;
            }
            if let Some(most) = most {
                let entries = piece.entries.iter_mut();
                entries
                    .filter(|entry| !matches!(entry.body, Body::RunEnded { .. }))
                    .for_each(|entry| entry.body.shorten(most));
            }
            whole.append(&mut piece.entries);
        }
        Ok(whole)
    }
}
