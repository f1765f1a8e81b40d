//! Runs that come and go whole: deleting, and taking in what was exported.
//!
//! Owns: that neither touches a run that a process works on. Never: decides
//! which runs go.

use smol_wf_core::archive::Archive;
use smol_wf_core::ids::RunId;
use smol_wf_store::{NewRun, Store, StoreError};

use crate::clock;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::holding::judge;

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
        let now_us = clock::now_us();
        let deleted = self
            .writer
            .with(move |store: &mut dyn Store| store.delete(&key, now_us, &judge))
            .await?;
        deleted.map_err(|error| match error {
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
                let now_us = clock::now_us();
                let leased = if shrink { store.leased()? } else { Vec::new() };
                let mut held = leased
                    .into_iter()
                    .filter(|(_, lease)| judge(&lease.owner).holds(lease.expires_at_us, now_us));
                let in_use = held.next();
                store.clean(shrink && in_use.is_none())?;
                Ok::<_, StoreError>(in_use)
            })
            .await??;
        match in_use {
            None => Ok(()),
            Some((key, lease)) => Err(EngineError::InUse { run: key.run, owner: lease.owner }),
        }
    }

    /// Takes in a run of another store, under its own id.
    ///
    /// # Errors
    /// [`EngineError::ImportConflict`] when there is a run of that id whose
    /// journal is another one.
    pub async fn import(&self, archive: Archive) -> Result<Imported, EngineError> {
        let key = self.key(&archive.run);
        let run = NewRun {
            key: key.clone(),
            name: archive.name,
            created_at_us: archive.entries.first().map_or(0, |entry| entry.at_us),
            // Whoever took it in decides when it goes on.
            wake_at_us: None,
        };
        let (owner, expires) = (self.owner.clone(), clock::now_us() + clock::LEASE_US);
        let records = archive.records;
        let outcome = self
            .writer
            .with(move |store: &mut dyn Store| {
                if let Some(found) = store.load(&key)? {
                    return Ok((found == records).then_some(Imported::Same));
                }
                let lease = store.create(&run, &owner, expires, &records)?;
                store.release(&lease)?;
                store.settle()?;
                Ok::<_, StoreError>(Some(Imported::New))
            })
            .await??;
        outcome.ok_or(EngineError::ImportConflict { run: archive.run })
    }
}
