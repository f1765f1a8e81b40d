//! Runs, records and leases for the checks.
//!
//! Owns: their creation. Never: checks anything.

use std::time::Duration;

use smol_wf_core::ids::{RunId, Scope, TenantId};
use smol_wf_core::journal::{Body, Chain, Entry, Record};

use crate::{Append, Lease, LeaseTerms, NewRun, ReadLimit, RunKey, Store, StoreError, Wake};

/// The key of the run with this number.
#[must_use]
pub fn key(number: u128) -> RunKey {
    RunKey { tenant: TenantId::local(), run: RunId::from_bits(number) }
}

/// A run to create, with its number as its creation time.
#[must_use]
pub fn new_run(number: u32) -> NewRun {
    NewRun {
        key: key(number.into()),
        name: "name".to_owned(),
        created_at_us: number.into(),
        wake_at_us: None,
        facts: None,
    }
}

/// The next records of a journal: one log entry per message.
///
/// # Panics
/// Never: such entries can always be sealed.
#[must_use]
pub fn logged(chain: &mut Chain, messages: &[&str]) -> Vec<Record> {
    let seal = |message: &&str| {
        let body = Body::Logged { scope: Scope::ROOT, message: (*message).to_owned() };
        chain.seal(&Entry { at_us: 1, body }).unwrap()
    };
    messages.iter().map(seal).collect()
}

/// Longer than any check takes.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Terms of this owner for a long lease.
#[must_use]
pub fn terms(owner: &str) -> LeaseTerms<'_> {
    LeaseTerms { owner, lasting: LONG }
}

/// Claims a run from any holder.
///
/// # Panics
/// When the run does not exist.
pub fn taken_over(store: &mut dyn Store, key: &RunKey, owner: &str) -> Lease {
    let seen = store.lease(key).unwrap();
    store.claim(key, terms(owner), seen.as_ref()).unwrap()
}

/// Deletes a run of any holder.
///
/// # Panics
/// When the run does not exist.
pub fn deleted(store: &mut dyn Store, key: &RunKey) {
    let seen = store.lease(key).unwrap();
    store.delete(key, seen.as_ref()).unwrap();
}

/// Creates a run with one record, for `owner`.
pub(super) fn created(store: &mut dyn Store, number: u32, owner: &str) -> Lease {
    let records = logged(&mut Chain::new(), &["first"]);
    store.create(&new_run(number), terms(owner), &records).unwrap()
}

/// The whole journal of a run, read in segments.
///
/// # Errors
/// Those of [`load_from`](crate::Journals::load_from).
pub fn load_in_segments(
    store: &mut dyn Store,
    key: &RunKey,
    limit: ReadLimit,
) -> Result<Option<Vec<Record>>, StoreError> {
    let mut records = Vec::new();
    loop {
        let Some(segment) = store.load_from(key, records.len() as u64, limit)? else {
            return Ok(None);
        };
        records.extend(segment.records);
        if segment.is_last {
            return Ok(Some(records));
        }
    }
}

pub(super) fn append(
    store: &mut dyn Store,
    lease: &Lease,
    first_seq: u64,
    records: &[Record],
) -> Result<(), StoreError> {
    let batch = Append {
        lease,
        first_seq,
        records,
        state: None,
        wake: Wake::Keep,
        takes: None,
        release: false,
    };
    store.append(&[batch]).unwrap().remove(0).map(drop)
}

pub(crate) fn not_json() -> Record {
    Record { kind: "logged".to_owned(), body: "{\"a\":".to_owned(), chain: "x".to_owned() }
}
