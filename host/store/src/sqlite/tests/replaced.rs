//! Checks that nothing is reported durable once a file of the database is missing.
//!
//! Owns: each file deleted, moved away, replaced and truncated while a store has it
//! open. Never: other processes.

use std::fs;
use std::path::Path;

use smol_wf_core::journal::Chain;

use super::{SqliteStore, append, create};
use crate::conformance::{key, logged};
use crate::{FileChange, Journals as _, Leases as _, Lists as _, Maintenance as _, StoreError};

/// Changes the files, then commits.
fn commit_after(act: impl Fn(&Path)) -> (tempfile::TempDir, Result<(), StoreError>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut store, lease) = create(&path);
    act(&path);
    let records = logged(&mut Chain::new(), &["next"]);
    let outcome = append(&mut store, &lease, 1, &records);
    if matches!(outcome, Err(StoreError::Replaced { .. })) {
        // No new file is created in its place, and the store stays unusable.
        let before = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(store.release(&lease).unwrap_err(), outcome.clone().unwrap_err());
        assert!(store.load(&key(1)).is_err());
        assert!(store.open_again().is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), before);
    }
    (directory, outcome)
}

fn file(path: &Path, ending: &str) -> std::path::PathBuf {
    path.with_file_name(format!("runs.db{ending}"))
}

#[test]
fn a_commit_into_a_file_that_is_gone_is_an_error() {
    for ending in ["", "-wal", "-shm"] {
        let deleted = |path: &Path| fs::remove_file(file(path, ending)).unwrap();
        let moved = |path: &Path| {
            fs::rename(file(path, ending), path.with_file_name("elsewhere")).unwrap();
        };
        let replaced = |path: &Path| {
            let other = path.with_file_name("other");
            fs::copy(file(path, ending), &other).unwrap();
            fs::rename(&other, file(path, ending)).unwrap();
        };
        let outcomes = [
            (commit_after(deleted), FileChange::Deleted),
            (commit_after(moved), FileChange::Deleted),
            (commit_after(replaced), FileChange::Replaced),
        ];
        for ((_directory, outcome), expected) in outcomes {
            let error = outcome.unwrap_err();
            assert_eq!(error.code(), "store_replaced", "{ending}: {error}");
            assert!(
                matches!(&error, StoreError::Replaced { file, how, .. }
                    if *how == expected && file.to_string_lossy().ends_with(&format!("runs.db{ending}"))),
                "{ending}: {error}"
            );
        }
    }
}

#[test]
fn a_commit_into_a_database_that_is_gone_whole_is_an_error() {
    let all_deleted = |path: &Path| {
        for ending in ["", "-wal", "-shm"] {
            fs::remove_file(file(path, ending)).unwrap();
        }
    };
    let all_replaced = |path: &Path| {
        all_deleted(path);
        drop(create(path));
    };
    let folder_moved = |path: &Path| {
        let folder = path.parent().unwrap();
        fs::rename(folder, folder.with_extension("moved")).unwrap();
        fs::create_dir(folder).unwrap();
    };
    let acts: [&dyn Fn(&Path); 3] = [&all_deleted, &all_replaced, &folder_moved];
    for act in acts {
        let (_directory, outcome) = commit_after(act);
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), "store_replaced", "{error}");
    }
}

#[test]
fn a_commit_into_a_file_that_was_cut_is_an_error() {
    for ending in ["", "-wal"] {
        let cut = |path: &Path| {
            fs::OpenOptions::new()
                .write(true)
                .open(file(path, ending))
                .unwrap()
                .set_len(0)
                .unwrap();
        };
        let (_directory, outcome) = commit_after(cut);
        assert!(outcome.is_err(), "{ending}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_another_database_is_an_error_and_one_to_the_same_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real.db"), directory.path().join("link.db"));
    drop(create(&real));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let mut store = SqliteStore::open(&link).unwrap();
    store.put_summaries(&key(1).tenant, &[]).unwrap();
    let other = directory.path().join("other.db");
    drop(create(&other));
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    assert_eq!(store.put_summaries(&key(1).tenant, &[]).unwrap_err().code(), "store_replaced");
}

#[test]
fn normal_work_of_other_processes_is_not_a_replacement() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut store, lease) = create(&path);
    let mut other = SqliteStore::open(&path).unwrap();
    let mut chain = Chain::new();
    for length in 1..4 {
        append(&mut store, &lease, length, &logged(&mut chain, &["next"])).unwrap();
        // The log was copied into the database, truncated and written again.
        other.clean(length == 2).unwrap();
        other.checkpoint().unwrap();
    }
    drop(other);
    append(&mut store, &lease, 4, &logged(&mut chain, &["last"])).unwrap();
    store.release(&lease).unwrap();
}
