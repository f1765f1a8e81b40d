//! Checks that a database which someone edited is not taken for the truth.
//!
//! Owns: every column of the tables that hold journals. Never: an attacker who
//! computes digests anew; there is no key.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use smol_wf_core::codes::Code;
use smol_wf_core::journal::{self, Chain, Record};

use super::SqliteStore;
use crate::conformance::{hold, key, load_in_stretches, logged, new_run};
use crate::{Bound, Journals as _, LARGE_BYTES, Leases as _, Lists as _, StoreError, Summary};

/// A run of five entries, the third of which is large, and another run.
fn database(path: &Path) -> Vec<Record> {
    let mut store = SqliteStore::open(path).unwrap();
    let large = "x".repeat(2 * LARGE_BYTES);
    let records = logged(&mut Chain::new(), &["a", "b", &large, "d", "e"]);
    let lease = store.create(&new_run(1), hold("me"), &records).unwrap();
    store.release(&lease).unwrap();
    store.create(&new_run(2), hold("me"), &records[..1]).unwrap();
    records
}

/// What is read after this change: equal records, or that it was noticed.
fn is_noticed(change: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let written = database(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let changed = connection.execute(change, []).unwrap();
    assert!(changed > 0, "this changes nothing: {change}");
    drop(connection);
    let mut store = SqliteStore::open(&path).unwrap();
    let whole = store.load(&key(1));
    for limit in [1, 2, 5] {
        let stretches = load_in_stretches(&mut store, &key(1), Bound::records(limit));
        assert_eq!(stretches, whole, "{change}, by {limit}");
    }
    match whole {
        Err(error) => {
            let codes = [Code::JournalDamaged, Code::StoreCorrupt];
            assert!(codes.contains(&error.code()), "{change}: {error}");
            true
        }
        Ok(None) => panic!("the run has gone without a word: {change}"),
        Ok(Some(records)) => {
            let sound = journal::read(&records).is_ok();
            assert!(!sound || records == written, "taken for the truth: {change}");
            !sound
        }
    }
}

fn columns(table: &str) -> BTreeSet<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let store = SqliteStore::open(&path).unwrap();
    let connection = store.connection.as_ref().unwrap();
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
    statement.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_change_of_any_column_of_an_entry_is_noticed_or_changes_nothing() {
    // One that marks a large value as none; a mark where there is none is
    // taken off in reading.
    let changes = [
        ("tenant", "tenant = 'x'", true),
        ("run", "run = (SELECT max(run) FROM runs), seq = 7", true),
        ("seq", "seq = seq + 100", true),
        ("kind", "kind = 'settled'", true),
        ("body", "body = replace(body, '\"at_us\":1', '\"at_us\":2')", true),
        ("chain", "chain = lower(hex(zeroblob(32)))", true),
        ("moved", "moved = 1 - moved", false),
    ];
    let named: BTreeSet<String> = changes.iter().map(|change| change.0.to_owned()).collect();
    assert_eq!(columns("entries"), named);
    for (column, change, always) in changes {
        for seq in 0..5 {
            let change = format!(
                "UPDATE entries SET {change} WHERE run = (SELECT min(run) FROM runs) AND seq = {seq}"
            );
            let expected = always || seq == 2;
            assert_eq!(is_noticed(&change), expected, "{column} of entry {seq}");
        }
    }
}

#[test]
fn a_change_of_any_column_of_a_run_is_noticed_or_changes_no_journal() {
    // Who holds a run and when it wakes is about processes. The name and the
    // time of creation are in the first entry, too: the reader compares.
    let changes = [
        ("tenant", "tenant = 'x'", true),
        ("run", "run = 'run_zzzzzzzzzzzzzzzzzzzzzzzzzz'", true),
        ("length", "length = length - 1", true),
        ("length", "length = length + 1", true),
        ("tip", "tip = 'x'", true),
        ("name", "name = 'x'", false),
        ("created_at_us", "created_at_us = 77", false),
        ("wake_at_us", "wake_at_us = 77", false),
        ("owner", "owner = 'x'", false),
        ("fence", "fence = 77", false),
        ("expires_at_us", "expires_at_us = 77", false),
    ];
    let named: BTreeSet<String> = changes.iter().map(|change| change.0.to_owned()).collect();
    assert_eq!(columns("runs"), named);
    for (column, change, expected) in changes {
        let change = format!("UPDATE runs SET {change} WHERE run = (SELECT min(run) FROM runs)");
        assert_eq!(is_noticed(&change), expected, "{column}");
    }
}

#[test]
fn entries_cut_off_anywhere_are_noticed() {
    let of_run = "run = (SELECT min(run) FROM runs)";
    for cut in ["seq = 0", "seq = 2", "seq = 4", "seq >= 3", "seq >= 1", "seq >= 0"] {
        assert!(is_noticed(&format!("DELETE FROM entries WHERE {of_run} AND {cut}")), "{cut}");
    }
    assert!(is_noticed(&format!("DELETE FROM runs WHERE {of_run}")));
    let again = format!(
        "INSERT INTO entries SELECT tenant, run, 5, kind, body, chain, moved
         FROM entries WHERE {of_run} AND seq = 4"
    );
    assert!(is_noticed(&again), "an entry that nobody wrote");
    assert!(is_noticed("UPDATE blobs SET bytes = CAST('y' AS BLOB)"));
    assert!(is_noticed("DELETE FROM blobs"));
}

#[test]
fn a_damaged_journal_is_named_and_hides_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    database(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute("DELETE FROM entries WHERE seq = 4", []).unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    let error = store.load(&key(1)).unwrap_err();
    let reason = "entry 4 of 5 is missing, and all that followed".to_owned();
    assert_eq!(error, StoreError::Damaged { key: key(1), reason });
    assert!(error.to_string().contains(key(1).run.as_str()));
    assert_eq!(store.load(&key(2)).unwrap().unwrap().len(), 1);
    assert_eq!(store.find(&key(1).tenant, "run_", 9).unwrap().len(), 2, "both are listed");
    store.delete(&key(1), None).unwrap();
    assert_eq!(store.load(&key(1)).unwrap(), None);
}

#[test]
fn a_summary_goes_with_whatever_is_changed_of_its_journal() {
    let of_run = "run = (SELECT min(run) FROM runs)";
    for change in [
        "UPDATE summaries SET text = 'free'".to_owned(),
        format!("DELETE FROM entries WHERE {of_run}"),
        format!("DELETE FROM entries WHERE {of_run} AND seq = 1"),
        format!("UPDATE entries SET body = '{{}}' WHERE {of_run} AND seq = 2"),
        format!(
            "UPDATE entries SET run = (SELECT max(run) FROM runs), seq = 9 WHERE {of_run} AND seq = 4"
        ),
        format!(
            "INSERT INTO entries SELECT tenant, run, 5, kind, body, chain, moved
             FROM entries WHERE {of_run} AND seq = 4"
        ),
        format!(
            "INSERT OR REPLACE INTO entries SELECT tenant, run, seq, kind, '{{}}', chain, moved
             FROM entries WHERE {of_run} AND seq = 2"
        ),
        "REPLACE INTO blobs SELECT tenant, digest, CAST('y' AS BLOB) FROM blobs".to_owned(),
        format!("UPDATE runs SET length = 4 WHERE {of_run}"),
        format!("UPDATE runs SET tip = 'x' WHERE {of_run}"),
        "UPDATE blobs SET bytes = CAST('y' AS BLOB)".to_owned(),
        "DELETE FROM blobs".to_owned(),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        database(&path);
        let mut store = SqliteStore::open(&path).unwrap();
        let row = |store: &mut SqliteStore| {
            store.find(&key(1).tenant, key(1).run.as_str(), 1).unwrap().remove(0)
        };
        let found = row(&mut store);
        let (run, entries, tip) = (found.key.run, found.entries, found.tip);
        let summary = Summary { run, entries, tip, text: "cheap".to_owned() };
        store.put_summaries(&key(1).tenant, &[summary]).unwrap();
        assert_eq!(row(&mut store).summary.as_deref(), Some("cheap"));
        let connection = Connection::open(&path).unwrap();
        assert!(connection.execute(&change, []).unwrap() > 0, "{change}");
        assert_eq!(row(&mut store).summary, None, "{change}");
    }
}
