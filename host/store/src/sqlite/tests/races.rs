//! Checks of several connections at once.
//!
//! Owns: that one of many wins, and that the others get a clear error. Never: depends
//! on which one wins.

use std::sync::Barrier;
use std::thread;

use smol_wf_core::journal::{self, Chain};

use super::{SqliteStore, append, create};
use crate::conformance::{key, logged, new_run, taken_over, terms};
use crate::{Journals as _, Leases as _, Lists as _};

const RACERS: usize = 8;
const RACES: i64 = 200;

#[test]
fn of_many_that_claim_a_run_one_wins() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut store, lease) = create(&path);
    store.release(&lease).unwrap();
    let start = Barrier::new(RACERS);
    let race = |racer: usize| {
        let mut store = SqliteStore::open(&path).unwrap();
        let owner = format!("racer {racer}");
        let mut won = Vec::new();
        for race in 0..RACES {
            // All have seen that the previous winner is dead.
            let seen = store.lease(&key(1)).unwrap();
            start.wait();
            let claimed = store.claim(&key(1), terms(&owner), seen.as_ref());
            start.wait();
            match claimed {
                Ok(lease) => won.push((race, lease.fence)),
                Err(error) => assert_eq!(error.code(), "run_held", "{error}"),
            }
        }
        won
    };
    let race = &race;
    let mut won: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..RACERS).map(|racer| scope.spawn(move || race(racer))).collect();
        racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect()
    });
    won.sort_unstable();
    let expected: Vec<_> = (0..RACES).zip(2_u64..).collect();
    assert_eq!(won, expected);
}

#[test]
fn many_may_open_a_new_database_at_once() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let path = directory.path().join(format!("{round}/runs.db"));
        let start = Barrier::new(RACERS);
        thread::scope(|scope| {
            for racer in 0..RACERS {
                let (path, start) = (&path, &start);
                scope.spawn(move || {
                    start.wait();
                    let mut store = SqliteStore::open(path).unwrap();
                    let records = logged(&mut Chain::new(), &["first"]);
                    let run = new_run(u32::try_from(racer).unwrap());
                    store.create(&run, terms("me"), &records).unwrap();
                });
            }
        });
        let mut store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.find(&key(0).tenant, "", 99).unwrap().len(), RACERS);
    }
}

#[test]
fn two_connections_write_two_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    drop(SqliteStore::open(&path).unwrap());
    thread::scope(|scope| {
        for number in [1, 2] {
            let path = &path;
            scope.spawn(move || {
                let mut store = SqliteStore::open(path).unwrap();
                let mut chain = Chain::new();
                let records = logged(&mut chain, &["first"]);
                let lease = store.create(&new_run(number), terms("me"), &records).unwrap();
                for step in 0..100 {
                    let records = logged(&mut chain, &["a", "b"]);
                    append(&mut store, &lease, 1 + 2 * step, &records).unwrap();
                }
            });
        }
    });
    let mut store = SqliteStore::open(&path).unwrap();
    for number in [1, 2] {
        let records = store.load(&key(number)).unwrap().unwrap();
        assert_eq!(journal::read(&records).unwrap().len(), 201);
    }
}

#[test]
fn a_replaced_holder_is_refused_while_the_new_one_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut old, old_lease) = create(&path);
    let mut new = SqliteStore::open(&path).unwrap();
    let lease = taken_over(&mut new, &key(1), "other");
    let mut chain = Chain::after(&new.load(&key(1)).unwrap().unwrap());
    for step in 0..20 {
        let records = logged(&mut chain, &["new"]);
        append(&mut new, &lease, 1 + step, &records).unwrap();
        let refused = append(&mut old, &old_lease, 2 + step, &records).unwrap_err();
        assert_eq!(refused.code(), "run_lost", "{refused}");
    }
    journal::read(&old.load(&key(1)).unwrap().unwrap()).unwrap();
}
