//! Checks that a database of an older program becomes one of this program.
//!
//! Owns: each schema that was ever released, with journals in it, and a crash
//! after each statement of the way from there to here. Never: an empty one; the
//! other checks begin with those.

use std::fs;
use std::path::Path;

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};
use smol_wf_core::journal::{self, Chain, Record};

use super::super::schema::{APPLICATION_ID, MIGRATIONS, NEWEST};
use super::{SqliteStore, append};
use crate::conformance::{deleted, hold, key, logged, new_run, taken_over};
use crate::{Journals as _, LARGE_BYTES};

const RUNS: u32 = 40;

fn records_of(number: u32) -> Vec<Record> {
    let large = format!("shared {}", "x".repeat(2 * LARGE_BYTES));
    let own = number.to_string().repeat(2 * LARGE_BYTES);
    logged(&mut Chain::new(), &["head", &large, &own, "end"])
}

/// A database as the first release wrote it: its tables, and in them what this
/// program writes into the columns that there were.
fn first_release(path: &Path) {
    let newest = path.with_extension("newest");
    let mut store = SqliteStore::open(&newest).unwrap();
    for number in 0..RUNS {
        store.create(&new_run(number), hold("me"), &records_of(number)).unwrap();
    }
    drop(store);
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.execute("ATTACH ?1 AS newest", [newest.to_str().unwrap()]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO main.runs
                 SELECT tenant, run, name, created_at_us, wake_at_us, owner, fence, expires_at_us
                 FROM newest.runs;
             INSERT INTO main.entries SELECT * FROM newest.entries;
             INSERT INTO main.blobs SELECT * FROM newest.blobs;",
        )
        .unwrap();
}

fn whole(path: &Path) {
    let mut store = SqliteStore::open(path).unwrap();
    let connection = store.connection.as_ref().unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, NEWEST);
    for number in 0..RUNS {
        let records = store.load(&key(number.into())).unwrap().unwrap();
        assert_eq!(records, records_of(number));
        journal::read(&records).unwrap();
    }
}

#[test]
fn the_first_release_is_read_and_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    first_release(&path);
    whole(&path);
    let mut store = SqliteStore::open(&path).unwrap();
    let lease = taken_over(&mut store, &key(1), "me");
    let mut chain = Chain::after(&records_of(1));
    append(&mut store, &lease, 4, &logged(&mut chain, &["more"])).unwrap();
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 5);
    // The migration has found out which value belongs to whom.
    let values = |store: &SqliteStore| -> u32 {
        let connection = store.connection.as_ref().unwrap();
        connection.query_row("SELECT count(*) FROM blobs", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(values(&store), RUNS + 1);
    deleted(&mut store, &key(2));
    assert_eq!(values(&store), RUNS);
    assert_eq!(store.load(&key(3)).unwrap().unwrap(), records_of(3));
}

#[test]
fn what_was_cut_off_before_the_migration_is_noticed_where_it_can_be() {
    for (cut, noticed) in [("seq = 0", true), ("seq = 2", true), ("1", true), ("seq = 3", false)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        first_release(&path);
        let connection = Connection::open(&path).unwrap();
        let cut = format!("DELETE FROM entries WHERE run = '{}' AND {cut}", key(1).run);
        connection.execute(&cut, []).unwrap();
        let mut store = SqliteStore::open(&path).unwrap();
        let sound = store
            .load(&key(1))
            .is_ok_and(|records| records.is_some_and(|records| journal::read(&records).is_ok()));
        assert_eq!(sound, !noticed, "{cut}");
        assert!(store.load(&key(2)).is_ok());
    }
}

/// The files as they are while the writer is in the midst of it: that is what
/// a crash leaves behind.
fn crashed(path: &Path, directory: &Path) {
    for file in ["runs.db", "runs.db-wal"] {
        fs::copy(path.with_file_name(file), directory.join(file)).unwrap();
    }
}

#[test]
fn a_crash_after_any_statement_leaves_the_old_or_the_new() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    first_release(&path);
    let connection = Connection::open(&path).unwrap();
    // A cache of next to nothing: pages go to the log before the commit.
    connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1").unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut points = 0;
    for migration in &MIGRATIONS[1..] {
        let mut statements = Batch::new(&connection, migration);
        while let Some(mut statement) = statements.next().unwrap() {
            statement.raw_execute().unwrap();
            let copy = tempfile::tempdir().unwrap();
            crashed(&path, copy.path());
            whole(&copy.path().join("runs.db"));
            points += 1;
        }
    }
    assert!(points >= 7, "only {points} statements");
    let log = fs::metadata(path.with_file_name("runs.db-wal")).unwrap().len();
    assert!(log > 8192, "the log has {log} bytes: nothing was written early");
    connection.pragma_update(None, "user_version", NEWEST).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    let copy = tempfile::tempdir().unwrap();
    crashed(&path, copy.path());
    whole(&copy.path().join("runs.db"));
}
