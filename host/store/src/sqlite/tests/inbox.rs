//! Checks of messages in databases of older programs, and beside such programs.
//!
//! Owns: schema 5, which had no messages, and a full inbox. Never: repeats the
//! conformance suite.

use std::path::Path;

use rusqlite::Connection;
use smol_wf_core::journal::Chain;

use super::super::read_only;
use super::super::schema::NEWEST;
use super::migration::released;
use super::{AS_OF_5, SqliteStore, append, create};
use crate::conformance::{
    a_full_inbox_takes_no_message_until_one_is_taken, deleted, key, logged, new_run, taken_over,
};
use crate::{
    BUSY_TIMEOUT, Holder, INBOX_MAX, Inbox as _, InboxState, Journals as _, Leases as _,
    Lists as _, NewMessage, Page, StoreError,
};

const MESSAGE: NewMessage<'_> = NewMessage { by: "ann", posted_at_us: 1, body: "[1]" };

#[test]
fn an_inbox_has_a_bound() {
    let directory = tempfile::tempdir().unwrap();
    let (mut store, lease) = create(&directory.path().join("runs.db"));
    // Posting them one by one would sync the disk for each.
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {INBOX_MAX})
         INSERT INTO messages SELECT tenant, run, i, 'ann', 1, '1' FROM n, runs;
         UPDATE runs SET posted = {INBOX_MAX};"
    );
    store.connection.as_ref().unwrap().execute_batch(&fill).unwrap();
    a_full_inbox_takes_no_message_until_one_is_taken(&mut store, &lease);
}

/// A database of schema 5 whose only run this owner holds.
fn of_schema_5(path: &Path, owner: &str) {
    drop(create(path));
    let connection = Connection::open(path).unwrap();
    connection.execute_batch(AS_OF_5).unwrap();
    connection.execute("UPDATE runs SET owner = ?1", [owner]).unwrap();
}

fn check_holder(owner: &str) -> Holder {
    if owner == "lives" { Holder::Lives } else { Holder::Dead }
}

fn version(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_run_of_schema_5_gets_an_inbox() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    of_schema_5(&path, "dead");
    let mut store = SqliteStore::open_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
    assert_eq!(version(&path), NEWEST);
    assert_eq!(store.inbox(&key(1)).unwrap(), InboxState::default());
    assert_eq!(store.post(&key(1), &MESSAGE), Ok(1));
    let lease = taken_over(&mut store, &key(1), "me");
    append(&mut store, &lease, 1, &logged(&mut Chain::new(), &["next"])).unwrap();
    assert_eq!(store.messages(&key(1), 0, 9).unwrap().len(), 1);
}

#[test]
fn without_messages_in_the_tables_an_inbox_is_empty() {
    for schema in [3, 5] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        if schema == 3 {
            released(&path, schema, 2);
            let hold = "UPDATE runs SET owner = 'lives'";
            Connection::open(&path).unwrap().execute(hold, []).unwrap();
        } else {
            of_schema_5(&path, "lives");
        }
        let mut store =
            SqliteStore::open_or_read_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
        let records = store.load(&key(1)).unwrap().unwrap();
        let tenant = &key(1).tenant;
        assert!(!store.newest(tenant, 0, 9).unwrap().is_empty());
        let page = Page { limit: 9, ..Page::default() };
        assert!(!store.list(tenant, &page).unwrap().is_empty());
        assert_eq!(store.leased().unwrap()[0].1.owner, "lives");
        assert_eq!(store.inbox(&key(1)).unwrap(), InboxState::default());
        assert_eq!(store.messages(&key(1), 0, 9), Ok(Vec::new()));
        let missing = StoreError::NoSuchRun { key: key(9) };
        assert_eq!(store.inbox(&key(9)), Err(missing));
        // A message needs the new tables, and the older program is at work.
        let refused = store.post(&key(1), &MESSAGE).unwrap_err();
        assert!(matches!(refused, StoreError::OlderHolder { .. }), "{refused}");
        assert_eq!(version(&path), schema as i64);
        // Once that program is done, another handle migrates, and readers see it.
        Connection::open(&path).unwrap().execute("UPDATE runs SET owner = NULL", []).unwrap();
        SqliteStore::open(&path).unwrap().post(&key(1), &MESSAGE).unwrap();
        assert_eq!(store.inbox(&key(1)).unwrap(), InboxState { posted: 1, taken: 0 });
        assert_eq!(store.messages(&key(1), 0, 9).unwrap().len(), 1);
        assert_eq!(store.load(&key(1)).unwrap().unwrap(), records);
    }
}

#[test]
fn lists_of_a_database_of_schema_5_are_looked_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    of_schema_5(&path, "lives");
    let connection = read_only::open(&path).unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT run, posted FROM runs WHERE tenant = ?1
        AND (created_at_us, run) < (?2, ?3) ORDER BY created_at_us DESC, run DESC LIMIT 9";
    let mut statement = connection.prepare(sql).unwrap();
    let lines = statement.query_map(rusqlite::params!["local", 7, ""], |row| row.get(3)).unwrap();
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("runs_by_age (tenant=?"), "{lines:?}");
}

/// The writing statements of the program of schema 5, transaction by transaction: it
/// creates a run, continues one and deletes one.
const STATEMENTS_OF_SCHEMA_5: [&[&str]; 3] = [
    &[
        "INSERT INTO runs
             (tenant, run, name, created_at_us, wake_at_us, owner, fence, expires_at_us,
              state, parent, place)
         VALUES ('local', 'new', 'n', 1, NULL, 'older', 1, 9, NULL, NULL, NULL)
         ON CONFLICT DO NOTHING",
        "INSERT INTO numbers (tenant, run) VALUES ('local', 'new') ON CONFLICT DO NOTHING",
        "UPDATE runs SET length = 1, tip = 'c' WHERE tenant = 'local' AND run = 'new'",
    ],
    &[
        "SELECT r.length, n.number
         FROM runs r LEFT JOIN numbers n ON n.tenant = r.tenant AND n.run = r.run
         WHERE r.tenant = 'local' AND r.run = 'RUN'",
        "INSERT INTO journal (run, seq, kind, body, chain, moved)
         SELECT number, 7, 'a', '{}', 'c', 0 FROM numbers WHERE run = 'RUN'",
        "UPDATE runs SET length = 8, tip = 'c' WHERE tenant = 'local' AND run = 'RUN'",
    ],
    &[
        "DELETE FROM journal WHERE run IN (SELECT number FROM numbers WHERE run = 'RUN')",
        "DELETE FROM numbers WHERE tenant = 'local' AND run = 'RUN'",
        "DELETE FROM summaries WHERE tenant = 'local' AND run = 'RUN'",
        "DELETE FROM runs WHERE tenant = 'local' AND run = 'RUN'",
    ],
];

/// An older program that has the database open knows no messages. It works on, and
/// takes those of a run away when it deletes the run.
#[test]
fn a_program_of_schema_5_that_had_opened_the_database_works_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    of_schema_5(&path, "dead");
    let older = Connection::open(&path).unwrap();
    older.pragma_update(None, "foreign_keys", true).unwrap();
    // Like that program, it caches its statements.
    let transact = |statements: &[&str]| {
        let transaction = older.unchecked_transaction().unwrap();
        for sql in statements {
            let sql = sql.replace("RUN", key(1).run.as_str());
            let mut statement = older.prepare_cached(&sql).unwrap();
            if sql.starts_with("SELECT") {
                statement.query_row([], |_| Ok(())).unwrap();
            } else {
                statement.execute([]).unwrap();
            }
        }
        transaction
    };
    for statements in STATEMENTS_OF_SCHEMA_5 {
        transact(statements).rollback().unwrap();
    }
    let mut store = SqliteStore::open_within(&path, BUSY_TIMEOUT, check_holder).unwrap();
    store.post(&key(1), &MESSAGE).unwrap();
    let records = store.load(&key(1)).unwrap().unwrap();
    for statements in &STATEMENTS_OF_SCHEMA_5[..2] {
        transact(statements).rollback().unwrap();
    }
    assert_eq!(store.messages(&key(1), 0, 9).unwrap().len(), 1);
    transact(STATEMENTS_OF_SCHEMA_5[2]).commit().unwrap();
    assert_eq!(store.load(&key(1)).unwrap(), None);
    store.create(&new_run(1), crate::conformance::terms("me"), &records).unwrap();
    assert_eq!(store.inbox(&key(1)).unwrap(), InboxState::default());
    assert_eq!(store.post(&key(1), &MESSAGE), Ok(1));
    deleted(&mut store, &key(1));
    let left = "SELECT count(*) FROM messages";
    assert_eq!(older.query_row(left, [], |row| row.get::<_, i64>(0)), Ok(0));
}
