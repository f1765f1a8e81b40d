//! A store in memory, which ends with its last handle.
//!
//! Owns: the same behaviour as the store on disk, in the simplest way. Never: packs
//! large values, which saves space only on a disk.

mod inbox;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Record;

use crate::leases::FIRST_FENCE;
use crate::{
    Append, Appended, Facts, Inbox, InboxState, Journals, Lease, LeaseRow, LeaseTerms, Leases,
    Lists, Maintenance, NewMessage, NewRun, Page, ReadLimit, RunFacts, RunFilter, RunKey, RunRow,
    Segment, Store, StoreError, StoredMessage, Summary, Wake, clock,
};
use inbox::RunInbox;

/// Journals in memory. A clone is another handle on the same journals, like a second
/// connection to a database.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<RunKey, Run>,
    /// Number of runs that were ever stored.
    stored_as: u64,
}

#[derive(Debug)]
struct Run {
    name: String,
    created_at_us: i64,
    /// Number of the run in the order in which runs were stored.
    stored_as: u64,
    wake_at_us: Option<i64>,
    owner: Option<String>,
    fence: u64,
    expires_at_us: i64,
    records: Vec<Record>,
    summary: Option<Summary>,
    facts: Option<Facts>,
    inbox: RunInbox,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every method checks before it changes anything, so that a panic under the lock
    /// leaves no half-made change.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn held(&mut self, lease: &Lease) -> Result<&mut Run, StoreError> {
        self.runs
            .get_mut(&lease.key)
            .filter(|run| run.owner.as_ref() == Some(&lease.owner) && run.fence == lease.fence)
            .ok_or_else(|| StoreError::lost(lease))
    }

    fn run(&mut self, key: &RunKey) -> Result<&mut Run, StoreError> {
        self.runs.get_mut(key).ok_or_else(|| StoreError::NoSuchRun { key: key.clone() })
    }

    fn append(&mut self, batch: &Append<'_>) -> Result<Appended, StoreError> {
        let key = &batch.lease.key;
        let run = self.held(batch.lease)?;
        let entries = length(&run.records);
        if entries != batch.first_seq {
            let (key, first_seq) = (key.clone(), batch.first_seq);
            return Err(StoreError::OutOfSequence { key, entries, first_seq });
        }
        let takes = run.inbox.state.taking(key, batch.takes)?;
        check(key, batch.first_seq, batch.records)?;
        run.records.extend_from_slice(batch.records);
        if let (Some(facts), Some(state)) = (&mut run.facts, batch.state) {
            facts.state = state;
        }
        match batch.wake {
            Wake::Keep => {}
            Wake::At(time) => run.wake_at_us = Some(time),
            Wake::Never => run.wake_at_us = None,
        }
        if let Some(up_to) = takes {
            run.inbox.take(up_to);
        }
        if batch.release {
            run.owner = None;
        }
        Ok(Appended { posted: run.inbox.state.posted })
    }
}

impl Run {
    fn tip(&self) -> &str {
        self.records.last().map_or("", |record| &record.chain)
    }

    fn ends_with(&self, entries: u64, tip: &str) -> bool {
        entries == length(&self.records) && tip == self.tip()
    }

    fn is_among(&self, filter: RunFilter<'_>) -> bool {
        let Some(facts) = &self.facts else { return true };
        match filter {
            RunFilter::All => true,
            RunFilter::States(states) => states.contains(&facts.state),
            RunFilter::ForksOf(parent) => facts.parent.as_ref() == Some(parent),
        }
    }

    fn row(&self, key: &RunKey) -> RunRow {
        let summary = self.summary.as_ref().filter(|kept| self.ends_with(kept.entries, &kept.tip));
        RunRow {
            key: key.clone(),
            name: self.name.clone(),
            created_at_us: self.created_at_us,
            entries: length(&self.records),
            tip: self.tip().to_owned(),
            summary: summary.map(|summary| summary.text.clone()),
            place: self.facts.as_ref().map(|facts| facts.place.clone()),
            lease: self.lease(),
        }
    }

    fn lease(&self) -> Option<LeaseRow> {
        let (fence, expires_at_us) = (self.fence, self.expires_at_us);
        let is_over = expires_at_us <= clock::now_us();
        self.owner.clone().map(|owner| LeaseRow { owner, fence, expires_at_us, is_over })
    }

    fn refuse_held(&self, key: &RunKey, replacing: Option<&LeaseRow>) -> Result<(), StoreError> {
        match &self.owner {
            Some(owner)
                if !replacing
                    .is_some_and(|seen| seen.is_still(owner, self.fence, self.expires_at_us)) =>
            {
                Err(StoreError::LeaseHeld { key: key.clone(), owner: owner.clone() })
            }
            _ => Ok(()),
        }
    }

    fn hold(&mut self, key: &RunKey, terms: LeaseTerms<'_>) -> Lease {
        self.owner = Some(terms.owner.to_owned());
        self.fence += 1;
        self.expires_at_us = clock::after(terms.lasting);
        Lease { key: key.clone(), owner: terms.owner.to_owned(), fence: self.fence }
    }
}

impl Journals for MemoryStore {
    fn create_from(
        &mut self,
        run: &NewRun,
        terms: Option<LeaseTerms<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError> {
        let key = &run.key;
        let exists = || StoreError::RunExists { key: key.clone() };
        if self.state().runs.contains_key(key) {
            return Err(exists());
        }
        // Without the lock: the iterator may read through another handle.
        let records: Vec<Record> = records.collect::<Result<_, _>>()?;
        if records.is_empty() {
            return Err(StoreError::no_records(key));
        }
        check(key, 0, &records)?;
        let mut state = self.state();
        if state.runs.contains_key(key) {
            return Err(exists());
        }
        state.stored_as += 1;
        let made = Run {
            name: run.name.clone(),
            created_at_us: run.created_at_us,
            stored_as: state.stored_as,
            wake_at_us: run.wake_at_us,
            owner: terms.map(|terms| terms.owner.to_owned()),
            fence: terms.map_or(0, |_| FIRST_FENCE),
            expires_at_us: terms.map_or(0, |terms| clock::after(terms.lasting)),
            records,
            summary: None,
            facts: run.facts.clone(),
            inbox: RunInbox::default(),
        };
        state.runs.insert(key.clone(), made);
        Ok(())
    }

    fn append(
        &mut self,
        batches: &[Append<'_>],
    ) -> Result<Vec<Result<Appended, StoreError>>, StoreError> {
        let mut state = self.state();
        Ok(batches.iter().map(|batch| state.append(batch)).collect())
    }

    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        limit: ReadLimit,
    ) -> Result<Option<Segment>, StoreError> {
        let first = usize::try_from(first_seq).unwrap_or(usize::MAX);
        Ok(self.state().runs.get(key).map(|run| {
            let rest = run.records.get(first..).unwrap_or_default();
            let mut records: Vec<Record> = Vec::new();
            let mut bytes = 0_usize;
            for record in rest {
                let is_full = records.len() >= limit.records as usize || bytes >= limit.bytes;
                if is_full && !records.is_empty() {
                    break;
                }
                bytes = bytes.saturating_add(record.body.len());
                records.push(record.clone());
            }
            let is_last = records.len() == rest.len();
            Segment { records, is_last }
        }))
    }

    fn delete(&mut self, key: &RunKey, replacing: Option<&LeaseRow>) -> Result<(), StoreError> {
        let mut state = self.state();
        state.run(key)?.refuse_held(key, replacing)?;
        state.runs.remove(key);
        Ok(())
    }
}

impl Leases for MemoryStore {
    fn lease(&mut self, key: &RunKey) -> Result<Option<LeaseRow>, StoreError> {
        Ok(self.state().run(key)?.lease())
    }

    fn claim(
        &mut self,
        key: &RunKey,
        terms: LeaseTerms<'_>,
        replacing: Option<&LeaseRow>,
    ) -> Result<Lease, StoreError> {
        let mut state = self.state();
        let run = state.run(key)?;
        run.refuse_held(key, replacing)?;
        Ok(run.hold(key, terms))
    }

    fn renew(&mut self, lease: &Lease, lasting: Duration) -> Result<(), StoreError> {
        self.state().held(lease)?.expires_at_us = clock::after(lasting);
        Ok(())
    }

    fn release(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.state().held(lease)?.owner = None;
        Ok(())
    }

    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError> {
        let state = self.state();
        let leased = state.runs.iter().filter_map(|(key, run)| Some((key.clone(), run.lease()?)));
        Ok(leased.collect())
    }

    fn wake_ups(
        &mut self,
        tenants: &[TenantId],
        terms: LeaseTerms<'_>,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreError> {
        let (mut state, now_us) = (self.state(), clock::now_us());
        let mut taken = Vec::new();
        for tenant in tenants {
            let mut due: Vec<_> = state
                .runs
                .iter()
                .filter(|(key, run)| key.tenant == *tenant && run.owner.is_none())
                .filter_map(|(key, run)| Some((run.wake_at_us?, key.clone())))
                .filter(|(time, _)| *time <= now_us)
                .collect();
            due.sort();
            due.truncate(limit as usize - taken.len());
            for (_, key) in due {
                taken.push(state.run(&key)?.hold(&key, terms));
            }
        }
        Ok(taken)
    }
}

impl Inbox for MemoryStore {
    fn post(&mut self, key: &RunKey, message: &NewMessage<'_>) -> Result<u64, StoreError> {
        self.state().run(key)?.inbox.post(key, message)
    }

    fn messages(
        &mut self,
        key: &RunKey,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        Ok(self.state().run(key)?.inbox.messages(after, limit))
    }

    fn inbox(&mut self, key: &RunKey) -> Result<InboxState, StoreError> {
        Ok(self.state().run(key)?.inbox.state)
    }
}

impl Lists for MemoryStore {
    fn list(&mut self, tenant: &TenantId, page: &Page<'_>) -> Result<Vec<RunRow>, StoreError> {
        let state = self.state();
        let mut found: Vec<_> = state
            .runs
            .iter()
            .filter(|(key, run)| {
                key.tenant == *tenant
                    && page.name.is_none_or(|name| name == run.name)
                    && page.before.is_none_or(|before| (run.created_at_us, &key.run) < before)
                    && page.since_us.is_none_or(|since| run.created_at_us >= since)
                    && page.until_us.is_none_or(|until| run.created_at_us < until)
                    && run.is_among(page.filter)
            })
            .collect();
        found.sort_by(|(key, run), (other, than)| {
            (than.created_at_us, &other.run).cmp(&(run.created_at_us, &key.run))
        });
        Ok(found.iter().map(|(key, run)| run.row(key)).take(page.limit as usize).collect())
    }

    fn newest(
        &mut self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let state = self.state();
        let mut found: Vec<_> =
            state.runs.iter().filter(|(key, _)| key.tenant == *tenant).collect();
        found.sort_by_key(|(_, run)| std::cmp::Reverse(run.stored_as));
        let rows = found.iter().map(|(key, run)| run.row(key));
        Ok(rows.skip(skip as usize).take(limit as usize).collect())
    }

    fn find(
        &mut self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let state = self.state();
        let found = state
            .runs
            .iter()
            .filter(|(key, _)| key.tenant == *tenant && key.run.as_str().starts_with(prefix));
        Ok(found.map(|(key, run)| run.row(key)).take(limit as usize).collect())
    }

    fn put_summaries(
        &mut self,
        tenant: &TenantId,
        summaries: &[Summary],
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        for summary in summaries {
            let key = RunKey { tenant: tenant.clone(), run: summary.run.clone() };
            let run = state.runs.get_mut(&key);
            if let Some(run) = run.filter(|run| run.ends_with(summary.entries, &summary.tip)) {
                run.summary = Some(summary.clone());
            }
        }
        Ok(())
    }

    fn put_facts(&mut self, tenant: &TenantId, found: &[RunFacts]) -> Result<(), StoreError> {
        let mut state = self.state();
        for found in found {
            let key = RunKey { tenant: tenant.clone(), run: found.run.clone() };
            let run = state.runs.get_mut(&key).filter(|run| run.facts.is_none());
            if let Some(run) = run.filter(|run| run.ends_with(found.entries, &found.tip)) {
                run.facts = Some(found.facts.clone());
            }
        }
        Ok(())
    }
}

impl Maintenance for MemoryStore {
    fn open_again(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(self.clone()))
    }
}

/// What the database checks by itself.
fn check(key: &RunKey, first_seq: u64, records: &[Record]) -> Result<(), StoreError> {
    for (seq, record) in (first_seq..).zip(records) {
        if let Err(error) = serde_json::from_str::<&serde_json::value::RawValue>(&record.body) {
            let reason = format!("entry {seq}: {error}");
            return Err(StoreError::Invalid { key: key.clone(), reason });
        }
    }
    Ok(())
}

fn length(records: &[Record]) -> u64 {
    records.len() as u64
}

#[cfg(test)]
mod tests {
    use smol_wf_core::journal::Chain;

    use super::MemoryStore;
    use crate::conformance::{
        a_full_inbox_takes_no_message_until_one_is_taken, logged, new_run, terms,
    };
    use crate::{INBOX_MAX, Inbox as _, Journals as _, NewMessage};

    #[test]
    fn it_is_a_store() {
        crate::conformance::run(|| Box::new(MemoryStore::new()));
    }

    #[test]
    fn an_inbox_has_a_bound() {
        let mut store = MemoryStore::new();
        let records = logged(&mut Chain::new(), &["first"]);
        let lease = store.create(&new_run(1), terms("me"), &records).unwrap();
        for _ in 0..INBOX_MAX {
            let message = NewMessage { by: "ann", posted_at_us: 1, body: "1" };
            store.post(&lease.key, &message).unwrap();
        }
        a_full_inbox_takes_no_message_until_one_is_taken(&mut store, &lease);
    }
}
