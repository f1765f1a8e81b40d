//! The calls of a store, each as one transaction.
//!
//! Owns: which calls write and which only read. Never: the statements, which are in
//! the files beside this one.

use std::time::Duration;

use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Record;

use super::{Access, SqliteStore, delete, fail, open, read_only};
use crate::{
    Append, Appended, BUSY_TIMEOUT, Inbox, InboxState, Journals, Lease, LeaseRow, LeaseTerms,
    Leases, Lists, Maintenance, NewMessage, NewRun, Page, ReadLimit, RunFacts, RunKey, RunRow,
    Segment, Store, StoreError, StoredMessage, Summary,
};

impl Journals for SqliteStore {
    fn create_from(
        &mut self,
        run: &NewRun,
        terms: Option<LeaseTerms<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError> {
        self.write(|session| session.create(run, terms, records))
    }

    fn append(
        &mut self,
        batches: &[Append<'_>],
    ) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
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
        limit: ReadLimit,
    ) -> Result<Option<Segment>, StoreError> {
        self.read(|session| session.load_from(key, first_seq, limit))
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
        terms: LeaseTerms<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError> {
        self.write(|session| session.claim(key, terms, replacing))
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
        terms: LeaseTerms<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        self.write(|session| session.wake_ups(tenants, terms, limit))
    }
}

impl Inbox for SqliteStore {
    fn post(&mut self, key: &RunKey, message: &NewMessage<'_>) -> Result<u64, StoreError> {
        self.write(|session| session.post(key, message))
    }

    fn messages(
        &mut self,
        key: &RunKey,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.read(|session| session.messages(key, after, limit))
    }

    fn inbox(&mut self, key: &RunKey) -> Result<InboxState, StoreError> {
        self.read(|session| session.inbox(key))
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

    fn put_facts(&mut self, tenant: &TenantId, found: &[RunFacts]) -> Result<(), StoreError> {
        self.write(|session| session.put_facts(tenant, found))
    }
}

impl Maintenance for SqliteStore {
    fn open_again(&self) -> Result<Box<dyn Store>, StoreError> {
        if let Some(error) = &self.replaced {
            return Err(error.clone());
        }
        let check_holder = self.check_holder;
        let Some(files) = &self.files else {
            return Ok(Box::new(Self::with_connection(
                &self.path,
                read_only::open(&self.path)?,
                None,
                check_holder,
            )));
        };
        files.check_database()?;
        let (connection, files) = open::open_there(&self.path, BUSY_TIMEOUT, check_holder)?;
        Ok(Box::new(Self::with_connection(&self.path, connection, Some(files), check_holder)))
    }

    fn wait_for_lock(&mut self, at_most: Duration) {
        self.lock_wait = at_most;
    }

    fn try_lock(&mut self) -> Result<(), StoreError> {
        self.write(|_| Ok(()))
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        if self.access != Access::Write || self.is_checkpointed {
            return Ok(());
        }
        let connection = self.take_connection()?;
        // Does not wait: pages that a reader still needs stay in the log.
        connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .map_err(|error| fail::sqlite(&self.path, &error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn clean(&mut self, shrink: bool) -> Result<(), StoreError> {
        self.may_write()?;
        let connection = self.take_connection()?;
        delete::clean(&connection, shrink).map_err(|error| fail::sqlite(&self.path, &error))?;
        self.connection = Some(connection);
        Ok(())
    }
}
