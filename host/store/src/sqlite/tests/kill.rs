//! Checks that every append that a killed process saw succeed is there.
//!
//! Owns: the kills. Never: cuts the power; another check compares `synchronous = FULL`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use smol_wf_core::journal::{self, Chain};

use super::{SqliteStore, append, create};
use crate::conformance::{key, logged, taken_over};
use crate::{Journals as _, LARGE_BYTES};

const KILLS: usize = 40;
const DATABASE: &str = "SMOL_WF_STORE_TEST_DATABASE";

/// The process that the check below starts and kills. It prints the length of the journal
/// after each append that succeeded.
#[test]
fn writer() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let mut store = SqliteStore::open(Path::new(&path)).unwrap();
    let lease = taken_over(&mut store, &key(1), "writer");
    let records = store.load(&key(1)).unwrap().unwrap();
    let (mut chain, mut length) = (Chain::after(&records), records.len());
    loop {
        let large = length.to_string().repeat(LARGE_BYTES);
        let records = logged(&mut chain, &["small", &large, "small"]);
        append(&mut store, &lease, length, &records).unwrap();
        length += records.len();
        let mut out = std::io::stdout().lock();
        writeln!(out, "length={length}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn acknowledged_appends_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    drop(create(&path));
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::tests::kill::writer", "--nocapture"])
            .env(DATABASE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let mut said = 0;
        // At different moments: after some lines, and during the next append.
        while said < 1 + kill % 7 {
            if let Some(length) = length(&lines.next().unwrap().unwrap()) {
                acknowledged = length;
                said += 1;
            }
        }
        std::thread::sleep(std::time::Duration::from_micros(kill as u64 * 137 % 3000));
        child.kill().unwrap();
        // Lines that it printed before it died count as well.
        acknowledged = lines
            .map_while(Result::ok)
            .filter_map(|line| length(&line))
            .last()
            .unwrap_or(acknowledged);
        child.wait().unwrap();
        let mut store = SqliteStore::open(&path).unwrap();
        let records = store.load(&key(1)).unwrap().unwrap();
        assert!(records.len() >= acknowledged, "{} of {acknowledged}", records.len());
        assert_eq!(records.len() % 3, 1, "batches are whole");
        assert_eq!(journal::read(&records).unwrap().len(), records.len());
    }
}

fn length(line: &str) -> Option<usize> {
    line.split_once("length=").map(|(_, length)| length.parse().unwrap())
}
