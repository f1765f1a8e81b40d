//! Checks of who may write.
//!
//! Owns: claims, fences, renewals and releases. Never: looks at records.

use smol_wf_core::journal::Chain;

use super::{append, created, key, logged};
use crate::{Store, StoreError};

fn alive(_: &str) -> bool {
    false
}

pub(super) fn a_held_run_is_not_given_away(store: &mut dyn Store) {
    created(store, 1, "one");
    let error = store.claim(&key(1), "two", 999, 5000, &alive).unwrap_err();
    let held = StoreError::LeaseHeld { key: key(1), owner: "one".into(), expires_at_us: 1000 };
    assert_eq!(error, held);
    let error = store.claim(&key(2), "two", 999, 5000, &alive).unwrap_err();
    assert_eq!(error, StoreError::NoSuchRun { key: key(2) });
}

pub(super) fn a_free_expired_or_orphaned_run_is_given_away(store: &mut dyn Store) {
    let first = created(store, 1, "one");
    let same = store.claim(&key(1), "one", 500, 1500, &alive).unwrap();
    assert_eq!((same.fence, same.expires_at_us), (first.fence + 1, 1500));
    let expired = store.claim(&key(1), "two", 1500, 2000, &alive).unwrap();
    assert_eq!(expired.fence, first.fence + 2);
    let orphaned = store.claim(&key(1), "three", 1600, 3000, &|owner| owner == "two").unwrap();
    assert_eq!(orphaned.fence, first.fence + 3);
    store.release(&orphaned).unwrap();
    let never = |_: &str| unreachable!("nobody holds it");
    let free = store.claim(&key(1), "four", 1600, 4000, &never).unwrap();
    assert_eq!((free.fence, free.owner.as_str()), (first.fence + 4, "four"));
    let error = store.claim(&key(1), "five", 1700, 5000, &alive).unwrap_err();
    assert_eq!(error.code(), "run_held");
}

pub(super) fn an_old_fence_writes_nothing(store: &mut dyn Store) {
    let mut old = created(store, 1, "one");
    let mut chain = Chain::new();
    let records = logged(&mut chain, &["a", "b"]);
    // Past its time, but nobody took it: the fence counts, not the clock.
    append(store, &old, 1, &records[..1]).unwrap();
    let new = store.claim(&key(1), "one", 2000, 3000, &alive).unwrap();
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
    let error = store.claim(&key(1), "two", 1999, 5000, &alive).unwrap_err();
    assert!(matches!(error, StoreError::LeaseHeld { expires_at_us: 2000, .. }), "{error}");
    store.release(&lease).unwrap();
    assert_eq!(store.release(&lease).unwrap_err().code(), "run_lost");
    assert_eq!(store.renew(&mut lease, 3000).unwrap_err().code(), "run_lost");
    let records = logged(&mut Chain::new(), &["late"]);
    assert_eq!(append(store, &lease, 1, &records).unwrap_err().code(), "run_lost");
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 1);
}
