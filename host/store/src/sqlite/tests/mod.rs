//! Checks of the guarantees that only a store on disk gives.
//!
//! Owns: files, processes and power. Never: repeats the conformance suite, which it runs.

mod deletion;
mod files;
mod inbox;
mod kill;
mod migration;
mod older;
mod plans;
mod races;
mod replaced;
mod shape;
mod space;
mod tamper;

use std::path::Path;

use smol_wf_core::journal::{Chain, Record};

use super::SqliteStore;
use crate::conformance::{key, logged, new_run, terms};
use crate::{Append, Journals as _, Lease, StoreError, Wake};

#[test]
fn it_is_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let made = std::cell::Cell::new(0);
    crate::conformance::run(|| {
        made.set(made.get() + 1);
        let path = directory.path().join(format!("{}.db", made.get()));
        Box::new(SqliteStore::open(&path).unwrap())
    });
}

#[test]
fn a_large_value_of_many_records_is_on_disk_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let mut store = SqliteStore::open(&path).unwrap();
    let prompt = "prompt ".repeat(100 * 1024 / 7);
    let records = logged(&mut Chain::new(), &[prompt.as_str(); 16]);
    store.create(&new_run(1), terms("me"), &records).unwrap();
    assert_eq!(store.load(&key(1)).unwrap().unwrap(), records);
    let kept = |store: &SqliteStore| -> i64 {
        let connection = store.connection.as_ref().unwrap();
        connection.query_row("SELECT count(*) FROM blobs", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(kept(&store), 1);
    drop(store);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 200 * 1024, "{size} bytes");
}

#[test]
fn everything_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let mut chain = Chain::new();
    let mut all = logged(&mut chain, &["first"]);
    let mut store = SqliteStore::open(&path).unwrap();
    let lease = store.create(&new_run(1), terms("me"), &all).unwrap();
    for _ in 0..5 {
        let next = logged(&mut chain, &["a", "b"]);
        append(&mut store, &lease, all.len(), &next).unwrap();
        all.extend(next);
        drop(store);
        store = SqliteStore::open(&path).unwrap();
        assert_eq!(store.load(&key(1)).unwrap().unwrap(), all);
    }
}

/// Turns all runs into runs of a program up to schema 3: their entries are in the older
/// table, and their facts are unknown.
const AS_OF_OLD: &str = "
    INSERT INTO older_entries SELECT n.tenant, n.run, e.seq, e.kind, e.body, e.chain, e.moved
        FROM numbers n JOIN journal e ON e.run = n.number ORDER BY n.number, e.seq;
    DELETE FROM journal;
    DELETE FROM numbers;
    UPDATE runs SET state = NULL, parent = NULL, place = NULL;";

/// Turns the tables of this program into those of schema 5, which had no messages.
const AS_OF_5: &str = "
    DROP TABLE messages;
    ALTER TABLE runs DROP COLUMN taken;
    ALTER TABLE runs DROP COLUMN posted;
    PRAGMA user_version = 5;";

fn create(path: &Path) -> (SqliteStore, Lease) {
    let mut store = SqliteStore::open(path).unwrap();
    let records = logged(&mut Chain::new(), &["first"]);
    let lease = store.create(&new_run(1), terms("me"), &records).unwrap();
    (store, lease)
}

/// Appends one batch and returns its error or that of the call.
fn append(
    store: &mut SqliteStore,
    lease: &Lease,
    first_seq: usize,
    records: &[Record],
) -> Result<(), StoreError> {
    let batch = Append {
        lease,
        first_seq: first_seq as u64,
        records,
        state: None,
        wake: Wake::Keep,
        takes: None,
        release: false,
    };
    store.append(&[batch])?.remove(0).map(drop)
}
