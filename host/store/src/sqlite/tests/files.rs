//! Checks of the database file: its mode, and other things at its path.
//!
//! Owns: every way in which a path can be wrong. Never: a full disk.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use smol_wf_core::journal::Chain;

use super::super::schema::NEWEST;
use super::{SqliteStore, append, create};
use crate::conformance::{LONG, logged};
use crate::{Journals as _, Leases as _, Maintenance as _, StoreError};

/// The error of opening this path; its message names the path.
fn refused(path: &Path) -> StoreError {
    let error = SqliteStore::open(path).unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    error
}

#[test]
fn the_linked_sqlite_is_sound() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn the_settings_are_those_that_durability_depends_on() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
    let connection = store.connection.as_ref().unwrap();
    let text = |name: &str| -> String {
        connection
            .query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| {
                row.get(0)
            })
            .unwrap()
    };
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!(text("synchronous"), "2");
    assert_eq!(text("foreign_keys"), "1");
    assert_eq!(text("trusted_schema"), "0");
    assert_eq!(text("secure_delete"), "1");
    let waits: i64 = connection
        .query_row("SELECT timeout FROM pragma_busy_timeout", [], |row| row.get(0))
        .unwrap();
    assert_eq!(u128::from(waits.unsigned_abs()), crate::BUSY_TIMEOUT.as_millis());
}

#[cfg(unix)]
#[test]
fn new_files_are_readable_only_for_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let made = directory.path().join("a/b");
    let path = made.join("runs.db");
    let (_store, _) = create(&path);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for file in ["runs.db", "runs.db-wal", "runs.db-shm"] {
        assert_eq!(mode(&made.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&made), 0o700);
    assert_eq!(mode(&directory.path().join("a")), 0o700);
    assert_eq!(mode(directory.path()), 0o755, "this one was there before");
}

#[test]
fn a_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(refused(directory.path()).code(), "store_is_directory");
}

#[test]
fn a_file_that_is_not_a_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    for content in ["just some notes", &"no database at all\n".repeat(1000)] {
        fs::write(&path, content).unwrap();
        assert_eq!(refused(&path).code(), "store_corrupt");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_refused() {
    for path in ["/dev/null", "/dev/zero"] {
        assert_eq!(refused(path.as_ref()).code(), "store_not_a_file", "{path}");
    }
}

/// Copies the log into the database, which is then one file.
fn into_one_file(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

#[test]
fn a_truncated_database_is_noticed_before_anything_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (store, lease) = create(&path);
    drop(store);
    into_one_file(&path);
    let whole = fs::read(&path).unwrap();
    for kept in [50, 100, 600, 4096, whole.len() / 2, whole.len() - 4096] {
        fs::write(&path, &whole[..kept]).unwrap();
        let outcome = SqliteStore::open(&path).and_then(|mut store| {
            store.load(&lease.key)?;
            store.renew(&lease, LONG)?;
            append(&mut store, &lease, 1, &logged(&mut Chain::new(), &["next"]))
        });
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "store_corrupt", "{kept} bytes: {error}");
    }
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE notes (text)").unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(refused(&path).code(), "store_foreign");
    assert_eq!(fs::read(&path).unwrap(), before);
    let marked = directory.path().join("marked.db");
    Connection::open(&marked).unwrap().execute_batch("PRAGMA application_id = 5").unwrap();
    assert_eq!(refused(&marked).code(), "store_foreign");
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    drop(create(&path));
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let newer = StoreError::Newer { found: 99, supported: NEWEST, path: path.clone() };
    assert_eq!(refused(&path), newer);
}

#[test]
fn an_empty_file_becomes_a_database() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    fs::write(&path, "").unwrap();
    drop(create(&path));
}

#[test]
fn an_unwritable_path_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(refused(&file.join("runs.db")).code(), "store_not_writable");
    if cfg!(target_os = "linux") {
        assert_eq!(refused(Path::new("/proc/nope/runs.db")).code(), "store_not_writable");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    std::os::unix::fs::symlink(directory.path().join("gone/runs.db"), &path).unwrap();
    assert_eq!(refused(&path).code(), "store_not_writable");
}

#[test]
fn another_writer_is_waited_for_and_then_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut store, lease) = create(&path);
    // The whole wait would only make the check slow.
    store.wait_for_lock(std::time::Duration::from_millis(20));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.release(&lease), Err(StoreError::Busy { path }));
    assert_eq!(store.load(&lease.key).unwrap().unwrap().len(), 1, "readers do not wait");
    other.execute_batch("COMMIT").unwrap();
    store.release(&lease).unwrap();
}

#[test]
fn a_check_finds_a_page_that_is_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut store, _) = create(&path);
    store.check().unwrap();
    drop(store);
    into_one_file(&path);
    // All pages but the first, which opening reads.
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 8_192, "{}", bytes.len());
    bytes[4_096..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let damaged = SqliteStore::open(&path).and_then(|mut store| store.check()).unwrap_err();
    assert!(matches!(damaged, StoreError::Corrupt { .. }), "{damaged}");
}
