//! Checks of a full disk and of a read-only disk.
//!
//! Owns: that nothing is reported durable that is not. Never: needs root; a check that
//! only root can set up prints that it was left out.

use std::fs;
use std::path::Path;
use std::process::Command;

use smol_wf_core::journal::{self, Chain};

use super::{SqliteStore, append, create};
use crate::conformance::{key, logged};
use crate::{Journals as _, Leases as _, Lists as _, Maintenance as _, StoreError};

#[test]
fn a_full_database_loses_nothing_and_goes_on_when_there_is_space() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let (mut store, lease) = create(&path);
    let connection = store.connection.as_ref().unwrap();
    connection.pragma_update(None, "max_page_count", 40).unwrap();
    let mut chain = Chain::after(&store.load(&key(1)).unwrap().unwrap());
    let mut length = 1;
    let error = loop {
        let mut next = chain.clone();
        let records = logged(&mut next, &["x".repeat(3000).as_str(); 3]);
        match append(&mut store, &lease, length, &records) {
            Ok(()) => (length, chain) = (length + 3, next),
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::DiskFull { path });
    assert!(store.connection.is_none(), "it is not trusted any more");
    // The next call opens another connection, which has no limit.
    let records = logged(&mut chain, &["after"]);
    append(&mut store, &lease, length, &records).unwrap();
    let loaded = store.load(&key(1)).unwrap().unwrap();
    assert_eq!(loaded.len(), length + 1);
    journal::read(&loaded).unwrap();
}

/// A separate file system, unmounted at the end.
struct Mount(tempfile::TempDir);

impl Mount {
    /// None where we may not mount.
    fn small() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mount = Self(directory);
        mount.run("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).then_some(mount)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let done = Command::new(program).args(arguments).arg(self.path()).output();
        let worked = done.is_ok_and(|done| done.status.success());
        if !worked {
            println!("left out: `{program}` does not work here");
        }
        worked
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.run("umount", &[]);
    }
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_when_there_is_space() {
    let Some(mount) = Mount::small() else { return };
    let path = mount.path().join("runs.db");
    fs::write(mount.path().join("ballast"), vec![0; 400 * 1024]).unwrap();
    let (mut store, lease) = create(&path);
    let mut chain = Chain::after(&store.load(&key(1)).unwrap().unwrap());
    let mut length = 1;
    let mut fill = |store: &mut SqliteStore, most: usize| {
        for _ in 0..most {
            let mut next = chain.clone();
            let records = logged(&mut next, &["x".repeat(3000).as_str(); 3]);
            match append(store, &lease, length, &records) {
                Ok(()) => (length, chain) = (length + 3, next),
                Err(error) => return (length, Some(error)),
            }
        }
        (length, None)
    };
    let (before, error) = fill(&mut store, 1000);
    assert_eq!(error, Some(StoreError::DiskFull { path: path.clone() }));
    // Another attempt gets the same error.
    let (still, error) = fill(&mut store, 1000);
    assert_eq!(error, Some(StoreError::DiskFull { path: path.clone() }));
    fs::remove_file(mount.path().join("ballast")).unwrap();
    let (after, error) = fill(&mut store, 5);
    assert_eq!(error, None);
    assert!(before > 1 && still >= before && after == still + 15);
    drop(store);
    let loaded = SqliteStore::open(&path).unwrap().load(&key(1)).unwrap().unwrap();
    assert_eq!(loaded.len(), after);
    journal::read(&loaded).unwrap();
}

#[test]
fn a_database_that_may_only_be_read_is_read_and_refuses_to_be_written() {
    let Some(mount) = Mount::small() else { return };
    let path = mount.path().join("runs # 1%.db");
    let (store, lease) = create(&path);
    drop(store);
    if !mount.run("mount", &["-o", "remount,ro"]) {
        return;
    }
    for path in [&path, &mount.path().join("other.db")] {
        let error = SqliteStore::open(path).unwrap_err();
        assert_eq!(error.code(), "store_not_writable", "{error}");
    }
    let mut store = SqliteStore::open_or_read(&path).unwrap();
    let refused = |outcome: Result<(), StoreError>| {
        assert_eq!(outcome.unwrap_err().code(), "store_not_writable");
    };
    refused(store.release(&lease));
    refused(store.put_summaries(&lease.key.tenant, &[]));
    refused(store.clean(true));
    assert_eq!(store.load(&lease.key).unwrap().unwrap().len(), 1, "and it can still be read");
    assert_eq!(store.find(&lease.key.tenant, "run_", 9).unwrap().len(), 1);
    let missing = SqliteStore::open_or_read(&mount.path().join("other.db")).unwrap_err();
    assert_eq!(missing.code(), "store_not_writable", "{missing}");
}

#[test]
fn entries_in_the_log_alone_are_read_or_reported() {
    let Some(mount) = Mount::small() else { return };
    let path = mount.path().join("runs.db");
    let (mut store, lease) = create(&path);
    let mut chain = Chain::new();
    let first = logged(&mut chain, &["first"]).len();
    append(&mut store, &lease, first, &logged(&mut chain, &["second"])).unwrap();
    // The files as a killed process leaves them.
    let copy = mount.path().join("copy.db");
    let alone = mount.path().join("alone.db");
    for ending in ["", "-wal", "-shm"] {
        let name = |path: &Path| format!("{}{ending}", path.display());
        fs::copy(name(&path), name(&copy)).unwrap();
        if ending != "-shm" {
            fs::copy(name(&path), name(&alone)).unwrap();
        }
    }
    drop(store);
    if !mount.run("mount", &["-o", "remount,ro"]) {
        return;
    }
    let mut store = SqliteStore::open_or_read(&copy).unwrap();
    assert_eq!(store.load(&lease.key).unwrap().unwrap().len(), 2);
    let error = SqliteStore::open_or_read(&alone).unwrap_err();
    assert_eq!(error.code(), "store_not_writable", "{error}");
    assert!(error.to_string().contains("-wal"), "{error}");
}
