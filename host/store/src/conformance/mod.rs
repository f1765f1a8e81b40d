//! The contract of a store, as a suite that every implementation runs.
//!
//! Owns: the contract of [`Store`] as checks, one file for each part. Never: depends on
//! an implementation.
#![allow(clippy::unwrap_used, reason = "a suite of checks fails by panicking")]

mod bodies;
mod deletion;
mod inbox;
mod leases;
mod lists;
mod samples;

use smol_wf_core::codes::Code;
use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Chain;

use crate::{Append, Lease, ReadLimit, RunKey, Store, StoreError, Wake};
#[cfg(test)]
pub(crate) use inbox::a_full_inbox_takes_no_message_until_one_is_taken;
pub(crate) use samples::{LONG, not_json};
use samples::{append, created};
pub use samples::{deleted, key, load_in_segments, logged, new_run, taken_over, terms};

/// Runs every check, each on an empty store from `make`.
///
/// # Panics
/// At the first check that fails.
pub fn run(make: impl Fn() -> Box<dyn Store>) {
    let checks: &[fn(&mut dyn Store)] = &[
        a_run_is_created_whole_or_not_at_all,
        records_come_back_in_order,
        a_segment_ends_with_the_record_that_reaches_its_limit,
        a_run_is_created_from_records_that_are_read_one_by_one,
        a_refused_batch_is_refused_alone,
        batches_of_one_run_follow_each_other,
        tenants_do_not_see_each_other,
        leases::a_held_run_is_not_given_away,
        leases::a_lease_is_replaced_only_as_it_was_seen,
        leases::a_live_holder_keeps_its_run_whatever_the_clock_says,
        leases::a_lease_is_released_with_the_last_entries,
        leases::an_old_fence_writes_nothing,
        leases::a_lease_is_renewed_and_released,
        leases::a_run_without_a_holder_is_claimed_once,
        leases::due_and_free_runs_are_claimed_in_the_order_of_tenants,
        inbox::messages_are_numbered_per_run_and_read_in_order,
        inbox::messages_are_taken_once,
        inbox::a_refused_append_takes_nothing,
        inbox::a_holder_learns_of_messages_with_its_commits,
        inbox::leases_leave_messages_alone,
        inbox::a_deleted_run_leaves_no_messages_behind,
        inbox::messages_that_cannot_be_stored_are_refused,
        inbox::large_messages_are_read_one_by_one,
        inbox::handles_that_post_at_once_get_numbers_of_their_own,
        lists::the_newest_come_first_page_by_page,
        lists::a_list_shows_the_state_of_a_run,
        lists::lists_are_narrowed_to_a_span_of_time,
        lists::lists_are_filtered_by_facts,
        lists::facts_are_kept_while_they_fit_the_journal,
        lists::the_run_that_was_stored_last_is_the_newest,
        lists::runs_are_found_by_the_start_of_their_id,
        deletion::a_deleted_run_leaves_nothing_behind,
        deletion::a_held_run_is_not_deleted,
        deletion::a_value_of_two_runs_outlives_one_of_them,
        deletion::a_summary_counts_while_the_journal_ends_there,
        bodies::every_body_comes_back_byte_for_byte,
        bodies::random_bodies_come_back_byte_for_byte,
    ];
    for check in checks {
        check(make().as_mut());
    }
}

fn a_run_is_created_whole_or_not_at_all(store: &mut dyn Store) {
    let run = new_run(1);
    assert_eq!(store.load(&run.key).unwrap(), None);
    let mut records = logged(&mut Chain::new(), &["a", "b"]);
    records.push(not_json());
    for refused in [&[][..], &records] {
        let error = store.create(&run, terms("me"), refused).unwrap_err();
        assert_eq!(error.code(), "entries_invalid", "{error}");
        assert_eq!(store.load(&run.key).unwrap(), None);
    }
    records.pop();
    let lease = store.create(&run, terms("me"), &records).unwrap();
    let expected = Lease { key: run.key.clone(), owner: "me".into(), fence: 1 };
    assert_eq!(lease, expected);
    assert_eq!(store.load(&run.key).unwrap(), Some(records.clone()));
    let again = store.create(&run, terms("me"), &records[..1]).unwrap_err();
    assert_eq!(again, StoreError::RunExists { key: run.key.clone() });
    assert_eq!(store.load(&run.key).unwrap(), Some(records));
}

fn records_come_back_in_order(store: &mut dyn Store) {
    let mut chain = Chain::new();
    let mut all = logged(&mut chain, &["0"]);
    let lease = store.create(&new_run(1), terms("me"), &all).unwrap();
    for _ in 0..20 {
        let next = logged(&mut chain, &["a", "b", "ü\u{0}\n\"", "d", "e", "f", "g"]);
        append(store, &lease, all.len() as u64, &next).unwrap();
        all.extend(next);
        append(store, &lease, all.len() as u64, &[]).unwrap();
    }
    let loaded = store.load(&lease.key).unwrap().unwrap();
    assert_eq!(loaded, all);
    assert_eq!(smol_wf_core::journal::read(&loaded).unwrap().len(), all.len());
    let length = u32::try_from(all.len()).unwrap();
    for limit in [1, 7, length - 1, length, length + 1] {
        let limit = ReadLimit::records(limit);
        assert_eq!(load_in_segments(store, &lease.key, limit).unwrap().unwrap(), all, "{limit:?}");
    }
    assert_eq!(load_in_segments(store, &key(2), ReadLimit::records(7)).unwrap(), None);
}

fn a_segment_ends_with_the_record_that_reaches_its_limit(store: &mut dyn Store) {
    let (small, large) = ("s", "l".repeat(3 * crate::LARGE_BYTES));
    let texts = [small, &large, small, small, &large, &large, small];
    let all = logged(&mut Chain::new(), &texts);
    let lease = store.create(&new_run(1), terms("me"), &all).unwrap();
    let lengths = |store: &mut dyn Store, bytes: usize| {
        let limit = ReadLimit { bytes, ..ReadLimit::NONE };
        assert_eq!(load_in_segments(store, &lease.key, limit).unwrap().unwrap(), all, "{bytes}");
        let mut lengths = Vec::new();
        loop {
            let first = lengths.iter().sum::<usize>();
            let segment = store.load_from(&lease.key, first as u64, limit).unwrap().unwrap();
            lengths.push(segment.records.len());
            if segment.is_last {
                return lengths;
            }
        }
    };
    assert_eq!(lengths(store, 0), [1; 7]);
    assert_eq!(lengths(store, 1), [1; 7]);
    assert_eq!(lengths(store, crate::LARGE_BYTES), [2, 3, 1, 1]);
    assert_eq!(lengths(store, usize::MAX), [7]);
    let last = store.load_from(&lease.key, 6, ReadLimit { bytes: 0, records: 0 }).unwrap().unwrap();
    assert!(last.is_last && last.records == all[6..]);
    // At the end there is no record, and none is missing.
    let none = store.load_from(&lease.key, 7, ReadLimit::NONE).unwrap().unwrap();
    assert!(none.is_last && none.records.is_empty());
}

fn a_run_is_created_from_records_that_are_read_one_by_one(store: &mut dyn Store) {
    let large = "x".repeat(2 * crate::LARGE_BYTES);
    let first = logged(&mut Chain::new(), &["a", &large, "c"]);
    store.create(&new_run(1), terms("me"), &first).unwrap();
    // Records from another journal of the same store, read while the run is created.
    let mut other = store.open_again().unwrap();
    let mut copied = (0..3_u64).map(|seq| {
        let segment = other.load_from(&key(1), seq, ReadLimit::records(1))?;
        Ok(segment.unwrap().records.remove(0))
    });
    store.create_from(&new_run(2), Some(terms("me")), &mut copied).unwrap();
    assert_eq!(store.load(&key(2)).unwrap().unwrap(), first);
    // One record fails: no run is created.
    let broken = StoreError::NoSuchRun { key: key(9) };
    let mut cut = first.iter().cloned().map(Ok).take(2).chain([Err(broken.clone())]);
    assert_eq!(store.create_from(&new_run(3), Some(terms("me")), &mut cut), Err(broken));
    assert_eq!(store.load(&key(3)).unwrap(), None);
    store.create(&new_run(3), terms("me"), &first).unwrap();
}

fn a_refused_batch_is_refused_alone(store: &mut dyn Store) {
    let leases: Vec<_> = (0..5).map(|number| created(store, number, "me")).collect();
    let gone = Lease { key: key(99), ..leases[0].clone() };
    let good = logged(&mut Chain::new(), &["next"]);
    let bad = [good[0].clone(), not_json()];
    let batch = |lease, first_seq, records| Append {
        lease,
        first_seq,
        records,
        state: None,
        wake: Wake::At(7),
        takes: None,
        release: false,
    };
    let outcomes = store
        .append(&[
            batch(&leases[0], 1, &good),
            batch(&leases[1], 2, &good),
            batch(&leases[2], 0, &good),
            batch(&leases[3], 1, &bad),
            batch(&gone, 1, &good),
            batch(&leases[4], 1, &good),
        ])
        .unwrap();
    let codes: Vec<_> =
        outcomes.iter().map(|outcome| outcome.as_ref().err().map(StoreError::code)).collect();
    let moved_on = Some(Code::JournalMovedOn);
    let (invalid, lost) = (Some(Code::EntriesInvalid), Some(Code::RunLost));
    let expected = [None, moved_on, moved_on, invalid, lost, None];
    assert_eq!(codes, expected);
    let lengths = leases.iter().map(|lease| store.load(&lease.key).unwrap().unwrap().len());
    assert_eq!(lengths.collect::<Vec<_>>(), [2, 1, 1, 1, 2]);
    let ahead = StoreError::OutOfSequence { key: key(1), entries: 1, first_seq: 2 };
    assert_eq!(outcomes[1], Err(ahead));
    // The next batch follows the records that are there.
    append(store, &leases[3], 1, &good).unwrap();
    // The wake-up of a refused batch was not set either.
    for lease in &leases {
        store.release(lease).unwrap();
    }
    let woken = store.wake_ups(&[TenantId::local()], terms("me"), 10).unwrap();
    assert_eq!(woken.iter().map(|lease| &lease.key).collect::<Vec<_>>(), [&key(0), &key(4)]);
}

fn batches_of_one_run_follow_each_other(store: &mut dyn Store) {
    let lease = created(store, 1, "me");
    let records = logged(&mut Chain::new(), &["a", "b", "c"]);
    let batch = |first_seq, records| Append {
        lease: &lease,
        first_seq,
        records,
        state: None,
        wake: Wake::Keep,
        takes: None,
        release: false,
    };
    let outcomes = store
        .append(&[batch(1, &records[..1]), batch(3, &records[2..]), batch(2, &records[1..])])
        .unwrap();
    assert!(outcomes[0].is_ok() && outcomes[1].is_err() && outcomes[2].is_ok(), "{outcomes:?}");
    assert_eq!(store.load(&lease.key).unwrap().unwrap()[1..], records);
    assert_eq!(store.append(&[]).unwrap(), []);
}

fn tenants_do_not_see_each_other(store: &mut dyn Store) {
    let ours = new_run(1);
    let mut theirs = ours.clone();
    theirs.key.tenant = TenantId::new("other");
    let large = "x".repeat(2 * crate::LARGE_BYTES);
    let one = logged(&mut Chain::new(), &["ours", &large]);
    let two = logged(&mut Chain::new(), &["theirs", &large]);
    store.create(&ours, terms("me"), &one).unwrap();
    let lease = store.create(&theirs, terms("them"), &two).unwrap();
    append(store, &lease, 2, &two[..1]).unwrap();
    assert_eq!(store.load(&ours.key).unwrap().unwrap(), one);
    let key = RunKey { tenant: TenantId::new("third"), run: ours.key.run.clone() };
    assert_eq!(store.load(&key).unwrap(), None);
    let all = crate::Page { limit: 10, ..Default::default() };
    for run in [&ours, &theirs] {
        let listed = store.list(&run.key.tenant, &all).unwrap();
        assert_eq!(listed.iter().map(|row| &row.key).collect::<Vec<_>>(), [&run.key]);
        let found = store.find(&run.key.tenant, "run_", 10).unwrap();
        assert_eq!(found, listed);
    }
}
