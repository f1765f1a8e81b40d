//! Deletes runs, cleans the store, and imports exported runs.
//!
//! Owns: not touching runs that a process holds. Never: decides which runs are deleted.

use std::io;

use smol_wf_core::archive::Reader;
use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::Record;
use smol_wf_store::{NewRun, ReadLimit, RunKey, Store, StoreError};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::facts;
use crate::lease_holder::holds;

/// The lines of an exported run, without line ends.
pub type Lines = Box<dyn Iterator<Item = io::Result<String>> + Send>;

/// The part of a journal that is compared at a time.
const COMPARED: ReadLimit = ReadLimit { records: 1_024, bytes: 1024 * 1024 };

/// Result of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// The run is in the store now.
    New,
    /// The run was in the store before, with the same journal.
    Same,
}

impl Engine {
    /// Deletes a run that no process holds.
    ///
    /// # Errors
    /// [`EngineError::UnknownRun`]; [`EngineError::Held`]; other errors when the store cannot
    /// be written.
    pub async fn delete(&self, run: &RunId) -> Result<(), EngineError> {
        let key = self.key(run);
        let delete = move |store: &mut dyn Store| {
            let seen = store.lease(&key)?;
            match seen.as_ref().filter(|lease| holds(lease)) {
                Some(lease) => Err(StoreError::LeaseHeld { owner: lease.owner.clone(), key }),
                None => store.delete(&key, seen.as_ref()),
            }
        };
        self.writer.with(delete).await?.map_err(|error| match error {
            StoreError::LeaseHeld { owner, .. } => EngineError::Held { run: run.clone(), owner },
            StoreError::NoSuchRun { .. } => EngineError::UnknownRun { asked: run.to_string() },
            other => other.into(),
        })?;
        // A holder that was killed has left its bell.
        self.bells.take_down(&self.key(run));
        Ok(())
    }

    /// Removes deleted data from the store's files. With `shrink`, the files get smaller,
    /// too. That locks the store, so it is not done while a process holds a run.
    ///
    /// # Errors
    /// [`EngineError::InUse`] when the files could not shrink; other errors when they cannot
    /// be written.
    pub async fn clean(&self, shrink: bool) -> Result<(), EngineError> {
        let in_use = self
            .writer
            .with(move |store: &mut dyn Store| {
                let leased = if shrink { store.leased()? } else { Vec::new() };
                let in_use = leased.into_iter().find(|(_, lease)| holds(lease));
                store.clean(shrink && in_use.is_none())?;
                Ok::<_, StoreError>(in_use)
            })
            .await??;
        match in_use {
            None => Ok(()),
            Some((key, lease)) => Err(EngineError::InUse { run: key.run, owner: lease.owner }),
        }
    }

    /// Imports an exported run under its own id, one record at a time. All is one
    /// transaction, so reading `lines` must not block for long.
    ///
    /// # Errors
    /// [`EngineError::Archive`] at the first line that does not fit;
    /// [`EngineError::ImportConflict`] when the store has a run of that id with another
    /// journal. Nothing is imported then.
    ///
    /// ```no_run
    /// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io::{BufRead, BufReader};
    ///
    /// let file = BufReader::new(std::fs::File::open("run.jsonl")?);
    /// let (run, result) = engine.import(Box::new(file.lines())).await?;
    /// println!("{run}: {result:?}");
    /// # Ok(()) }
    /// ```
    pub async fn import(&self, lines: Lines) -> Result<(RunId, Imported), EngineError> {
        let tenant = self.tenant.clone();
        self.writer.with(move |store: &mut dyn Store| take_in(store, tenant, lines)).await?
    }
}

/// Imports the run of these lines in one transaction.
fn take_in(
    store: &mut dyn Store,
    tenant: TenantId,
    lines: Lines,
) -> Result<(RunId, Imported), EngineError> {
    let mut incoming = RecordReader::begin(lines)?;
    let key = RunKey { tenant, run: incoming.reader.run().clone() };
    let is_here = store.load_from(&key, 0, ReadLimit::records(1))?.is_some();
    let first = incoming.record()?;
    if is_here {
        return compared(store, key, first, &mut incoming);
    }
    let run = NewRun {
        key: key.clone(),
        name: incoming.reader.name().to_owned(),
        created_at_us: incoming.reader.created_at_us(),
        // The user decides when the run goes on.
        wake_at_us: None,
        // Facts depend on the last entry, too, which was not read yet.
        facts: None,
    };
    let mut refused = None;
    let mut rest = std::iter::from_fn(|| match incoming.record() {
        Ok(record) => record.map(Ok),
        Err(error) => {
            let reason = error.to_string();
            refused = Some(error);
            Some(Err(StoreError::Invalid { key: key.clone(), reason }))
        }
    });
    let mut records = first.clone().into_iter().map(Ok).chain(&mut rest);
    let created = store.create_from(&run, None, &mut records);
    match (created, refused) {
        (_, Some(error)) => Err(error),
        // Another process has imported it meanwhile.
        (Err(StoreError::RunExists { .. }), None) => compared(store, key, first, &mut incoming),
        (Err(error), None) => Err(error.into()),
        (Ok(()), None) => {
            // The import is durable. If this fails, lists look the facts up later, and
            // the store reads its log.
            let _ = facts::look_up(store, &key).and_then(|()| store.checkpoint());
            Ok((key.run, Imported::New))
        }
    }
}

/// Compares an import with the run that is in the store.
fn compared(
    store: &mut dyn Store,
    key: RunKey,
    first: Option<Record>,
    incoming: &mut RecordReader,
) -> Result<(RunId, Imported), EngineError> {
    let rest = std::iter::from_fn(|| incoming.record().transpose());
    match is_same(store, &key, &mut first.into_iter().map(Ok).chain(rest))? {
        true => Ok((key.run, Imported::Same)),
        false => Err(EngineError::ImportConflict { run: key.run }),
    }
}

/// Whether the store has exactly these records.
fn is_same(
    store: &mut dyn Store,
    key: &RunKey,
    incoming: &mut dyn Iterator<Item = Result<Record, EngineError>>,
) -> Result<bool, EngineError> {
    let mut seq = 0;
    loop {
        let Some(here) = store.load_from(key, seq, COMPARED)? else { return Ok(false) };
        for record in &here.records {
            if incoming.next().transpose()?.as_ref() != Some(record) {
                return Ok(false);
            }
        }
        if here.is_last {
            return Ok(incoming.next().transpose()?.is_none());
        }
        seq += here.records.len() as u64;
    }
}

/// Reads the records of an exported run, and checks each.
struct RecordReader {
    reader: Reader,
    lines: Lines,
}

impl RecordReader {
    fn begin(mut lines: Lines) -> Result<Self, EngineError> {
        let first = lines.next().transpose().map_err(unreadable)?;
        Ok(Self { reader: Reader::begin(first.as_deref())?, lines })
    }

    /// The next record; none after the last one of a whole file.
    fn record(&mut self) -> Result<Option<Record>, EngineError> {
        while let Some(line) = self.lines.next().transpose().map_err(unreadable)? {
            if let Some(record) = self.reader.record(&line)? {
                return Ok(Some(record));
            }
        }
        self.reader.finish()?;
        Ok(None)
    }
}

/// Checks an exported run without a store, and returns its number of records.
///
/// # Errors
/// [`EngineError::Archive`] at the first line that does not fit; when a line cannot be
/// read.
pub fn look_over(lines: Lines) -> Result<u64, EngineError> {
    let mut incoming = RecordReader::begin(lines)?;
    while incoming.record()?.is_some() {}
    Ok(incoming.reader.found())
}

fn unreadable(error: io::Error) -> EngineError {
    EngineError::System { doing: "read the file", error }
}
