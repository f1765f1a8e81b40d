//! Checks of runs of older programs, and of databases in which older programs work.
//!
//! Owns: both tables of entries side by side. Never: older schemas as such.

use std::path::Path;
use std::sync::Barrier;
use std::thread;

use rusqlite::Connection;
use smol_wf_core::journal::{self, Chain};
use smol_wf_core::report::RunState;

use super::super::schema::{self, NEWEST};
use super::migration::released;
use super::{AS_OF_5, AS_OF_OLD, SqliteStore, append, create};
use crate::conformance::{deleted, key, logged, new_run, taken_over, terms};
use crate::{
    BUSY_TIMEOUT, Facts, Holder, Journals as _, LARGE_BYTES, Leases as _, Lists as _,
    Maintenance as _, Page, ReadLimit, RunFacts, RunFilter, StoreError,
};

#[test]
fn a_run_of_an_older_program_is_read_written_on_and_deleted_beside_new_ones() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let large = "x".repeat(2 * LARGE_BYTES);
    let old = logged(&mut Chain::new(), &["a", &large, "c"]);
    for number in [5, 2, 9] {
        store.create(&new_run(number), terms("me"), &old).unwrap();
    }
    store.connection.as_ref().unwrap().execute_batch(AS_OF_OLD).unwrap();
    for number in [4, 1] {
        store.create(&new_run(number), terms("me"), &old[..1]).unwrap();
    }
    let order = |store: &mut SqliteStore, skip, limit| -> Vec<i64> {
        let rows = store.newest(&key(1).tenant, skip, limit).unwrap();
        rows.iter().map(|row| row.created_at_us).collect()
    };
    let whole = [1, 4, 9, 2, 5];
    assert_eq!(order(&mut store, 0, 9), whole);
    for (skip, limit) in [(0, 1), (1, 2), (1, 1), (2, 1), (3, 9), (0, 3), (5, 9)] {
        let expected: Vec<i64> =
            whole.iter().skip(skip as usize).take(limit as usize).copied().collect();
        assert_eq!(order(&mut store, skip, limit), expected, "{skip}, {limit}");
    }
    let mut chain = Chain::after(&old);
    let lease = taken_over(&mut store, &key(2), "me");
    append(&mut store, &lease, 3, &logged(&mut chain, &["d", "e"])).unwrap();
    let refused = [logged(&mut chain, &["f"]).remove(0), crate::conformance::not_json()];
    let error = append(&mut store, &lease, 5, &refused).unwrap_err();
    assert_eq!(error.code(), "entries_invalid", "{error}");
    let read = store.load(&key(2)).unwrap().unwrap();
    assert_eq!((read.len(), journal::read(&read).unwrap().len()), (5, 5));
    store.release(&lease).unwrap();
    deleted(&mut store, &key(5));
    assert_eq!(store.load(&key(5)).unwrap(), None);
    assert_eq!(store.load(&key(9)).unwrap().unwrap(), old);
    store.clean(true).unwrap();
    assert_eq!(order(&mut store, 0, 9), [1, 4, 9, 2]);
    // A run that is created again has a number.
    store.create(&new_run(5), terms("me"), &old).unwrap();
    assert_eq!(order(&mut store, 0, 9), [5, 1, 4, 9, 2]);
}

/// A database of schema 3 in which this owner holds a run.
fn held_by(path: &Path, owner: &str) {
    released(path, 3, 3);
    let connection = Connection::open(path).unwrap();
    let held = "UPDATE runs SET owner = ?1, expires_at_us = 0 WHERE run = ?2";
    assert_eq!(connection.execute(held, [owner, key(1).run.as_str()]).unwrap(), 1);
}

fn version(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn check_holder(owner: &str) -> Holder {
    match owner {
        "lives" => Holder::Lives,
        "dead" => Holder::Dead,
        _ => Holder::Unknown,
    }
}

#[test]
fn tables_in_use_by_an_older_program_are_read_and_left_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    held_by(&path, "lives");
    let held = StoreError::OlderHolder {
        path: path.clone(),
        run: key(1).run.to_string(),
        owner: "lives".into(),
    };
    assert_eq!(SqliteStore::open_within(&path, BUSY_TIMEOUT, check_holder).unwrap_err(), held);
    assert_eq!(held.code(), "store_busy");
    let mut store = SqliteStore::open_or_read_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
    let records = store.load(&key(1)).unwrap().unwrap();
    let tenant = &key(1).tenant;
    let failed =
        Page { filter: RunFilter::States(&[RunState::Failed]), limit: 9, ..Page::default() };
    assert_eq!(store.list(tenant, &failed).unwrap().len(), 3, "of none is it known");
    assert_eq!(store.newest(tenant, 1, 9).unwrap().len(), 2);
    assert_eq!(store.find(tenant, key(2).run.as_str(), 9).unwrap().len(), 1);
    assert_eq!(store.open_again().unwrap().load(&key(1)).unwrap().unwrap(), records);
    // A write names the older holder and changes nothing.
    assert_eq!(store.try_lock().unwrap_err(), held);
    assert_eq!(store.claim(&key(2), terms("me"), None).unwrap_err(), held);
    store.checkpoint().unwrap();
    assert_eq!(version(&path), 3);
    // The older program releases its run.
    let reader = SqliteStore::open_or_read_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
    let older = Connection::open(&path).unwrap();
    older.execute("UPDATE runs SET owner = NULL", []).unwrap();
    let lease = store.claim(&key(2), terms("me"), None).unwrap();
    assert_eq!(version(&path), NEWEST);
    let next = logged(&mut Chain::after(&records), &["next"]);
    append(&mut store, &lease, records.len(), &next).unwrap();
    store.create(&new_run(77), terms("me"), &next).unwrap();
    // A reader sees the new tables.
    let mut reader = reader;
    assert_eq!(reader.load(&key(77)).unwrap().unwrap(), next);
    assert_eq!(reader.newest(tenant, 0, 1).unwrap()[0].key, key(77));
}

#[test]
fn tables_are_migrated_once_their_holder_is_gone() {
    for (owner, is_over, renewed) in [
        ("dead", false, true),
        ("dead", true, true),
        ("lives", true, false),
        ("elsewhere", true, true),
        ("elsewhere", false, false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        held_by(&path, owner);
        if !is_over {
            let connection = Connection::open(&path).unwrap();
            connection.execute("UPDATE runs SET expires_at_us = ?1", [i64::MAX]).unwrap();
        }
        let opened = SqliteStore::open_within(&path, BUSY_TIMEOUT, check_holder);
        assert_eq!(opened.is_ok(), renewed, "{owner}, {is_over}");
        assert_eq!(version(&path) == NEWEST, renewed, "{owner}, {is_over}");
    }
}

/// The writing statements of the program of schema 3, transaction by transaction: it
/// creates a run, continues one and deletes one. The last statement changes an entry,
/// which no program of ours does.
const STATEMENTS_OF_SCHEMA_3: [&str; 10] = [
    "INSERT INTO runs
         (tenant, run, name, created_at_us, wake_at_us, owner, fence, expires_at_us)
     VALUES ('local', 'new', 'n', 1, NULL, 'older', 1, 9) ON CONFLICT DO NOTHING",
    "INSERT INTO entries (tenant, run, seq, kind, body, chain, moved)
     VALUES ('local', 'new', 0, 'a', '{}', 'c', 0)",
    "UPDATE runs SET length = 1, tip = 'c' WHERE tenant = 'local' AND run = 'new'",
    "UPDATE runs SET owner = 'older', fence = fence + 1 WHERE tenant = 'local' AND run = 'RUN'",
    "INSERT INTO entries (tenant, run, seq, kind, body, chain, moved)
     VALUES ('local', 'RUN', 4, 'a', '{}', 'c', 0)",
    "UPDATE runs SET length = 5, tip = 'c' WHERE tenant = 'local' AND run = 'RUN'",
    "DELETE FROM summaries WHERE tenant = 'local' AND run = 'RUN'",
    "DELETE FROM entries WHERE tenant = 'local' AND run = 'RUN' AND seq >= 0",
    "DELETE FROM runs WHERE tenant = 'local' AND run = 'RUN'",
    "UPDATE entries SET body = '[]' WHERE tenant = 'local' AND run = 'RUN'",
];

#[test]
fn an_older_program_that_had_opened_the_database_before_can_no_longer_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    released(&path, 3, 3);
    let run = key(1).run;
    let statements = STATEMENTS_OF_SCHEMA_3.map(|sql| sql.replace("RUN", run.as_str()));
    let older = Connection::open(&path).unwrap();
    older.pragma_update(None, "foreign_keys", true).unwrap();
    // Like that program, it caches its statements.
    let transact = |statements: &[String]| {
        let transaction = older.unchecked_transaction().unwrap();
        for sql in statements {
            older.prepare_cached(sql)?.execute([])?;
        }
        transaction.rollback()
    };
    let attempts: Vec<_> = statements.chunks(3).map(transact).collect();
    assert_eq!(attempts, [Ok(()), Ok(()), Ok(()), Ok(())]);

    let mut store = SqliteStore::open(&path).unwrap();
    let records = store.load(&key(1)).unwrap().unwrap();
    store.create(&new_run(77), terms("me"), &records).unwrap();
    for statements in statements.chunks(3) {
        let error = transact(statements).unwrap_err();
        assert!(
            error.to_string().contains("cannot modify entries because it is a view"),
            "{error}"
        );
    }
    assert!(older.is_autocommit(), "what it had begun is undone");
    assert_eq!(store.load(&key(1)).unwrap().unwrap(), records);
    let order = store.newest(&key(1).tenant, 0, 9).unwrap();
    let order: Vec<_> = order.iter().map(|row| row.created_at_us).collect();
    assert_eq!(order, [77, 2, 1, 0]);
}

/// The statement by which the program of schema 3 reads a journal.
const READ_OF_SCHEMA_3: &str = "SELECT kind, body, chain, moved, seq FROM entries
    WHERE tenant = ?1 AND run = ?2 AND seq >= ?3 ORDER BY seq";

#[test]
fn one_view_has_the_entries_of_both_tables() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    released(&path, 3, 3);
    let mut store = SqliteStore::open(&path).unwrap();
    let records = logged(&mut Chain::new(), &["a", "b"]);
    store.create(&new_run(77), terms("me"), &records).unwrap();
    let reader = Connection::open(&path).unwrap();
    for number in [1, 77] {
        let run = key(number).run;
        let of_run = rusqlite::params!["local", run.as_str(), 1];
        let mut statement = reader.prepare(READ_OF_SCHEMA_3).unwrap();
        let chains = statement.query_map(of_run, |row| row.get::<_, String>(2)).unwrap();
        let chains: Vec<_> = chains.map(Result::unwrap).collect();
        let stored = store.load(&key(number)).unwrap().unwrap();
        let expected: Vec<_> = stored[1..].iter().map(|record| record.chain.to_string()).collect();
        assert_eq!(chains, expected);
        let plan = format!("EXPLAIN QUERY PLAN {READ_OF_SCHEMA_3}");
        let mut plan = reader.prepare(&plan).unwrap();
        let lines = plan.query_map(of_run, |row| row.get::<_, String>(3)).unwrap();
        assert!(!lines.map(Result::unwrap).any(|line| line.starts_with("SCAN")));
    }
}

#[test]
fn a_database_of_schema_4_is_migrated_with_and_without_its_view_of_all_entries() {
    let directory = tempfile::tempdir().unwrap();
    let older = ["DROP VIEW entries; PRAGMA user_version = 4;", "PRAGMA user_version = 4;"];
    let older = older.map(|older| format!("{AS_OF_5} {older}"));
    for (older, name) in older.into_iter().zip(["without.db", "with.db"]) {
        let path = directory.path().join(name);
        let (mut store, lease) = create(&path);
        store.release(&lease).unwrap();
        drop(store);
        Connection::open(&path).unwrap().execute_batch(&older).unwrap();
        assert_eq!(super::super::read_only::open(&path).err(), None);
        let mut store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 1);
        let count = "SELECT count(*) FROM entries";
        let connection = Connection::open(&path).unwrap();
        assert_eq!(connection.query_row(count, [], |row| row.get::<_, i64>(0)), Ok(1));
        assert_eq!(version(&path), NEWEST);
    }
    // Another view of that name is not ours.
    let path = directory.path().join("other.db");
    drop(create(&path));
    let other = "DROP VIEW entries; CREATE VIEW entries AS SELECT 1; PRAGMA user_version = 4;";
    Connection::open(&path).unwrap().execute_batch(&format!("{AS_OF_5} {other}")).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(error.code(), "store_altered", "{error}");
}

#[test]
fn a_migration_during_a_read_does_not_affect_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    held_by(&path, "lives");
    let mut reader = SqliteStore::open_or_read_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
    let before = reader.load(&key(1)).unwrap().unwrap();
    let read = reader.read(|session| {
        let older = Connection::open(&path).unwrap();
        older.execute("UPDATE runs SET owner = NULL", []).unwrap();
        let mut store = SqliteStore::open_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
        store.create(&new_run(77), terms("me"), &before).unwrap();
        let load = |number| session.load_from(&key(number), 0, ReadLimit::NONE);
        Ok((load(1)?, load(77)?))
    });
    let (old, new) = read.unwrap();
    assert_eq!((old.unwrap().records, new), (before.clone(), None));
    assert_eq!(version(&path), NEWEST);
    assert_eq!(reader.load(&key(77)).unwrap().unwrap(), before);
}

#[test]
fn a_process_that_migrated_first_is_not_taken_for_an_older_program() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (_store, _lease) = create(&path);
    let mut late = Connection::open(&path).unwrap();
    assert_eq!(schema::migrate(&mut late, &path, |_| Holder::Lives), Ok(()));
}

#[test]
fn many_may_open_an_older_database_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let original = directory.path().join("original.db");
    released(&original, 3, 3);
    Connection::open(&original)
        .unwrap()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    for round in 0..10 {
        let path = directory.path().join(format!("{round}.db"));
        std::fs::copy(&original, &path).unwrap();
        let start = Barrier::new(8);
        let open = |number| {
            start.wait();
            let mut store =
                SqliteStore::open_within(&path, BUSY_TIMEOUT, |_| Holder::Lives).unwrap();
            let records = logged(&mut Chain::new(), &["first"]);
            store.create(&new_run(number), terms("me"), &records).unwrap();
        };
        let open = &open;
        thread::scope(|scope| {
            (10..18).for_each(|number| drop(scope.spawn(move || open(number))));
        });
        let mut store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.find(&key(0).tenant, "", 99).unwrap().len(), 3 + 8);
    }
}

#[test]
fn facts_of_older_runs_are_found_in_batches_and_then_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    released(&path, 3, 7);
    let mut store = SqliteStore::open(&path).unwrap();
    let tenant = key(1).tenant;
    let (limit, parent) = (3, key(1).run);
    loop {
        let page = Page { filter: RunFilter::States(&[]), limit, ..Page::default() };
        let unknown = store.list(&tenant, &page).unwrap();
        let found: Vec<_> = unknown
            .into_iter()
            .map(|row| {
                let is_even = row.created_at_us % 2 == 0;
                let state = if is_even { RunState::Failed } else { RunState::Paused };
                let parent = is_even.then(|| key(1).run);
                let facts = Facts { state, parent, place: "/p".into() };
                RunFacts { run: row.key.run, entries: row.entries, tip: row.tip, facts }
            })
            .collect();
        if found.is_empty() {
            break;
        }
        store.put_facts(&tenant, &found).unwrap();
    }
    let numbers = |store: &mut SqliteStore, filter: RunFilter<'_>| -> Vec<i64> {
        let rows = store.list(&tenant, &Page { filter, limit, ..Page::default() }).unwrap();
        rows.iter().map(|row| row.created_at_us).collect()
    };
    assert_eq!(numbers(&mut store, RunFilter::States(&[RunState::Failed])), [6, 4, 2]);
    assert_eq!(numbers(&mut store, RunFilter::ForksOf(&parent)), [6, 4, 2]);
    assert_eq!(numbers(&mut store, RunFilter::States(&[RunState::Completed])), Vec::<i64>::new());
}
