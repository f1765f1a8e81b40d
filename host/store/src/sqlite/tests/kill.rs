//! Checks that every append and message that a killed process saw succeed is there.
//!
//! Owns: the kills. Never: cuts the power; another check compares `synchronous = FULL`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use smol_wf_core::journal::{self, Body, Chain};

use super::{SqliteStore, append, create};
use crate::conformance::{key, logged, taken_over};
use crate::{Append, Inbox as _, InboxState, Journals as _, LARGE_BYTES, NewMessage, Wake};

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
        say(length);
    }
}

#[test]
fn acknowledged_appends_survive_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    drop(create(&path));
    for kill in 0..KILLS {
        let acknowledged = killed("sqlite::tests::kill::writer", &path, kill);
        let mut store = SqliteStore::open(&path).unwrap();
        let records = store.load(&key(1)).unwrap().unwrap();
        assert!(records.len() >= acknowledged, "{} of {acknowledged}", records.len());
        assert_eq!(records.len() % 3, 1, "batches are whole");
        assert_eq!(journal::read(&records).unwrap().len(), records.len());
    }
}

/// The process that the check below starts and kills. It posts two messages, takes what
/// waits with an entry for each, and prints the number of the last message posted.
#[test]
fn poster_and_holder() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    let mut store = SqliteStore::open(Path::new(&path)).unwrap();
    let key = &key(1);
    let lease = &taken_over(&mut store, key, "holder");
    let records = store.load(key).unwrap().unwrap();
    let (mut chain, mut first_seq) = (Chain::after(&records), records.len() as u64);
    loop {
        for _ in 0..2 {
            let message = NewMessage { by: "ann", posted_at_us: 1, body: "[1]" };
            say(store.post(key, &message).unwrap());
        }
        let waiting = store.messages(key, 0, 3).unwrap();
        let texts: Vec<_> = waiting.iter().map(|message| message.number.to_string()).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let records = &logged(&mut chain, &texts);
        let takes = waiting.last().map(|message| message.number);
        let (state, wake, release) = (None, Wake::Keep, false);
        let batch = Append { lease, first_seq, records, state, wake, takes, release };
        store.append(&[batch]).unwrap().remove(0).unwrap();
        first_seq += records.len() as u64;
    }
}

#[test]
fn each_acknowledged_message_is_taken_once_whatever_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    drop(create(&path));
    for kill in 0..KILLS {
        let acknowledged = killed("sqlite::tests::kill::poster_and_holder", &path, kill);
        let mut store = SqliteStore::open(&path).unwrap();
        let InboxState { posted, taken } = store.inbox(&key(1)).unwrap();
        assert!(posted >= acknowledged as u64, "{posted} of {acknowledged}");
        let waiting = store.messages(&key(1), 0, u32::MAX).unwrap();
        let waiting: Vec<_> = waiting.iter().map(|message| message.number).collect();
        assert_eq!(waiting, (taken + 1..=posted).collect::<Vec<_>>());
        let entries = journal::read(&store.load(&key(1)).unwrap().unwrap()).unwrap();
        let said = entries.iter().skip(1).map(|entry| match &entry.body {
            Body::Logged { message, .. } => message.parse().unwrap(),
            other => panic!("{other:?}"),
        });
        assert_eq!(said.collect::<Vec<u64>>(), (1..=taken).collect::<Vec<_>>());
    }
}

/// Starts a process with this database, kills it, and returns the last number that it
/// printed.
fn killed(process: &str, path: &Path, kill: usize) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", process, "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = 0;
    let mut said = 0;
    // At different moments: after some lines, and during the next transaction.
    while said < 1 + kill % 7 {
        if let Some(number) = number(&lines.next().unwrap().unwrap()) {
            acknowledged = number;
            said += 1;
        }
    }
    std::thread::sleep(std::time::Duration::from_micros(kill as u64 * 137 % 3000));
    child.kill().unwrap();
    // Lines that it printed before it died count as well.
    let last = lines.map_while(Result::ok).filter_map(|line| number(&line)).last();
    child.wait().unwrap();
    last.unwrap_or(acknowledged)
}

fn say(number: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "done={number}").unwrap();
    out.flush().unwrap();
}

fn number(line: &str) -> Option<usize> {
    line.split_once("done=").map(|(_, number)| number.parse().unwrap())
}
