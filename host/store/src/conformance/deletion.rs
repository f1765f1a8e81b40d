//! Checks of deleted runs and of summaries that no longer fit.
//!
//! Owns: that a run is deleted completely, and no other. Never: files.

use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Chain;

use super::samples::{append, created, deleted, key, logged, new_run, taken_over, terms};
use crate::{LARGE_BYTES, Page, RunKey, Store, StoreError, Summary};

fn summary_of(store: &mut dyn Store, number: u128, text: &str) -> Summary {
    let row = store.find(&TenantId::local(), key(number).run.as_str(), 1).unwrap().remove(0);
    Summary { run: row.key.run, entries: row.entries, tip: row.tip, text: text.to_owned() }
}

fn kept(store: &mut dyn Store, number: u128) -> Option<String> {
    let rows = store.find(&TenantId::local(), key(number).run.as_str(), 1).unwrap();
    rows.into_iter().next().and_then(|row| row.summary)
}

pub(super) fn a_deleted_run_leaves_nothing_behind(store: &mut dyn Store) {
    let other = created(store, 1, "me");
    let mut records = logged(&mut Chain::new(), &["first", &"x".repeat(2 * LARGE_BYTES)]);
    let run = crate::NewRun { wake_at_us: Some(5), ..new_run(2) };
    let lease = store.create(&run, terms("me"), &records).unwrap();
    let theirs = RunKey { tenant: TenantId::new("other"), run: key(2).run };
    let copy = crate::NewRun { key: theirs.clone(), ..run.clone() };
    store.create(&copy, terms("them"), &records).unwrap();
    let summary = summary_of(store, 2, "two");
    store.put_summaries(&TenantId::local(), &[summary]).unwrap();
    store.release(&lease).unwrap();
    store.delete(&key(2), None).unwrap();
    assert_eq!(store.load(&key(2)).unwrap(), None);
    assert_eq!(store.delete(&key(2), None), Err(StoreError::NoSuchRun { key: key(2) }));
    assert_eq!(store.wake_ups(&[TenantId::local()], terms("me"), 9).unwrap(), []);
    let all = Page { limit: 9, ..Page::default() };
    let listed = store.list(&TenantId::local(), &all).unwrap();
    assert_eq!(listed.iter().map(|row| &row.key).collect::<Vec<_>>(), [&other.key]);
    assert_eq!(store.load(&theirs).unwrap().as_ref(), Some(&records), "another tenant's");
    for shrink in [false, true] {
        store.clean(shrink).unwrap();
    }
    // The id is free again, and the new run has nothing of the old one.
    records.truncate(1);
    store.create(&run, terms("me"), &records).unwrap();
    assert_eq!(store.load(&key(2)).unwrap(), Some(records));
    assert_eq!(kept(store, 2), None);
}

pub(super) fn a_held_run_is_not_deleted(store: &mut dyn Store) {
    let lease = created(store, 1, "one");
    let held = |owner: &str| StoreError::LeaseHeld { key: key(1), owner: owner.into() };
    assert_eq!(store.delete(&key(1), None), Err(held("one")));
    let next = logged(&mut Chain::new(), &["next"]);
    append(store, &lease, 1, &next).unwrap();
    let seen = store.lease(&key(1)).unwrap();
    // Another process has meanwhile found the holder dead.
    let second = taken_over(store, &key(1), "two");
    assert_eq!(store.delete(&key(1), seen.as_ref()), Err(held("two")));
    deleted(store, &key(1));
    assert_eq!(append(store, &second, 2, &next).unwrap_err().code(), "run_lost");
    assert_eq!(store.load(&key(1)).unwrap(), None);
}

pub(super) fn a_value_of_two_runs_outlives_one_of_them(store: &mut dyn Store) {
    let shared = "shared ".repeat(LARGE_BYTES);
    let own = "own ".repeat(LARGE_BYTES);
    let one = logged(&mut Chain::new(), &[&shared, &own]);
    let two = logged(&mut Chain::new(), &[&shared]);
    store.create(&new_run(1), terms("me"), &one).unwrap();
    store.create(&new_run(2), terms("me"), &two).unwrap();
    deleted(store, &key(1));
    assert_eq!(store.load(&key(2)).unwrap(), Some(two));
}

pub(super) fn a_summary_counts_while_the_journal_ends_there(store: &mut dyn Store) {
    let tenant = TenantId::local();
    let lease = created(store, 1, "me");
    assert_eq!(kept(store, 1), None);
    let summary = summary_of(store, 1, "one");
    let elsewhere = Summary { run: key(9).run, ..summary.clone() };
    let shorter = Summary { entries: 0, ..summary.clone() };
    let otherwise = Summary { tip: "x".to_owned(), ..summary.clone() };
    store.put_summaries(&tenant, &[elsewhere, shorter, otherwise]).unwrap();
    assert_eq!(kept(store, 1), None);
    store.put_summaries(&tenant, std::slice::from_ref(&summary)).unwrap();
    assert_eq!(kept(store, 1).as_deref(), Some("one"));
    store.put_summaries(&tenant, &[Summary { text: "two".into(), ..summary }]).unwrap();
    assert_eq!(kept(store, 1).as_deref(), Some("two"));
    append(store, &lease, 1, &logged(&mut Chain::new(), &["next"])).unwrap();
    assert_eq!(kept(store, 1), None);
    let longer = summary_of(store, 1, "three");
    assert_eq!(longer.entries, 2);
    store.put_summaries(&tenant, &[longer]).unwrap();
    assert_eq!(kept(store, 1).as_deref(), Some("three"));
}
