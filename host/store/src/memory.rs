//! A store in memory: gone with its last handle.
//!
//! Owns: the same answers as the store on disk, in the plainest way there is.
//! Never: packs large values; memory shares nothing with a disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smol_wf_core::ids::{Digest, TenantId};
use smol_wf_core::journal::Record;

use crate::{
    Append, Bound, Holder, Lease, LeaseRow, NewRun, Page, RunKey, RunRow, Store, StoreError,
    Stretch, Summary, Wake,
};

/// Journals in memory. A clone is another handle on the same journals, as a
/// second connection is to a database.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<RunKey, Run>,
    blobs: BTreeMap<(TenantId, Digest), Vec<u8>>,
    /// Runs that ever came in.
    born: u64,
}

#[derive(Debug)]
struct Run {
    name: String,
    created_at_us: i64,
    /// Its place in the order in which runs came in.
    born: u64,
    wake_at_us: Option<i64>,
    owner: Option<String>,
    fence: u64,
    expires_at_us: i64,
    records: Vec<Record>,
    summary: Option<Summary>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every method checks first and changes then, so a panic while this was
    /// held left nothing half done.
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

    fn append(&mut self, batch: &Append<'_>) -> Result<(), StoreError> {
        let key = &batch.lease.key;
        let run = self.held(batch.lease)?;
        let entries = length(&run.records);
        if entries != batch.first_seq {
            let (key, first_seq) = (key.clone(), batch.first_seq);
            return Err(StoreError::OutOfSequence { key, entries, first_seq });
        }
        check(key, batch.first_seq, batch.records)?;
        run.records.extend_from_slice(batch.records);
        match batch.wake {
            Wake::Keep => {}
            Wake::At(time) => run.wake_at_us = Some(time),
            Wake::Never => run.wake_at_us = None,
        }
        if batch.release {
            run.owner = None;
        }
        Ok(())
    }
}

impl Run {
    fn tip(&self) -> &str {
        self.records.last().map_or("", |record| &record.chain)
    }

    fn is_told_by(&self, summary: &Summary) -> bool {
        summary.entries == length(&self.records) && summary.tip == self.tip()
    }

    fn row(&self, key: &RunKey) -> RunRow {
        let summary = self.summary.as_ref().filter(|summary| self.is_told_by(summary));
        RunRow {
            key: key.clone(),
            name: self.name.clone(),
            created_at_us: self.created_at_us,
            entries: length(&self.records),
            tip: self.tip().to_owned(),
            summary: summary.map(|summary| summary.text.clone()),
            lease: self.lease(),
        }
    }

    fn lease(&self) -> Option<LeaseRow> {
        let (fence, expires_at_us) = (self.fence, self.expires_at_us);
        self.owner.clone().map(|owner| LeaseRow { owner, fence, expires_at_us })
    }

    fn holder(&self, now_us: i64, judge: &dyn Fn(&str) -> Holder) -> Option<&String> {
        self.owner.as_ref().filter(|holder| judge(holder).holds(self.expires_at_us, now_us))
    }
}

impl Store for MemoryStore {
    fn create_from(
        &mut self,
        run: &NewRun,
        owner: &str,
        expires_at_us: i64,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<Lease, StoreError> {
        let key = &run.key;
        let exists = || StoreError::RunExists { key: key.clone() };
        if self.state().runs.contains_key(key) {
            return Err(exists());
        }
        // Whoever makes them may read here meanwhile.
        let records: Vec<Record> = records.collect::<Result<_, _>>()?;
        if records.is_empty() {
            return Err(StoreError::no_records(key));
        }
        check(key, 0, &records)?;
        let mut state = self.state();
        if state.runs.contains_key(key) {
            return Err(exists());
        }
        state.born += 1;
        let made = Run {
            name: run.name.clone(),
            created_at_us: run.created_at_us,
            born: state.born,
            wake_at_us: run.wake_at_us,
            owner: Some(owner.to_owned()),
            fence: 1,
            expires_at_us,
            records,
            summary: None,
        };
        state.runs.insert(key.clone(), made);
        Ok(Lease { key: key.clone(), owner: owner.to_owned(), fence: 1, expires_at_us })
    }

    fn again(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(self.clone()))
    }

    fn append(
        &mut self,
        batches: &[Append<'_>],
    ) -> Result<Vec<Result<(), StoreError>>, StoreError> {
        let mut state = self.state();
        Ok(batches.iter().map(|batch| state.append(batch)).collect())
    }

    fn load_from(
        &mut self,
        key: &RunKey,
        first_seq: u64,
        bound: Bound,
    ) -> Result<Option<Stretch>, StoreError> {
        let first = usize::try_from(first_seq).unwrap_or(usize::MAX);
        Ok(self.state().runs.get(key).map(|run| {
            let rest = run.records.get(first..).unwrap_or_default();
            let mut records: Vec<Record> = Vec::new();
            let mut bytes = 0_usize;
            for record in rest {
                let is_full = records.len() >= bound.records as usize || bytes >= bound.bytes;
                if is_full && !records.is_empty() {
                    break;
                }
                bytes = bytes.saturating_add(record.body.len());
                records.push(record.clone());
            }
            let is_last = records.len() == rest.len();
            Stretch { records, is_last }
        }))
    }

    fn claim(
        &mut self,
        key: &RunKey,
        owner: &str,
        now_us: i64,
        expires_at_us: i64,
        judge: &dyn Fn(&str) -> Holder,
    ) -> Result<Lease, StoreError> {
        let mut state = self.state();
        let Some(run) = state.runs.get_mut(key) else {
            return Err(StoreError::NoSuchRun { key: key.clone() });
        };
        if run.owner.as_deref() != Some(owner)
            && let Some(holder) = run.holder(now_us, judge)
        {
            let (key, owner) = (key.clone(), holder.clone());
            return Err(StoreError::LeaseHeld { key, owner, expires_at_us: run.expires_at_us });
        }
        run.owner = Some(owner.to_owned());
        run.fence += 1;
        run.expires_at_us = expires_at_us;
        Ok(Lease { key: key.clone(), owner: owner.to_owned(), fence: run.fence, expires_at_us })
    }

    fn renew(&mut self, lease: &mut Lease, expires_at_us: i64) -> Result<(), StoreError> {
        self.state().held(lease)?.expires_at_us = expires_at_us;
        lease.expires_at_us = expires_at_us;
        Ok(())
    }

    fn release(&mut self, lease: &Lease) -> Result<(), StoreError> {
        self.state().held(lease)?.owner = None;
        Ok(())
    }

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
        found.sort_by_key(|(_, run)| std::cmp::Reverse(run.born));
        let rows = found.iter().map(|(key, run)| run.row(key));
        Ok(rows.skip(skip as usize).take(limit as usize).collect())
    }

    fn leased(&mut self) -> Result<Vec<(RunKey, LeaseRow)>, StoreError> {
        let state = self.state();
        let leased = state.runs.iter().filter_map(|(key, run)| Some((key.clone(), run.lease()?)));
        Ok(leased.collect())
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

    fn wake_ups(&mut self, now_us: i64, limit: u32) -> Result<Vec<(RunKey, i64)>, StoreError> {
        let state = self.state();
        let mut due: Vec<_> = state
            .runs
            .iter()
            .filter(|(_, run)| run.owner.is_none() || run.expires_at_us <= now_us)
            .filter_map(|(key, run)| Some((key.clone(), run.wake_at_us?)))
            .filter(|(_, time)| *time <= now_us)
            .collect();
        due.sort_by(|(key, time), (other, than)| (time, key).cmp(&(than, other)));
        due.truncate(limit as usize);
        Ok(due)
    }

    fn put_summaries(
        &mut self,
        tenant: &TenantId,
        summaries: &[Summary],
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        for summary in summaries {
            let key = RunKey { tenant: tenant.clone(), run: summary.run.clone() };
            if let Some(run) = state.runs.get_mut(&key).filter(|run| run.is_told_by(summary)) {
                run.summary = Some(summary.clone());
            }
        }
        Ok(())
    }

    fn delete(
        &mut self,
        key: &RunKey,
        now_us: i64,
        judge: &dyn Fn(&str) -> Holder,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let Some(run) = state.runs.get(key) else {
            return Err(StoreError::NoSuchRun { key: key.clone() });
        };
        if let Some(holder) = run.holder(now_us, judge) {
            let (key, owner) = (key.clone(), holder.clone());
            return Err(StoreError::LeaseHeld { key, owner, expires_at_us: run.expires_at_us });
        }
        state.runs.remove(key);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn clean(&mut self, _shrink: bool) -> Result<(), StoreError> {
        Ok(())
    }

    fn put_blob(&mut self, tenant: &TenantId, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.state().blobs.insert((tenant.clone(), digest.clone()), bytes.to_vec());
        Ok(digest)
    }

    fn get_blob(
        &mut self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().blobs.get(&(tenant.clone(), digest.clone())).cloned())
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
    #[test]
    fn it_is_a_store() {
        crate::conformance::run(|| Box::new(super::MemoryStore::new()));
    }
}
