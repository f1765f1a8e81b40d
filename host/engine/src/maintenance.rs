//! Runs that come and go whole: deleting, and taking in what was exported.
//!
//! Owns: that neither touches a run that a process works on. Never: decides
//! which runs go.

use std::io;

use smol_wf_core::archive::Reader;
use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::Record;
use smol_wf_store::{NewRun, ReadLimit, RunKey, Store, StoreError};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::facts;
use crate::lease_holder::holds;

/// The lines of a file that a run was exported to, without their ends.
pub type Lines = Box<dyn Iterator<Item = io::Result<String>> + Send>;

/// How much of a journal is compared at once.
const COMPARED: ReadLimit = ReadLimit { records: 1_024, bytes: 1024 * 1024 };

/// What became of a run that was to be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is here now.
    New,
    /// It was here already, with the same journal.
    Same,
}

impl Engine {
    /// Deletes a run that no process works on.
    ///
    /// # Errors
    /// When there is no such run, or a process works on it.
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
        })
    }

    /// Takes what was deleted out of the store's files; with `shrink`, gives
    /// their space back, too. That locks the store for as long as it takes, so
    /// it is not done while a process works on a run.
    ///
    /// # Errors
    /// [`EngineError::InUse`]; when they cannot be written.
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

    /// Takes in a run of another store, under its own id. No more of it is in
    /// memory than one record. What is read is written in one transaction, so the
    /// lines must not be waited for.
    ///
    /// # Errors
    /// [`EngineError::Archive`] at the first line that does not fit;
    /// [`EngineError::ImportConflict`] when there is a run of that id whose
    /// journal is another one. Nothing is taken in then.
    pub async fn import(&self, lines: Lines) -> Result<(RunId, Imported), EngineError> {
        let tenant = self.tenant.clone();
        self.writer.with(move |store: &mut dyn Store| take_in(store, tenant, lines)).await?
    }
}

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
        // Whoever took it in decides when it goes on.
        wake_at_us: None,
        // They are at the end of the file, too.
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
        // Another process was quicker.
        (Err(StoreError::RunExists { .. }), None) => compared(store, key, first, &mut incoming),
        (Err(error), None) => Err(error.into()),
        (Ok(()), None) => {
            // It is in. Lists look up what is not known, and what is in the log only
            // is read from there.
            let _ = facts::look_up(store, &key).and_then(|()| store.checkpoint());
            Ok((key.run, Imported::New))
        }
    }
}

/// What becomes of a run that is here already.
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

/// Whether these records are the ones that are here.
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

/// The records of a file, each checked as it comes.
struct RecordReader {
    reader: Reader,
    lines: Lines,
}

impl RecordReader {
    fn begin(mut lines: Lines) -> Result<Self, EngineError> {
        let first = lines.next().transpose().map_err(unreadable)?;
        Ok(Self { reader: Reader::begin(first.as_deref())?, lines })
    }

    /// The next one; none behind the last of a file that is whole.
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

/// Checks a file before anything is opened for it, and says how many records it
/// has.
///
/// # Errors
/// As of [`Engine::import`].
pub fn look_over(lines: Lines) -> Result<u64, EngineError> {
    let mut incoming = RecordReader::begin(lines)?;
    while incoming.record()?.is_some() {}
    Ok(incoming.reader.found())
}

fn unreadable(error: io::Error) -> EngineError {
    EngineError::System { doing: "read the file", error }
}
