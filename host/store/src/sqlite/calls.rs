//! What a store is asked, each as one transaction.
//!
//! Owns: which calls write and which only read. Never: a statement; those are
//! beside.

use std::time::Duration;

use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Record;

use super::{Access, SqliteStore, delete, fail, look, open};
use crate::{
    Append, BUSY_TIMEOUT, Bound, FoundFacts, Hold, Journals, Lease, LeaseRow, Leases, Lists,
    NewRun, Page, RunKey, RunRow, Store, StoreError, Stretch, Summary, Upkeep,
};

impl Journals for SqliteStore {
    fn create_from(
        &mut self,
        run: &NewRun,
        hold: Option<Hold<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError> {
        self.write(|session| session.create(run, hold, records))
    }

    fn append(
        &mut self,
        batches: &[Append<'_>],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        if let [last] = batches
            && last.release
        {
            return Ok(vec![self.append_last(last)?]);
        }
        self.write(|session| {
            let mut outcomes = Vec::with_capacity(batches.len());
            for batch in batches {
                match session.append(batch) {
                    Err(error) if !error.is_refusal() => return Err(error),
                    outcome => outcomes.push(outcome),
                }
            }
            Ok(outcomes)
        })
    }

    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        bound: Bound,
    ) -> Result<Option<Stretch>, StoreError> {
        self.read(|session| session.load_from(key, first_seq, bound))
    }

    fn delete(&mut self, key: &RunKey, replacing: Option<&LeaseRow>) -> Result<(), StoreError> {
        self.write(|session| session.delete(key, replacing))
    }
}

impl Leases for SqliteStore {
    fn lease(&mut self, key: &RunKey) -> Result<Option<LeaseRow>, StoreError> {
        self.read(|session| Ok(session.lease_of(key)?.0))
    }

    fn claim(
        &mut self,
        key: &RunKey,
        hold: Hold<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError> {
        self.write(|session| session.claim(key, hold, replacing))
    }

    fn renew(&mut self, lease: &Lease, lasting: Duration) -> Result<(), StoreError> {
        self.write(|session| session.renew(lease, lasting))
    }

    fn release(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.write(|session| session.release(lease))
    }

    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError> {
        self.read(|session| session.leased())
    }

    fn wake_ups(
        &mut self,
        tenants: &[TenantId],
        hold: Hold<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        self.write(|session| session.wake_ups(tenants, hold, limit))
    }
}

impl Lists for SqliteStore {
    fn list(&mut self, tenant: &TenantId, page: &Page<'_>) -> Result<Vec<RunRow>, StoreError> {
        self.read(|session| session.list(tenant, page))
    }

    fn newest(
        &mut self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.read(|session| session.newest(tenant, skip, limit))
    }

    fn find(
        &mut self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.read(|session| session.find(tenant, prefix, limit))
    }

    fn put_summaries(
        &mut self,
        tenant: &TenantId,
        summaries: &[Summary],
    ) -> Result<(), StoreError> {
        self.write(|session| session.put_summaries(tenant, summaries))
    }

    fn put_facts(&mut self, tenant: &TenantId, found: &[FoundFacts]) -> Result<(), StoreError> {
        self.write(|session| session.put_facts(tenant, found))
    }
}

impl Upkeep for SqliteStore {
    fn again(&self) -> Result<Box<dyn Store>, StoreError> {
        if let Some(error) = &self.replaced {
            return Err(error.clone());
        }
        let judge = self.judge;
        let Some(place) = &self.place else {
            return Ok(Box::new(Self::over(&self.path, look::open(&self.path)?, None, judge)));
        };
        place.check_database()?;
        let (connection, place) = open::open_there(&self.path, BUSY_TIMEOUT, judge)?;
        Ok(Box::new(Self::over(&self.path, connection, Some(place), judge)))
    }

    fn wait_for_lock(&mut self, at_most: Duration) {
        self.lock_wait = at_most;
    }

    fn try_lock(&mut self) -> Result<(), StoreError> {
        self.write(|_| Ok(()))
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        if self.access != Access::Write || self.is_settled {
            return Ok(());
        }
        let connection = self.taken()?;
        // Waits for nobody: what a reader still needs stays in the log.
        connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| fail::sqlite(&self.path, &error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn clean(&mut self, shrink: bool) -> Result<(), StoreError> {
        self.may_write()?;
        let connection = self.taken()?;
        delete::clean(&connection, shrink).map_err(|error| fail::sqlite(&self.path, &error))?;
        self.connection = Some(connection);
        Ok(())
    }
}
