//! Checks of lists and look-ups.
//!
//! Owns: order, pages, filters and prefixes. Never: bodies.

use smol_wf_core::ids::{RunId, TenantId};
use smol_wf_core::journal::Chain;
use smol_wf_core::report::RunState;

use super::samples::{append, created, deleted, key, logged, new_run, taken_over, terms};
use crate::{Append, Facts, Page, RunFacts, RunFilter, RunRow, Store, Wake};

fn ids(rows: &[RunRow]) -> Vec<RunId> {
    rows.iter().map(|row| row.key.run.clone()).collect()
}

pub(super) fn the_newest_come_first_page_by_page(store: &mut dyn Store) {
    let records = logged(&mut Chain::new(), &["first"]);
    let mut expected = Vec::new();
    for number in 0..23_u32 {
        let mut run = new_run(number);
        // Five runs have the same time, so that their ids decide.
        run.created_at_us = i64::from(number / 5);
        run.name = if number % 2 == 0 { "even" } else { "odd" }.to_owned();
        store.create(&run, terms("me"), &records).unwrap();
        expected.insert(0, run.key.run);
    }
    for name in [None, Some("even"), Some("odd"), Some("neither")] {
        let mut seen = Vec::new();
        let mut before: Option<(i64, RunId)> = None;
        loop {
            let before_ref = before.as_ref().map(|(time, run)| (*time, run));
            let page = Page { before: before_ref, limit: 4, name, ..Page::default() };
            let rows = store.list(&TenantId::local(), &page).unwrap();
            let Some(last) = rows.last() else { break };
            assert!(rows.len() <= 4);
            before = Some((last.created_at_us, last.key.run.clone()));
            seen.extend(ids(&rows));
        }
        let of_name = |&(at, _): &(usize, _)| match name {
            None => true,
            Some("even") => at % 2 == 0,
            Some("odd") => at % 2 == 1,
            Some(_) => false,
        };
        // The newest has number 22, so even numbers are at even places.
        let expected: Vec<_> =
            expected.iter().enumerate().filter(of_name).map(|(_, id)| id.clone()).collect();
        assert_eq!(seen, expected, "{name:?}");
    }
    let none = Page { limit: 0, ..Page::default() };
    assert_eq!(store.list(&TenantId::local(), &none).unwrap(), []);
}

pub(super) fn a_list_shows_the_state_of_a_run(store: &mut dyn Store) {
    let mut chain = Chain::new();
    let large = "answer ".repeat(crate::LARGE_BYTES);
    let mut records = logged(&mut chain, &["head", "middle", &large]);
    let mut run = new_run(1);
    run.name = "It's a \"name\"".to_owned();
    let lease = store.create(&run, terms("me"), &records).unwrap();
    let all = Page { limit: 9, ..Page::default() };
    let mut row = RunRow {
        key: run.key,
        name: run.name,
        created_at_us: 1,
        entries: 3,
        tip: records[2].chain.clone(),
        summary: None,
        place: None,
        lease: store.lease(&lease.key).unwrap(),
    };
    assert!(row.lease.is_some());
    assert_eq!(store.list(&TenantId::local(), &all).unwrap(), [row.clone()]);
    records.extend(logged(&mut chain, &["end"]));
    append(store, &lease, 3, &records[3..]).unwrap();
    store.release(&lease).unwrap();
    row = RunRow { entries: 4, tip: records[3].chain.clone(), lease: None, ..row };
    assert_eq!(store.list(&TenantId::local(), &all).unwrap(), [row]);
}

pub(super) fn lists_are_narrowed_to_a_span_of_time(store: &mut dyn Store) {
    for number in 0..6 {
        created(store, number, "me");
    }
    let mut of = |since_us, until_us, limit| {
        let page = Page { since_us, until_us, limit, ..Page::default() };
        let rows = store.list(&TenantId::local(), &page).unwrap();
        rows.iter().map(|row| row.created_at_us).collect::<Vec<_>>()
    };
    assert_eq!(of(Some(3), None, 9), [5, 4, 3]);
    assert_eq!(of(None, Some(3), 9), [2, 1, 0]);
    assert_eq!(of(Some(1), Some(4), 2), [3, 2]);
    assert_eq!(of(Some(4), Some(4), 9), Vec::<i64>::new());
}

pub(super) fn the_run_that_was_stored_last_is_the_newest(store: &mut dyn Store) {
    // The clock was set back twice.
    for number in [5, 9, 3, 4, 1] {
        created(store, number, "me");
    }
    let numbers =
        |rows: Vec<RunRow>| -> Vec<i64> { rows.iter().map(|row| row.created_at_us).collect() };
    let tenant = key(1).tenant;
    assert_eq!(numbers(store.newest(&tenant, 0, 10).unwrap()), [1, 4, 3, 9, 5]);
    assert_eq!(numbers(store.newest(&tenant, 0, 1).unwrap()), [1]);
    assert_eq!(numbers(store.newest(&tenant, 2, 2).unwrap()), [3, 9]);
    // Later entries do not change the order of a run; a deleted run is not listed.
    let lease = taken_over(store, &key(9), "me");
    let more = logged(&mut Chain::new(), &["more"]);
    append(store, &lease, 1, &more).unwrap();
    deleted(store, &key(1));
    store.clean(true).unwrap();
    assert_eq!(numbers(store.newest(&tenant, 0, 10).unwrap()), [4, 3, 9, 5]);
    created(store, 2, "me");
    assert_eq!(numbers(store.newest(&tenant, 0, 2).unwrap()), [2, 4]);
}

pub(super) fn runs_are_found_by_the_start_of_their_id(store: &mut dyn Store) {
    for number in [0, 1, 2, 40] {
        created(store, number, "me");
    }
    let whole = key(40).run;
    let mut find =
        |prefix: &str, limit| ids(&store.find(&TenantId::local(), prefix, limit).unwrap());
    assert_eq!(find(whole.as_str(), 9), [key(40).run]);
    assert_eq!(find(&whole.as_str()[..29], 9), [key(40).run]);
    assert_eq!(find(&whole.as_str()[..28], 9).len(), 4);
    assert_eq!(find("run_", 3), [key(0).run, key(1).run, key(2).run]);
    assert_eq!(find("", 9).len(), 4);
    for nothing in ["run_1", "x", "RUN_", "run_%", "%", "*", "run_00000000000000000000000000000"] {
        assert_eq!(find(nothing, 9), [], "{nothing}");
    }
}

fn facts(state: RunState, parent: Option<u128>) -> Facts {
    Facts { state, parent: parent.map(|number| key(number).run), place: "/here".to_owned() }
}

/// The numbers of the runs in a filtered list.
fn narrowed(store: &mut dyn Store, filter: RunFilter<'_>, limit: u32) -> Vec<i64> {
    let page = Page { filter, limit, ..Page::default() };
    let rows = store.list(&TenantId::local(), &page).unwrap();
    rows.iter().map(|row| row.created_at_us).collect()
}

pub(super) fn lists_are_filtered_by_facts(store: &mut dyn Store) {
    use RunState::{Completed, Failed, Interrupted, Paused};
    let records = logged(&mut Chain::new(), &["first", "second"]);
    let mut leases = Vec::new();
    for (number, known) in [
        (1, Some(facts(Failed, None))),
        (2, Some(facts(Interrupted, Some(1)))),
        (3, None),
        (4, Some(facts(Failed, Some(1)))),
        (5, Some(facts(Completed, Some(4)))),
    ] {
        let run = crate::NewRun { facts: known, ..new_run(number) };
        leases.push(store.create(&run, terms("me"), &records[..1]).unwrap());
    }
    assert_eq!(narrowed(store, RunFilter::All, 9), [5, 4, 3, 2, 1]);
    // A run with unknown facts is always selected.
    assert_eq!(narrowed(store, RunFilter::States(&[Failed]), 9), [4, 3, 1]);
    assert_eq!(narrowed(store, RunFilter::States(&[Failed]), 2), [4, 3]);
    assert_eq!(narrowed(store, RunFilter::States(&[Completed, Interrupted]), 9), [5, 3, 2]);
    assert_eq!(narrowed(store, RunFilter::States(&[]), 9), [3]);
    assert_eq!(narrowed(store, RunFilter::ForksOf(&key(1).run), 9), [4, 3, 2]);
    assert_eq!(narrowed(store, RunFilter::ForksOf(&key(9).run), 9), [3]);
    let (last, tenant) = (key(4).run, TenantId::local());
    let before = Page {
        before: Some((4, &last)),
        filter: RunFilter::States(&[Failed]),
        limit: 9,
        ..Page::default()
    };
    assert_eq!(ids(&store.list(&tenant, &before).unwrap()), [key(3).run, key(1).run]);
    let named = Page { name: Some("other"), ..before };
    assert_eq!(store.list(&tenant, &named).unwrap(), []);
    // An append changes the state in the same commit, or leaves it.
    let batch = |lease, first_seq, state| Append {
        lease,
        first_seq,
        records: &records[1..],
        state,
        wake: Wake::Keep,
        takes: None,
        release: false,
    };
    let refused = batch(&leases[0], 7, Some(Paused));
    let done =
        store.append(&[batch(&leases[1], 1, Some(Paused)), refused, batch(&leases[4], 1, None)]);
    assert_eq!(done.unwrap().iter().filter(|done| done.is_ok()).count(), 2);
    assert_eq!(narrowed(store, RunFilter::States(&[Paused]), 9), [3, 2]);
    assert_eq!(narrowed(store, RunFilter::States(&[Failed]), 9), [4, 3, 1]);
    assert_eq!(narrowed(store, RunFilter::States(&[Completed]), 9), [5, 3]);
    // A state alone does not make the facts known.
    store.append(&[batch(&leases[2], 1, Some(Paused))]).unwrap().remove(0).unwrap();
    assert_eq!(narrowed(store, RunFilter::States(&[]), 9), [3]);
    deleted(store, &key(4));
    assert_eq!(narrowed(store, RunFilter::States(&[Failed]), 9), [3, 1]);
}

pub(super) fn facts_are_kept_while_they_fit_the_journal(store: &mut dyn Store) {
    let tenant = TenantId::local();
    let lease = created(store, 1, "me");
    let row = store.find(&tenant, key(1).run.as_str(), 1).unwrap().remove(0);
    assert_eq!(row.place, None);
    let facts = facts(RunState::Failed, Some(7));
    let found = RunFacts { run: row.key.run, entries: row.entries, tip: row.tip, facts };
    let known = |store: &mut dyn Store, found: &RunFacts| {
        store.put_facts(&tenant, std::slice::from_ref(found)).unwrap();
        narrowed(store, RunFilter::States(&[]), 9).is_empty()
    };
    assert!(!known(store, &RunFacts { entries: 2, ..found.clone() }));
    assert!(!known(store, &RunFacts { tip: "x".to_owned(), ..found.clone() }));
    assert!(!known(store, &RunFacts { run: key(2).run, ..found.clone() }));
    assert!(known(store, &found));
    assert_eq!(narrowed(store, RunFilter::ForksOf(&key(7).run), 9), [1]);
    let row = store.find(&TenantId::local(), key(1).run.as_str(), 1).unwrap().remove(0);
    assert_eq!(row.place.as_deref(), Some("/here"));
    // Known facts are not replaced.
    let other = Facts { state: RunState::Paused, ..found.facts.clone() };
    assert!(known(store, &RunFacts { facts: other, ..found }));
    assert_eq!(narrowed(store, RunFilter::States(&[RunState::Failed]), 9), [1]);
    // The holder writes on, and its appends change the state.
    let mut chain = Chain::after(&store.load(&key(1)).unwrap().unwrap());
    let batch = Append {
        lease: &lease,
        first_seq: 1,
        records: &logged(&mut chain, &["more"]),
        state: Some(RunState::Completed),
        wake: Wake::Keep,
        takes: None,
        release: false,
    };
    store.append(&[batch]).unwrap().remove(0).unwrap();
    assert_eq!(narrowed(store, RunFilter::States(&[RunState::Completed]), 9), [1]);
    assert!(narrowed(store, RunFilter::States(&[RunState::Failed]), 9).is_empty());
}
