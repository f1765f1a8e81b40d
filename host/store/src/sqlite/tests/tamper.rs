//! Checks that an edited database is noticed.
//!
//! Owns: every column of the tables with journals. Never: an attacker who computes all
//! digests again, since there is no key.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use smol_wf_core::codes::Code;
use smol_wf_core::journal::{self, Chain, Record};

use super::{AS_OF_OLD, SqliteStore};
use crate::conformance::{key, load_in_segments, logged, new_run, terms};
use crate::{Journals as _, LARGE_BYTES, Leases as _, Lists as _, ReadLimit, StoreError, Summary};

/// A run of five entries, of which the third is large, and another run.
fn database(path: &Path) -> Vec<Record> {
    let mut store = SqliteStore::open(path).unwrap();
    let large = "x".repeat(2 * LARGE_BYTES);
    let records = logged(&mut Chain::new(), &["a", "b", &large, "d", "e"]);
    let lease = store.create(&new_run(1), terms("me"), &records).unwrap();
    store.release(&lease).unwrap();
    store.create(&new_run(2), terms("me"), &records[..1]).unwrap();
    records
}

/// A table of entries, and the conditions for those of the first and the last run.
struct Table {
    name: &'static str,
    first: &'static str,
    last: &'static str,
}

const JOURNAL: Table = Table {
    name: "journal",
    first: "(SELECT min(number) FROM numbers)",
    last: "(SELECT max(number) FROM numbers)",
};

/// The table for runs of older programs.
const ENTRIES: Table = Table {
    name: "older_entries",
    first: "(SELECT min(run) FROM runs)",
    last: "(SELECT max(run) FROM runs)",
};

impl Table {
    fn made(&self, path: &Path) -> (Vec<Record>, Connection) {
        let written = database(path);
        let connection = Connection::open(path).unwrap();
        if self.name == ENTRIES.name {
            connection.execute_batch(AS_OF_OLD).unwrap();
        }
        (written, connection)
    }

    /// The statement for this table, on the first run unless it names another.
    fn fill(&self, statement: &str) -> String {
        let columns = match self.name {
            "older_entries" => "tenant, run",
            _ => "run",
        };
        statement
            .replace("ENTRIES", self.name)
            .replace("NAMES", columns)
            .replace("FIRST", self.first)
            .replace("LAST", self.last)
    }
}

/// Reads after a change: equal records, or that the change was noticed.
fn is_noticed(table: &Table, change: &str) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (written, connection) = table.made(&path);
    let change = &table.fill(change);
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let changed = connection.execute(change, []).unwrap();
    assert!(changed > 0, "this changes nothing: {change}");
    drop(connection);
    let mut store = SqliteStore::open(&path).unwrap();
    let whole = store.load(&key(1));
    for limit in [1, 2, 5] {
        let segments = load_in_segments(&mut store, &key(1), ReadLimit::records(limit));
        assert_eq!(segments, whole, "{change}, by {limit}");
    }
    match whole {
        Err(error) => {
            let codes = [Code::JournalDamaged, Code::StoreCorrupt];
            assert!(codes.contains(&error.code()), "{change}: {error}");
            true
        }
        Ok(None) => panic!("the run is missing without an error: {change}"),
        Ok(Some(records)) => {
            let sound = journal::read(&records).is_ok();
            assert!(!sound || records == written, "unnoticed: {change}");
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
    // A packed body without its mark is noticed; an extra mark has no effect.
    let changes = [
        ("tenant", "tenant = 'x'", true),
        ("run", "run = LAST, seq = 7", true),
        ("seq", "seq = seq + 100", true),
        ("kind", "kind = 'settled'", true),
        ("body", "body = replace(body, '\"at_us\":1', '\"at_us\":2')", true),
        ("chain", "chain = lower(hex(zeroblob(32)))", true),
        ("moved", "moved = 1 - moved", false),
    ];
    for (table, changes) in [(ENTRIES, &changes[..]), (JOURNAL, &changes[1..])] {
        let named: BTreeSet<String> = changes.iter().map(|change| change.0.to_owned()).collect();
        assert_eq!(columns(table.name), named);
        for (column, change, always) in changes {
            for seq in 0..5 {
                let change =
                    format!("UPDATE ENTRIES SET {change} WHERE run = FIRST AND seq = {seq}");
                let expected = *always || seq == 2;
                assert_eq!(is_noticed(&table, &change), expected, "{column} of entry {seq}");
            }
        }
    }
}

#[test]
fn a_number_that_is_changed_is_noticed() {
    for change in [
        "UPDATE numbers SET number = 77 WHERE number = FIRST",
        "UPDATE numbers SET run = 'run_zzzzzzzzzzzzzzzzzzzzzzzzzz' WHERE number = FIRST",
        "UPDATE numbers SET tenant = 'x' WHERE number = FIRST",
        "DELETE FROM numbers WHERE number = FIRST",
    ] {
        assert!(is_noticed(&JOURNAL, change), "{change}");
    }
}

#[test]
fn a_change_of_any_column_of_a_run_is_noticed_or_changes_no_journal() {
    // The lease, the wake-up and the inbox concern processes. The name, the creation time and the
    // facts are in the entries as well, and the reader compares them.
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
        ("posted", "posted = 77", false),
        ("taken", "posted = 77, taken = 77", false),
        ("state", "state = 'failed'", false),
        ("parent", "parent = 'x'", false),
        ("place", "place = 'x'", false),
    ];
    let named: BTreeSet<String> = changes.iter().map(|change| change.0.to_owned()).collect();
    assert_eq!(columns("runs"), named);
    for (column, change, expected) in changes {
        let change = format!("UPDATE runs SET {change} WHERE run = (SELECT min(run) FROM runs)");
        for table in [ENTRIES, JOURNAL] {
            assert_eq!(is_noticed(&table, &change), expected, "{column}");
        }
    }
}

#[test]
fn entries_cut_off_anywhere_are_noticed() {
    for table in [ENTRIES, JOURNAL] {
        for cut in ["seq = 0", "seq = 2", "seq = 4", "seq >= 3", "seq >= 1", "seq >= 0"] {
            let cut = format!("DELETE FROM ENTRIES WHERE run = FIRST AND {cut}");
            assert!(is_noticed(&table, &cut), "{cut}");
        }
        assert!(is_noticed(&table, "DELETE FROM runs WHERE run = (SELECT min(run) FROM runs)"));
        let again = "INSERT INTO ENTRIES SELECT NAMES, 5, kind, body, chain, moved
             FROM ENTRIES WHERE run = FIRST AND seq = 4";
        assert!(is_noticed(&table, again), "an entry that nobody wrote");
        assert!(is_noticed(&table, "UPDATE blobs SET bytes = CAST('y' AS BLOB)"));
        assert!(is_noticed(&table, "DELETE FROM blobs"));
    }
}

#[test]
fn a_damaged_journal_is_named_and_does_not_hide_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    database(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute("DELETE FROM journal WHERE seq = 4", []).unwrap();
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
fn any_change_of_a_journal_deletes_its_summary() {
    let changes = [
        "UPDATE summaries SET text = 'free'",
        "DELETE FROM ENTRIES WHERE run = FIRST",
        "DELETE FROM ENTRIES WHERE run = FIRST AND seq = 1",
        "UPDATE ENTRIES SET body = '{}' WHERE run = FIRST AND seq = 2",
        "UPDATE ENTRIES SET run = LAST, seq = 9 WHERE run = FIRST AND seq = 4",
        "INSERT INTO ENTRIES SELECT NAMES, 5, kind, body, chain, moved
         FROM ENTRIES WHERE run = FIRST AND seq = 4",
        "INSERT OR REPLACE INTO ENTRIES SELECT NAMES, seq, kind, '{}', chain, moved
         FROM ENTRIES WHERE run = FIRST AND seq = 2",
        "REPLACE INTO blobs SELECT tenant, digest, CAST('y' AS BLOB) FROM blobs",
        "UPDATE runs SET length = 4 WHERE run = (SELECT min(run) FROM runs)",
        "UPDATE runs SET tip = 'x' WHERE run = (SELECT min(run) FROM runs)",
        "UPDATE blobs SET bytes = CAST('y' AS BLOB)",
        "DELETE FROM blobs",
    ];
    let all = [ENTRIES, JOURNAL].into_iter().flat_map(|table| changes.map(|one| table.fill(one)));
    for (nth, change) in all.enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        let table = if nth < changes.len() { ENTRIES } else { JOURNAL };
        drop(table.made(&path));
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
