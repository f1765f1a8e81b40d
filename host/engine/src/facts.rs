//! The facts that narrow lists of runs: state, parent and folder.
//!
//! Owns: folding them from the two ends of a journal, and looking them up for runs of
//! older programs. Never: trusts them: what a list shows of a run is read from its
//! journal.

use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::{self, Body, Entry};
use smol_wf_core::report::RunState;
use smol_wf_store::{
    Facts, Journals, Page, ReadLimit, RunFacts, RunFilter, RunKey, RunRow, Store, StoreError,
};

use crate::error::EngineError;
use crate::writer::Writer;

/// Runs that are looked up in one transaction, which takes a few milliseconds.
const AT_ONCE: u32 = 200;

/// The facts of a journal with this first and last entry; none without a head.
pub(crate) fn facts(first: &Body, last: &Body) -> Option<Facts> {
    let Body::RunStarted(head) = first else { return None };
    Some(Facts {
        state: RunState::after(last, false),
        parent: head.parent.as_ref().map(|parent| parent.run.clone()),
        place: head.cwd.clone().unwrap_or_else(|| head.project_root.clone()),
    })
}

/// Reads the facts of a run from its journal and stores them, unless they are known.
pub(crate) fn look_up(store: &mut dyn Store, key: &RunKey) -> Result<(), StoreError> {
    let row = store.find(&key.tenant, key.run.as_str(), 1)?.pop();
    let unknown = row.filter(|row| row.place.is_none());
    match unknown.and_then(|row| found(store, row)) {
        Some(found) => store.put_facts(&key.tenant, &[found]),
        None => Ok(()),
    }
}

/// The facts of a run; none when its journal cannot be read or grows meanwhile.
fn found(store: &mut dyn Journals, row: RunRow) -> Option<RunFacts> {
    let mut read = |first_seq, records| {
        let segment = store.load_from(&row.key, first_seq, ReadLimit::records(records)).ok()??;
        Some(segment.records)
    };
    let entry = |before: &str, seq, records: &[_]| -> Option<Entry> {
        journal::read_behind(before, seq, records).ok()?.pop()
    };
    let first = entry("", 0, &read(0, 1)?)?;
    let facts = match row.entries.checked_sub(2) {
        None => facts(&first.body, &first.body),
        Some(seq) => {
            // The digest of the last record covers that of the one before it.
            let ends = read(seq, 2)?;
            let [before, last] = ends.as_slice() else { return None };
            let last = entry(&before.chain, seq + 1, std::slice::from_ref(last))?;
            facts(&first.body, &last.body)
        }
    };
    Some(RunFacts { run: row.key.run, entries: row.entries, tip: row.tip, facts: facts? })
}

/// Looks up the facts of the next runs after `before` that lack them. Returns the last of
/// these runs if there may be more.
fn look_up_next(
    store: &mut dyn Store,
    tenant: &TenantId,
    before: Option<(i64, RunId)>,
) -> Result<Option<(i64, RunId)>, StoreError> {
    let before = before.as_ref().map(|(at_us, run)| (*at_us, run));
    let page = Page { before, limit: AT_ONCE, filter: RunFilter::States(&[]), ..Page::default() };
    let rows = store.list(tenant, &page)?;
    let is_full = rows.len() >= AT_ONCE as usize;
    let last = rows.last().map(|row| (row.created_at_us, row.key.run.clone()));
    let found: Vec<_> = rows.into_iter().filter_map(|row| found(store, row)).collect();
    if !found.is_empty() {
        store.put_facts(tenant, &found)?;
    }
    Ok(last.filter(|_| is_full))
}

/// Looks up all unknown facts: once, for the runs of older programs. Runs whose facts stay
/// unknown are in every list, and their journals decide.
pub(crate) async fn look_up_all(writer: &Writer, tenant: &TenantId) -> Result<(), EngineError> {
    let mut before = None;
    loop {
        let tenant = tenant.clone();
        let next = move |store: &mut dyn Store| look_up_next(store, &tenant, before.clone());
        match writer.soon(next).await? {
            Ok(Some(last)) => before = Some(last),
            Ok(None) => return Ok(()),
            // A full, busy or read-only disk: each list looks the facts up anew.
            Err(error) if !matches!(error, StoreError::Replaced { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
