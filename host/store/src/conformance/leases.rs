//! Checks of leases.
//!
//! Owns: claims, fences, renewals, releases and wake-ups. Never: records.

use std::time::Duration;

use smol_wf_core::ids::TenantId;
use smol_wf_core::journal::Chain;

use super::samples::{LONG, append, created, key, logged, new_run, terms};
use crate::{
    Append, Appended, Holder, Lease, LeaseRow, LeaseTerms, NewRun, RunKey, Store, StoreError, Wake,
};

fn held(number: u128, owner: &str) -> StoreError {
    StoreError::LeaseHeld { key: key(number), owner: owner.into() }
}

/// The lease on a held run.
fn seen(store: &mut dyn Store, number: u128) -> LeaseRow {
    store.lease(&key(number)).unwrap().unwrap()
}

pub(super) fn a_held_run_is_not_given_away(store: &mut dyn Store) {
    created(store, 1, "one");
    assert_eq!(store.claim(&key(1), terms("two"), None), Err(held(1, "one")));
    assert_eq!(store.claim(&key(1), terms("one"), None), Err(held(1, "one")), "not even again");
    let missing = StoreError::NoSuchRun { key: key(2) };
    assert_eq!(store.claim(&key(2), terms("two"), None), Err(missing.clone()));
    assert_eq!(store.lease(&key(2)), Err(missing));
}

pub(super) fn a_lease_is_replaced_only_as_it_was_seen(store: &mut dyn Store) {
    let first = created(store, 1, "one");
    let old = seen(store, 1);
    assert_eq!((old.owner.as_str(), old.fence, old.is_over), ("one", first.fence, false));
    // The reader decides by the expiry, because the holder may be dead.
    let second = store.claim(&key(1), terms("two"), Some(&old)).unwrap();
    assert_eq!((second.fence, second.owner.as_str()), (first.fence + 1, "two"));
    // Two processes saw the same dead holder: the second one is refused.
    assert_eq!(store.claim(&key(1), terms("three"), Some(&old)), Err(held(1, "two")));
    // So is a process that saw an expired lease which was renewed afterwards.
    store.renew(&second, Duration::ZERO).unwrap();
    let late = seen(store, 1);
    assert!(late.is_over && late.fence == second.fence);
    store.renew(&second, LONG).unwrap();
    assert_eq!(store.claim(&key(1), terms("three"), Some(&late)), Err(held(1, "two")));
    // A released run can be claimed by everyone, with a new fence.
    let last = seen(store, 1);
    store.release(&second).unwrap();
    assert_eq!(store.lease(&key(1)).unwrap(), None);
    let third = store.claim(&key(1), terms("three"), Some(&last)).unwrap();
    store.release(&third).unwrap();
    let fourth = store.claim(&key(1), terms("four"), None).unwrap();
    assert_eq!((third.fence, fourth.fence), (second.fence + 1, second.fence + 2));
}

pub(super) fn a_live_holder_keeps_its_run_whatever_the_clock_says(store: &mut dyn Store) {
    let lease = created(store, 1, "one");
    store.renew(&lease, Duration::ZERO).unwrap();
    let late = seen(store, 1);
    assert!(late.is_over);
    assert!(Holder::Lives.holds(&late) && !Holder::Dead.holds(&late));
    assert!(!Holder::Unknown.holds(&late));
    // A claim that names no lease does not replace an expired one either.
    assert_eq!(store.claim(&key(1), terms("two"), None), Err(held(1, "one")));
    assert_eq!(store.delete(&key(1), None), Err(held(1, "one")));
    assert_eq!(store.wake_ups(&[TenantId::local()], terms("two"), 9).unwrap(), []);
    let records = logged(&mut Chain::new(), &["next"]);
    append(store, &lease, 1, &records).unwrap();
    let leased = store.leased().unwrap();
    assert_eq!(leased, [(key(1), late)]);
    store.renew(&lease, LONG).unwrap();
    let renewed = seen(store, 1);
    assert!(Holder::Unknown.holds(&renewed) && !renewed.is_over);
    store.release(&lease).unwrap();
    assert_eq!(store.leased().unwrap(), []);
    store.claim(&key(1), terms("two"), None).unwrap();
}

pub(super) fn a_lease_is_released_with_the_last_entries(store: &mut dyn Store) {
    let lease = created(store, 1, "one");
    let records = logged(&mut Chain::new(), &["last", "late"]);
    let batch = |first_seq, records, release| Append {
        lease: &lease,
        first_seq,
        records,
        state: None,
        wake: Wake::Never,
        takes: None,
        release,
    };
    // A refused batch does not release the lease.
    let refused = store.append(&[batch(7, &records[..1], true)]).unwrap().remove(0);
    assert_eq!(refused.unwrap_err().code(), "journal_moved_on");
    let last = store.append(&[batch(1, &records[..1], true)]).unwrap();
    assert_eq!(last, [Ok(Appended::default())]);
    assert_eq!(store.leased().unwrap(), []);
    let late = store.append(&[batch(2, &records[1..], false)]).unwrap().remove(0);
    assert_eq!(late.unwrap_err().code(), "run_lost");
    store.claim(&key(1), terms("two"), None).unwrap();
}

pub(super) fn an_old_fence_writes_nothing(store: &mut dyn Store) {
    let old = created(store, 1, "one");
    let mut chain = Chain::new();
    let records = logged(&mut chain, &["a", "b"]);
    // Expired but not replaced: the fence counts, not the clock.
    store.renew(&old, Duration::ZERO).unwrap();
    append(store, &old, 1, &records[..1]).unwrap();
    let seen = seen(store, 1);
    let new = store.claim(&key(1), terms("one"), Some(&seen)).unwrap();
    let lost = StoreError::LeaseLost { key: key(1), owner: "one".into(), fence: old.fence };
    assert_eq!(append(store, &old, 2, &records[1..]), Err(lost.clone()));
    assert_eq!(store.renew(&old, LONG), Err(lost.clone()));
    assert_eq!(store.release(&old), Err(lost));
    append(store, &new, 2, &records[1..]).unwrap();
    assert_eq!(store.load(&key(1)).unwrap().unwrap()[1..], records);
    // The right fence does not help another owner.
    let stolen = Lease { owner: "two".into(), ..new };
    assert_eq!(append(store, &stolen, 3, &records).unwrap_err().code(), "run_lost");
}

pub(super) fn a_lease_is_renewed_and_released(store: &mut dyn Store) {
    let lease = created(store, 1, "one");
    let before = seen(store, 1);
    store.renew(&lease, 2 * LONG).unwrap();
    let after = seen(store, 1);
    assert!(after.expires_at_us - before.expires_at_us > 1_000_000);
    assert_eq!((after.fence, after.owner), (before.fence, before.owner));
    store.release(&lease).unwrap();
    assert_eq!(store.release(&lease).unwrap_err().code(), "run_lost");
    assert_eq!(store.renew(&lease, LONG).unwrap_err().code(), "run_lost");
    let records = logged(&mut Chain::new(), &["late"]);
    assert_eq!(append(store, &lease, 1, &records).unwrap_err().code(), "run_lost");
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 1);
}

/// Creates a free run.
fn queued(store: &mut dyn Store, key: RunKey, wake_at_us: Option<i64>) {
    let run = NewRun { key, wake_at_us, ..new_run(0) };
    let mut records = logged(&mut Chain::new(), &["first"]).into_iter().map(Ok);
    store.create_from(&run, None, &mut records).unwrap();
}

pub(super) fn a_run_without_a_holder_is_claimed_once(store: &mut dyn Store) {
    queued(store, key(1), None);
    assert_eq!(store.lease(&key(1)).unwrap(), None);
    assert_eq!(store.leased().unwrap(), []);
    let forged = Lease { key: key(1), owner: String::new(), fence: 0 };
    let records = logged(&mut Chain::new(), &["next"]);
    assert_eq!(append(store, &forged, 1, &records).unwrap_err().code(), "run_lost");
    // The run has no wake-up, so it is only claimed by name.
    assert_eq!(store.wake_ups(&[TenantId::local()], terms("one"), 9).unwrap(), []);
    let lease = store.claim(&key(1), terms("one"), None).unwrap();
    assert_eq!(lease.fence, 1);
    append(store, &lease, 1, &records).unwrap();
}

pub(super) fn due_and_free_runs_are_claimed_in_the_order_of_tenants(store: &mut dyn Store) {
    let of = |tenant: &str, number| RunKey { tenant: TenantId::new(tenant), ..key(number) };
    let [a, b, c] = ["a", "b", "c"].map(TenantId::new);
    for (tenant, number, wake_at_us) in [
        ("a", 1, Some(30)),
        ("a", 2, Some(20)),
        ("a", 3, None),
        ("a", 4, Some(i64::MAX)),
        ("a", 5, Some(20)),
        ("b", 1, Some(1)),
        ("b", 2, Some(0)),
    ] {
        queued(store, of(tenant, number), wake_at_us);
    }
    let held = store.claim(&of("a", 5), terms("holder"), None).unwrap();
    let mut due = |tenants: &[&TenantId], limit| {
        let tenants: Vec<TenantId> = tenants.iter().copied().cloned().collect();
        let leases = store.wake_ups(&tenants, terms("worker"), limit).unwrap();
        for lease in &leases {
            assert_eq!(
                store.claim(&lease.key, terms("late"), None).unwrap_err().code(),
                "run_held"
            );
        }
        leases.into_iter().map(|lease| lease.key).collect::<Vec<_>>()
    };
    assert_eq!(due(&[], 9), []);
    assert_eq!(due(&[&a, &b], 0), []);
    assert_eq!(due(&[&b, &c, &a], 1), [of("b", 2)], "the longest overdue");
    assert_eq!(due(&[&b, &a], 2), [of("b", 1), of("a", 2)]);
    assert_eq!(due(&[&b, &c, &a], 9), [of("a", 1)], "what is held is not given away");
    assert_eq!(due(&[&a, &b, &c], 9), []);
    // A wake-up that the holder sets counts once it has released the run.
    for (wake, expected) in
        [(Wake::Never, 0), (Wake::At(90), 1), (Wake::Keep, 1), (Wake::At(i64::MAX), 0)]
    {
        let seen = store.lease(&of("a", 5)).unwrap();
        let lease = store.claim(&of("a", 5), terms("holder"), seen.as_ref()).unwrap();
        let batch = Append {
            lease: &lease,
            first_seq: 1,
            records: &[],
            state: None,
            wake,
            takes: None,
            release: true,
        };
        store.append(&[batch]).unwrap().remove(0).unwrap();
        let taken = store.wake_ups(std::slice::from_ref(&a), terms("worker"), 9).unwrap();
        assert_eq!(taken.len(), expected, "{wake:?}");
    }
    assert_eq!(store.release(&held).unwrap_err().code(), "run_lost");
    // Such a lease is like any other.
    let short = LeaseTerms { owner: "worker", lasting: Duration::ZERO };
    queued(store, of("c", 1), Some(1));
    let lease = store.wake_ups(&[c], short, 9).unwrap().remove(0);
    assert!(store.lease(&lease.key).unwrap().unwrap().is_over);
    let records = logged(&mut Chain::new(), &["next"]);
    append(store, &lease, 1, &records).unwrap();
    store.release(&lease).unwrap();
}
