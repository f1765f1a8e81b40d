//! Checks of who may write.
//!
//! Owns: claims, fences, renewals and releases. Never: looks at records.

use smol_wf_core::journal::Chain;

use super::{append, created, key, logged};
use crate::{Append, Holder, Store, StoreError, Wake};

fn unknown(_: &str) -> Holder {
    Holder::Unknown
}

pub(super) fn a_held_run_is_not_given_away(store: &mut dyn Store) {
    created(store, 1, "one");
    let error = store.claim(&key(1), "two", 999, 5000, &unknown).unwrap_err();
    let held = StoreError::LeaseHeld { key: key(1), owner: "one".into(), expires_at_us: 1000 };
    assert_eq!(error, held);
    let error = store.claim(&key(2), "two", 999, 5000, &unknown).unwrap_err();
    assert_eq!(error, StoreError::NoSuchRun { key: key(2) });
}

pub(super) fn a_free_expired_or_orphaned_run_is_given_away(store: &mut dyn Store) {
    let first = created(store, 1, "one");
    let same = store.claim(&key(1), "one", 500, 1500, &unknown).unwrap();
    assert_eq!((same.fence, same.expires_at_us), (first.fence + 1, 1500));
    let expired = store.claim(&key(1), "two", 1500, 2000, &unknown).unwrap();
    assert_eq!(expired.fence, first.fence + 2);
    let two_is_dead = |owner: &str| match owner {
        "two" => Holder::Dead,
        _ => Holder::Unknown,
    };
    let orphaned = store.claim(&key(1), "three", 1600, 3000, &two_is_dead).unwrap();
    assert_eq!(orphaned.fence, first.fence + 3);
    store.release(&orphaned).unwrap();
    let never = |_: &str| -> Holder { unreachable!("nobody holds it") };
    let free = store.claim(&key(1), "four", 1600, 4000, &never).unwrap();
    assert_eq!((free.fence, free.owner.as_str()), (first.fence + 4, "four"));
    let error = store.claim(&key(1), "five", 1700, 5000, &unknown).unwrap_err();
    assert_eq!(error.code(), "run_held");
}

pub(super) fn a_holder_that_lives_keeps_its_run_whatever_the_clock_says(store: &mut dyn Store) {
    let mut lease = created(store, 1, "one");
    let lives = |_: &str| Holder::Lives;
    let late = 1000 + 3_600_000_000;
    let held = StoreError::LeaseHeld { key: key(1), owner: "one".into(), expires_at_us: 1000 };
    assert_eq!(store.claim(&key(1), "two", late, late + 1, &lives), Err(held.clone()));
    assert_eq!(store.delete(&key(1), late, &lives), Err(held));
    store.renew(&mut lease, late + 5).unwrap();
    let records = logged(&mut Chain::new(), &["next"]);
    append(store, &lease, 1, &records).unwrap();
    let leased = store.leased().unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!((&leased[0].0, leased[0].1.owner.as_str()), (&key(1), "one"));
    store.release(&lease).unwrap();
    assert_eq!(store.leased().unwrap(), []);
    store.claim(&key(1), "two", late, late + 1, &lives).unwrap();
}

pub(super) fn a_lease_is_let_go_of_with_the_last_entries(store: &mut dyn Store) {
    let lease = created(store, 1, "one");
    let records = logged(&mut Chain::new(), &["last", "late"]);
    let batch = |first_seq, records, release| Append {
        lease: &lease,
        first_seq,
        records,
        wake: Wake::Never,
        release,
    };
    // Refused with its entries, it keeps the lease.
    let refused = store.append(&[batch(7, &records[..1], true)]).unwrap().remove(0);
    assert_eq!(refused.unwrap_err().code(), "journal_moved_on");
    assert_eq!(store.append(&[batch(1, &records[..1], true)]).unwrap(), [Ok(())]);
    assert_eq!(store.leased().unwrap(), []);
    let late = store.append(&[batch(2, &records[1..], false)]).unwrap().remove(0);
    assert_eq!(late.unwrap_err().code(), "run_lost");
    store.claim(&key(1), "two", 0, 1, &|_| Holder::Lives).unwrap();
}

pub(super) fn an_old_fence_writes_nothing(store: &mut dyn Store) {
    let mut old = created(store, 1, "one");
    let mut chain = Chain::new();
    let records = logged(&mut chain, &["a", "b"]);
    // Past its time, but nobody took it: the fence counts, not the clock.
    append(store, &old, 1, &records[..1]).unwrap();
    let new = store.claim(&key(1), "one", 2000, 3000, &unknown).unwrap();
    let lost = StoreError::LeaseLost { key: key(1), owner: "one".into(), fence: old.fence };
    assert_eq!(append(store, &old, 2, &records[1..]), Err(lost.clone()));
    let before = old.clone();
    assert_eq!(store.renew(&mut old, 9000), Err(lost.clone()));
    assert_eq!(old, before);
    assert_eq!(store.release(&old), Err(lost));
    append(store, &new, 2, &records[1..]).unwrap();
    assert_eq!(store.load(&key(1)).unwrap().unwrap()[1..], records);
    // Nor does the right fence help someone else.
    let stolen = crate::Lease { owner: "two".into(), ..new };
    assert_eq!(append(store, &stolen, 3, &records).unwrap_err().code(), "run_lost");
}

pub(super) fn a_lease_is_renewed_and_released(store: &mut dyn Store) {
    let mut lease = created(store, 1, "one");
    store.renew(&mut lease, 2000).unwrap();
    assert_eq!(lease.expires_at_us, 2000);
    let error = store.claim(&key(1), "two", 1999, 5000, &unknown).unwrap_err();
    assert!(matches!(error, StoreError::LeaseHeld { expires_at_us: 2000, .. }), "{error}");
    store.release(&lease).unwrap();
    assert_eq!(store.release(&lease).unwrap_err().code(), "run_lost");
    assert_eq!(store.renew(&mut lease, 3000).unwrap_err().code(), "run_lost");
    let records = logged(&mut Chain::new(), &["late"]);
    assert_eq!(append(store, &lease, 1, &records).unwrap_err().code(), "run_lost");
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 1);
}
