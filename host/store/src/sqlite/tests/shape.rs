//! Checks of the schema of every version, and that no other schema is opened.
//!
//! Owns: the digests and the image of a new database, compared with the migrations.
//! Never: journals.

use std::fs;

use rusqlite::Connection;
use smol_wf_core::journal::Chain;

use super::super::open::NEW_DATABASE;
use super::super::schema::{APPLICATION_ID, MIGRATIONS, NEWEST, SHAPES, digest, objects, shape};
use super::{SqliteStore, create};
use crate::conformance::{key, logged, taken_over};
use crate::{Append, Journals as _, Leases as _, Maintenance as _, Wake};

#[test]
fn the_digests_are_those_of_the_migrations() {
    for (version, expected) in (1..=MIGRATIONS.len()).zip(SHAPES) {
        assert_eq!(digest(&shape(version).unwrap()).as_str(), expected, "version {version}");
    }
}

const TABLES: [&str; 8] =
    ["runs", "numbers", "journal", "older_entries", "blobs", "blob_uses", "summaries", "messages"];

#[test]
fn the_image_of_a_new_database_equals_the_migrations() {
    let directory = tempfile::tempdir().unwrap();
    let text = |connection: &Connection, name: &str| -> String {
        let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
        connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let described = |image: &[u8]| {
        let path = directory.path().join("image.db");
        let _ = fs::remove_file(directory.path().join("image.db-wal"));
        let _ = fs::remove_file(directory.path().join("image.db-shm"));
        fs::write(&path, image).unwrap();
        drop(SqliteStore::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        let settings = [
            "page_size",
            "user_version",
            "application_id",
            "encoding",
            "auto_vacuum",
            "journal_mode",
        ];
        let settings = settings.map(|name| text(&connection, name));
        let rows: i64 = TABLES
            .iter()
            .map(|table| -> i64 {
                let sql = format!("SELECT count(*) FROM {table}");
                connection.query_row(&sql, [], |row| row.get(0)).unwrap()
            })
            .sum();
        let sound: String =
            connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        (settings, objects(&connection).unwrap(), rows, sound)
    };
    let ready_made = described(NEW_DATABASE);
    assert_eq!(
        ready_made,
        described(b""),
        "make it anew: cargo run -p smol-wf-store --example new_database host/store/migrations/new.db"
    );
    assert_eq!(ready_made.0[1], NEWEST.to_string());
    // The file itself selects write-ahead logging, so that no change of mode is synced.
    assert_eq!(NEW_DATABASE[18..20], [2, 2]);
}

#[test]
fn an_object_of_no_migration_is_refused_by_name() {
    for (change, named) in [
        ("CREATE VIEW answers AS SELECT * FROM older_entries", "view `answers`"),
        (
            "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM older_entries; END",
            "trigger `t`",
        ),
        ("CREATE TABLE notes (text)", "table `notes`"),
        ("CREATE INDEX i ON journal (kind)", "index `i`"),
        (
            "CREATE TRIGGER t INSTEAD OF DELETE ON entries BEGIN DELETE FROM journal; END",
            "trigger `t`",
        ),
        ("DROP VIEW entries; CREATE VIEW entries AS SELECT 1", "another view `entries`"),
        ("CREATE TRIGGER t AFTER INSERT ON messages BEGIN DELETE FROM journal; END", "trigger `t`"),
        ("ALTER TABLE messages ADD COLUMN more TEXT", "another table `messages`"),
        ("DROP TRIGGER entries_deleted", "no trigger `entries_deleted`"),
        ("DROP TRIGGER journal_deleted", "no trigger `journal_deleted`"),
        ("ALTER TABLE runs ADD COLUMN more TEXT DEFAULT 'x'", "another table `runs`"),
        (
            "ALTER TABLE runs RENAME TO old; CREATE VIEW runs AS
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
            "view `runs`",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        drop(create(&path));
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.code(), "store_altered", "{change}: {error}");
        assert!(error.to_string().contains(named), "{change}: {error}");
        assert!(SqliteStore::open_or_read(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[test]
fn tables_of_sqlite_itself_are_not_a_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    drop(create(&path));
    Connection::open(&path).unwrap().execute_batch("ANALYZE; VACUUM; REINDEX").unwrap();
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_copy_of_the_main_file_is_whole_once_it_is_checkpointed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("runs.db"), directory.path().join("copy.db"));
    let (mut store, lease) = create(&path);
    store.release(&lease).unwrap();
    store.checkpoint().unwrap();
    fs::copy(&path, &copy).unwrap();
    let mut copied = SqliteStore::open(&copy).unwrap();
    assert_eq!(copied.load(&lease.key).unwrap().unwrap().len(), 1);
}

#[test]
fn the_last_entry_settles_its_journal_unless_somebody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let copied = |name: &str| {
        let copy = directory.path().join(name);
        fs::copy(&path, &copy).unwrap();
        SqliteStore::open(&copy).unwrap().load(&key(1)).unwrap().unwrap().len()
    };
    let (mut store, first) = create(&path);
    let last = |store: &mut SqliteStore, length: usize| {
        let lease = &taken_over(store, &key(1), "next");
        let records = logged(&mut Chain::new(), &["last"]);
        let wake = Wake::Keep;
        let first_seq = length as u64;
        let last = Append {
            lease,
            first_seq,
            records: &records,
            state: None,
            wake,
            takes: None,
            release: true,
        };
        store.append(&[last]).unwrap().remove(0).unwrap();
        assert!(store.leased().unwrap().is_empty());
        let sync = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let connection = store.connection.as_ref().unwrap();
        let sync = connection.query_row("PRAGMA synchronous", [], sync).unwrap();
        assert_eq!(sync, 2, "FULL, as before");
    };
    store.release(&first).unwrap();
    last(&mut store, 1);
    assert_eq!(copied("whole.db"), 2);
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM runs").unwrap();
    last(&mut store, 2);
    assert_eq!(copied("behind.db"), 2);
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 3);
    drop(reader);
    store.checkpoint().unwrap();
    assert_eq!(copied("settled.db"), 3);
}

#[test]
fn many_open_a_new_database_at_once() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/runs.db");
        std::thread::scope(|scope| {
            let open = || SqliteStore::open(&path).map(|_| ()).map_err(|error| error.to_string());
            let opened: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            for opened in opened {
                assert_eq!(opened.join().unwrap(), Ok(()));
            }
        });
        let mut names: Vec<_> = fs::read_dir(path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["runs.db", "runs.db-shm", "runs.db-wal"], "nothing else is left");
    }
}

#[test]
fn our_mark_without_a_version_is_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    for version in [0, -1] {
        let path = directory.path().join(format!("{version}.db"));
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "CREATE TABLE notes (text); PRAGMA application_id = {APPLICATION_ID};
                 PRAGMA user_version = {version};"
            ))
            .unwrap();
        drop(connection);
        let before = fs::read(&path).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.code(), "store_altered", "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
