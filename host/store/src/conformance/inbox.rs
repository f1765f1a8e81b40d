//! Checks of messages.
//!
//! Owns: that each message is posted once and taken once, in order. Never: what a
//! message says.

use std::thread;

use smol_wf_core::codes::Code;
use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Chain;

use super::samples::{append, created, deleted, key, logged, new_run, taken_over, terms};
use crate::{
    Append, Appended, INBOX_MAX, InboxState, Lease, MESSAGE_BYTES_MAX, NewMessage, RunKey, Store,
    StoreError, Wake,
};

fn message(body: &str) -> NewMessage<'_> {
    NewMessage { by: "ann", posted_at_us: 7, body }
}

fn posted(store: &mut dyn Store, number: u128, body: &str) -> u64 {
    store.post(&key(number), &message(body)).unwrap()
}

/// The bodies of the messages that wait for a run.
fn waiting(store: &mut dyn Store, number: u128) -> Vec<String> {
    let messages = store.messages(&key(number), 0, 99).unwrap();
    messages.into_iter().map(|message| message.body).collect()
}

fn state(store: &mut dyn Store, number: u128) -> (u64, u64) {
    let InboxState { posted, taken } = store.inbox(&key(number)).unwrap();
    (posted, taken)
}

/// Appends nothing but what it takes.
fn take(store: &mut dyn Store, lease: &Lease, length: u64, up_to: u64) -> Result<u64, StoreError> {
    let batch = Append { takes: Some(up_to), ..nothing(lease, length) };
    store.append(&[batch]).unwrap().remove(0).map(|appended| appended.posted)
}

fn nothing(lease: &Lease, first_seq: u64) -> Append<'_> {
    Append {
        lease,
        first_seq,
        records: &[],
        state: None,
        wake: Wake::Keep,
        takes: None,
        release: false,
    }
}

pub(super) fn messages_are_numbered_per_run_and_read_in_order(store: &mut dyn Store) {
    created(store, 1, "me");
    created(store, 2, "me");
    assert_eq!(state(store, 1), (0, 0));
    assert_eq!(waiting(store, 1), [""; 0]);
    assert_eq!(posted(store, 1, "\"a\""), 1);
    assert_eq!(posted(store, 2, "{ \"other\": 1.0 }"), 1);
    assert_eq!(posted(store, 1, "null"), 2);
    let by = NewMessage { by: "b\n\u{0}é", posted_at_us: -3, body: "[3]" };
    assert_eq!(store.post(&key(1), &by).unwrap(), 3);
    assert_eq!(waiting(store, 1), ["\"a\"", "null", "[3]"]);
    assert_eq!(waiting(store, 2), ["{ \"other\": 1.0 }"], "byte for byte");
    assert_eq!((state(store, 1), state(store, 2)), ((3, 0), (1, 0)));
    let numbers = |store: &mut dyn Store, after, limit| -> Vec<u64> {
        let messages = store.messages(&key(1), after, limit).unwrap();
        messages.iter().map(|message| message.number).collect()
    };
    assert_eq!(numbers(store, 0, 2), [1, 2]);
    assert_eq!(numbers(store, 1, 9), [2, 3]);
    assert_eq!(numbers(store, 3, 9), [0; 0]);
    assert_eq!(numbers(store, u64::MAX, 9), [0; 0]);
    assert_eq!(numbers(store, 0, 0), [0; 0]);
    let last = store.messages(&key(1), 2, 9).unwrap().remove(0);
    assert_eq!((last.by.as_str(), last.posted_at_us), (by.by, by.posted_at_us));
    // The same id for another tenant is another run.
    let theirs = RunKey { tenant: TenantId::new("other"), run: key(1).run };
    let missing = StoreError::NoSuchRun { key: theirs.clone() };
    assert_eq!(store.inbox(&theirs), Err(missing));
}

pub(super) fn messages_are_taken_once(store: &mut dyn Store) {
    let lease = created(store, 1, "me");
    created(store, 2, "me");
    for body in ["1", "2", "3"] {
        posted(store, 1, body);
    }
    posted(store, 2, "\"other\"");
    let records = logged(&mut Chain::new(), &["took 1 and 2"]);
    let batch = Append { records: &records, takes: Some(2), ..nothing(&lease, 1) };
    assert_eq!(store.append(&[batch]).unwrap(), [Ok(Appended { posted: 3 })]);
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 2);
    assert_eq!((state(store, 1), waiting(store, 1)), ((3, 2), vec!["3".to_owned()]));
    // Those that were taken before are not taken again, and stay taken.
    for up_to in [0, 1, 2] {
        assert_eq!(take(store, &lease, 2, up_to), Ok(3));
        assert_eq!((state(store, 1), waiting(store, 1)), ((3, 2), vec!["3".to_owned()]));
    }
    assert_eq!(take(store, &lease, 2, 3), Ok(3));
    assert_eq!((state(store, 1), waiting(store, 1)), ((3, 3), Vec::new()));
    // Numbers go on, and nothing of another run was taken.
    assert_eq!(posted(store, 1, "4"), 4);
    assert_eq!((state(store, 1), waiting(store, 1)), ((4, 3), vec!["4".to_owned()]));
    assert_eq!((state(store, 2), waiting(store, 2)), ((1, 0), vec!["\"other\"".to_owned()]));
}

pub(super) fn a_refused_append_takes_nothing(store: &mut dyn Store) {
    let old = created(store, 1, "old");
    posted(store, 1, "1");
    let lease = taken_over(store, &key(1), "new");
    let unchanged = |store: &mut dyn Store| {
        assert_eq!((state(store, 1), waiting(store, 1)), ((1, 0), vec!["1".to_owned()]));
        assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 1);
    };
    let records = logged(&mut Chain::new(), &["next"]);
    let broken = [records[0].clone(), super::not_json()];
    let batch = |lease, first_seq, records, up_to| Append {
        records,
        takes: Some(up_to),
        ..nothing(lease, first_seq)
    };
    for (refused, code) in [
        (batch(&old, 1, &records, 1), Code::RunLost),
        (batch(&lease, 7, &records, 1), Code::JournalMovedOn),
        (batch(&lease, 1, &broken, 1), Code::EntriesInvalid),
        // A message that nobody posted.
        (batch(&lease, 1, &records, 2), Code::EntriesInvalid),
        (batch(&lease, 1, &records, u64::MAX), Code::EntriesInvalid),
    ] {
        let error = store.append(&[refused]).unwrap().remove(0).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        unchanged(store);
    }
    // Batches that share the transaction do not share the refusal.
    created(store, 2, "me");
    posted(store, 2, "2");
    let other = taken_over(store, &key(2), "me");
    let both = [batch(&old, 1, &records, 1), batch(&other, 1, &records, 1)];
    let outcomes = store.append(&both).unwrap();
    assert!(outcomes[0].is_err() && outcomes[1] == Ok(Appended { posted: 1 }), "{outcomes:?}");
    unchanged(store);
    assert_eq!(state(store, 2), (1, 1));
}

pub(super) fn a_holder_learns_of_messages_with_its_commits(store: &mut dyn Store) {
    let lease = created(store, 1, "me");
    let learns = |store: &mut dyn Store, batches: &[Append<'_>]| -> Vec<u64> {
        let outcomes = store.append(batches).unwrap();
        outcomes.into_iter().map(|outcome| outcome.unwrap().posted).collect()
    };
    assert_eq!(learns(store, &[nothing(&lease, 1)]), [0]);
    let mut other = store.open_again().unwrap();
    posted(other.as_mut(), 1, "1");
    posted(other.as_mut(), 1, "2");
    let records = logged(&mut Chain::new(), &["a", "b"]);
    let next = Append { records: &records, takes: Some(1), ..nothing(&lease, 1) };
    assert_eq!(learns(store, &[next, nothing(&lease, 3)]), [2, 2]);
    posted(other.as_mut(), 1, "3");
    let last = Append { takes: Some(2), release: true, ..nothing(&lease, 3) };
    assert_eq!(learns(store, &[last]), [3], "the batch that releases the lease as well");
    assert_eq!((state(store, 1), waiting(store, 1)), ((3, 2), vec!["3".to_owned()]));
}

pub(super) fn leases_leave_messages_alone(store: &mut dyn Store) {
    let run = crate::NewRun { wake_at_us: Some(1), ..new_run(1) };
    let records = logged(&mut Chain::new(), &["first"]);
    let first = store.create(&run, terms("one"), &records).unwrap();
    posted(store, 1, "1");
    posted(store, 1, "2");
    take(store, &first, 1, 1).unwrap();
    let expected = ((2, 1), vec!["2".to_owned()]);
    store.release(&first).unwrap();
    assert_eq!((state(store, 1), waiting(store, 1)), expected);
    let second = store.wake_ups(&[TenantId::local()], terms("two"), 9).unwrap().remove(0);
    assert_eq!((state(store, 1), waiting(store, 1)), expected);
    store.renew(&second, super::LONG).unwrap();
    let third = taken_over(store, &key(1), "three");
    assert_eq!((state(store, 1), waiting(store, 1)), expected);
    assert_eq!(take(store, &second, 1, 2).unwrap_err().code(), "run_lost");
    assert_eq!(take(store, &third, 1, 2), Ok(2));
    store.release(&third).unwrap();
    // A run without a holder is sent messages as well.
    assert_eq!(posted(store, 1, "3"), 3);
    assert_eq!((state(store, 1), waiting(store, 1)), ((3, 2), vec!["3".to_owned()]));
}

pub(super) fn a_deleted_run_leaves_no_messages_behind(store: &mut dyn Store) {
    let theirs = RunKey { tenant: TenantId::new("other"), run: key(1).run };
    let records = logged(&mut Chain::new(), &["first"]);
    store.create(&new_run(1), terms("me"), &records).unwrap();
    let copy = crate::NewRun { key: theirs.clone(), ..new_run(1) };
    store.create(&copy, terms("them"), &records).unwrap();
    posted(store, 1, "1");
    posted(store, 1, "2");
    store.post(&theirs, &message("\"theirs\"")).unwrap();
    deleted(store, &key(1));
    let missing = StoreError::NoSuchRun { key: key(1) };
    assert_eq!(store.messages(&key(1), 0, 9), Err(missing.clone()));
    assert_eq!(store.inbox(&key(1)), Err(missing));
    assert_eq!(store.messages(&theirs, 0, 9).unwrap().len(), 1, "another tenant's");
    // The id is free again, and the new run has nothing of the old one.
    store.create(&new_run(1), terms("me"), &records).unwrap();
    assert_eq!((state(store, 1), waiting(store, 1)), ((0, 0), Vec::new()));
    assert_eq!(posted(store, 1, "\"new\""), 1);
}

pub(super) fn messages_that_cannot_be_stored_are_refused(store: &mut dyn Store) {
    let lease = created(store, 1, "me");
    let missing = StoreError::NoSuchRun { key: key(2) };
    assert_eq!(store.post(&key(2), &message("1")), Err(missing.clone()));
    assert_eq!(store.messages(&key(2), 0, 9), Err(missing.clone()));
    assert_eq!(store.inbox(&key(2)), Err(missing));
    for body in ["", "{\"a\":", "1 2", "{a: 1}", "'a'", "NaN", "\u{0}"] {
        let error = store.post(&key(1), &message(body)).unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{body}: {error}");
    }
    let bytes = MESSAGE_BYTES_MAX + 1;
    let large = format!("\"{}\"", "x".repeat(bytes - 2));
    let too_large = StoreError::MessageTooLarge { key: key(1), bytes, max: MESSAGE_BYTES_MAX };
    assert_eq!(store.post(&key(1), &message(&large)), Err(too_large));
    assert_eq!((state(store, 1), waiting(store, 1)), ((0, 0), Vec::new()));
    append(store, &lease, 1, &logged(&mut Chain::new(), &["next"])).unwrap();
}

pub(super) fn large_messages_are_read_one_by_one(store: &mut dyn Store) {
    created(store, 1, "me");
    let large = format!("\"{}\"", "é".repeat((MESSAGE_BYTES_MAX - 2) / 2));
    let count = 40_usize;
    for _ in 0..3 {
        posted(store, 1, &large);
    }
    for _ in 0..count {
        posted(store, 1, "1");
    }
    let (mut after, mut lengths) = (0, Vec::new());
    loop {
        let messages = store.messages(&key(1), after, 99).unwrap();
        let Some(last) = messages.last() else { break };
        after = last.number;
        lengths.push(messages.len());
        if messages.len() == 1 {
            assert!(messages[0].body == large);
        }
    }
    assert_eq!(lengths, [1, 1, 1, count]);
}

pub(super) fn handles_that_post_at_once_get_numbers_of_their_own(store: &mut dyn Store) {
    const HANDLES: usize = 4;
    const EACH: usize = 25;
    let lease = created(store, 1, "me");
    let post_all = |mut store: Box<dyn Store>, handle: usize| -> Vec<(u64, String)> {
        let posted = |nth| {
            let body = format!("[{handle},{nth}]");
            (store.post(&key(1), &message(&body)).unwrap(), body)
        };
        (0..EACH).map(posted).collect()
    };
    // The holder takes meanwhile what is there.
    let mut taken = Vec::new();
    let mut take_all = |store: &mut dyn Store| {
        for message in store.messages(&key(1), taken.len() as u64, 7).unwrap() {
            take(store, &lease, 1, message.number).unwrap();
            taken.push((message.number, message.body));
        }
        taken.len()
    };
    let mut posted: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..HANDLES)
            .map(|handle| {
                let store = store.open_again().unwrap();
                scope.spawn(move || post_all(store, handle))
            })
            .collect();
        while !handles.iter().all(thread::ScopedJoinHandle::is_finished) {
            take_all(store);
        }
        let joined: Vec<_> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
        for of_one in &joined {
            assert!(of_one.is_sorted_by_key(|(number, _)| *number));
        }
        joined.into_iter().flatten().collect()
    });
    let all = HANDLES * EACH;
    while take_all(store) < all {}
    posted.sort_unstable();
    assert_eq!(taken, posted);
    let numbers: Vec<_> = taken.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=all as u64).collect::<Vec<_>>());
    assert_eq!(state(store, 1), (all as u64, all as u64));
}

/// Checks the run 1 of this store, held by `lease` and without entries behind the first,
/// for which exactly [`INBOX_MAX`] messages wait.
pub(crate) fn a_full_inbox_takes_no_message_until_one_is_taken(
    store: &mut dyn Store,
    lease: &Lease,
) {
    let full = StoreError::InboxFull { key: key(1), max: INBOX_MAX };
    assert_eq!(full.code(), "inbox_full");
    assert_eq!(store.post(&key(1), &message("1")), Err(full.clone()));
    assert_eq!(state(store, 1), (INBOX_MAX, 0));
    assert_eq!(take(store, lease, 1, 1), Ok(INBOX_MAX));
    assert_eq!(posted(store, 1, "\"last\""), INBOX_MAX + 1);
    assert_eq!(store.post(&key(1), &message("1")), Err(full));
    assert_eq!(take(store, lease, 1, INBOX_MAX), Ok(INBOX_MAX + 1));
    assert_eq!(waiting(store, 1), ["\"last\""]);
}
