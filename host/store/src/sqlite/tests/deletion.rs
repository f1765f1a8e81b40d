//! Checks that deleted bytes are not in any file.
//!
//! Owns: bytes on disk. Never: the checks of the conformance suite.

use std::fs;
use std::path::Path;

use smol_wf_core::journal::Chain;

use super::SqliteStore;
use crate::conformance::{deleted, key, logged, new_run, terms};
use crate::{Journals as _, LARGE_BYTES, Maintenance as _};

fn files_hold(directory: &Path, text: &str) -> bool {
    fs::read_dir(directory).unwrap().any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn deleted_text_is_gone_from_all_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
    let large = "the large secret ".repeat(LARGE_BYTES);
    let one = logged(&mut Chain::new(), &["the small secret", &large]);
    let two = logged(&mut Chain::new(), &["the other text"]);
    store.create(&new_run(1), terms("me"), &one).unwrap();
    store.create(&new_run(2), terms("me"), &two).unwrap();
    assert!(files_hold(directory.path(), "the small secret"));
    deleted(&mut store, &key(1));
    store.clean(false).unwrap();
    for secret in ["the small secret", "the large secret"] {
        assert!(!files_hold(directory.path(), secret), "{secret}");
    }
    assert!(files_hold(directory.path(), "the other text"));
    assert_eq!(store.load(&key(2)).unwrap(), Some(two));
}

#[test]
fn shrinking_gives_the_space_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    let mut store = SqliteStore::open(&path).unwrap();
    for number in 0..20 {
        let large = number.to_string().repeat(100_000);
        let records = logged(&mut Chain::new(), &[&large]);
        store.create(&new_run(number), terms("me"), &records).unwrap();
    }
    for number in 0..19 {
        deleted(&mut store, &key(number));
    }
    let size = || fs::metadata(&path).unwrap().len();
    store.clean(false).unwrap();
    let before = size();
    store.clean(true).unwrap();
    assert!(size() < before / 4, "{before} bytes became {}", size());
    assert_eq!(store.load(&key(19)).unwrap().unwrap().len(), 1);
}
