//! Checks that databases of older programs are migrated.
//!
//! Owns: each released schema with journals in it, and a crash after each statement of
//! the migrations. Never: an empty database, with which the other checks begin.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};
use smol_wf_core::journal::{self, Chain, Record};
use smol_wf_core::report::RunState;

use super::super::schema::{APPLICATION_ID, MIGRATIONS, NEWEST};
use super::{SqliteStore, append};
use crate::conformance::{deleted, key, logged, new_run, taken_over, terms};
use crate::{
    Facts, Journals as _, LARGE_BYTES, Lists as _, Maintenance as _, Page, RunFacts, RunFilter,
};

const RUNS: u32 = 40;

fn records_of(number: u32) -> Vec<Record> {
    let large = format!("shared {}", "x".repeat(2 * LARGE_BYTES));
    let own = number.to_string().repeat(2 * LARGE_BYTES);
    logged(&mut Chain::new(), &["head", &large, &own, "end"])
}

/// A database as a program of this schema wrote it, with this many runs: its tables with
/// what this program writes into the columns that existed then.
pub(super) fn released(path: &Path, schema: usize, runs: u32) {
    let newest = path.with_extension("newest");
    let mut store = SqliteStore::open(&newest).unwrap();
    for number in 0..runs {
        store.create(&new_run(number), terms("me"), &records_of(number)).unwrap();
    }
    store.connection.as_ref().unwrap().execute_batch("UPDATE runs SET owner = NULL").unwrap();
    drop(store);
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    for migration in &MIGRATIONS[..schema] {
        connection.execute_batch(migration).unwrap();
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    connection.pragma_update(None, "user_version", schema as i64).unwrap();
    connection.execute("ATTACH ?1 AS newest", [newest.to_str().unwrap()]).unwrap();
    let ends = if schema > 1 { ", length, tip" } else { "" };
    connection
        .execute_batch(&format!(
            "INSERT INTO main.runs
                 SELECT tenant, run, name, created_at_us, wake_at_us, owner, fence, expires_at_us
                     {ends}
                 FROM newest.runs;
             INSERT INTO main.entries
                 SELECT n.tenant, n.run, e.seq, e.kind, e.body, e.chain, e.moved
                 FROM newest.numbers n JOIN newest.journal e ON e.run = n.number
                 ORDER BY n.number, e.seq;
             INSERT INTO main.blobs SELECT * FROM newest.blobs;"
        ))
        .unwrap();
    if schema > 1 {
        let uses = "INSERT INTO main.blob_uses SELECT * FROM newest.blob_uses";
        connection.execute_batch(uses).unwrap();
    }
}

fn first_release(path: &Path) {
    released(path, 1, RUNS);
}

fn whole(path: &Path) {
    let mut store = SqliteStore::open(path).unwrap();
    let connection = store.connection.as_ref().unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, NEWEST);
    for number in 0..RUNS {
        let records = store.load(&key(number.into())).unwrap().unwrap();
        assert_eq!(records, records_of(number));
        journal::read(&records).unwrap();
    }
}

#[test]
fn the_first_release_is_read_and_written_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    first_release(&path);
    whole(&path);
    let mut store = SqliteStore::open(&path).unwrap();
    let lease = taken_over(&mut store, &key(1), "me");
    let mut chain = Chain::after(&records_of(1));
    append(&mut store, &lease, 4, &logged(&mut chain, &["more"])).unwrap();
    assert_eq!(store.load(&key(1)).unwrap().unwrap().len(), 5);
    // The migration has found the values of each run.
    let values = |store: &SqliteStore| -> u32 {
        let connection = store.connection.as_ref().unwrap();
        connection.query_row("SELECT count(*) FROM blobs", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(values(&store), RUNS + 1);
    deleted(&mut store, &key(2));
    assert_eq!(values(&store), RUNS);
    assert_eq!(store.load(&key(3)).unwrap().unwrap(), records_of(3));
}

#[test]
fn entries_cut_off_before_the_migration_are_noticed_if_possible() {
    for (cut, noticed) in [("seq = 0", true), ("seq = 2", true), ("1", true), ("seq = 3", false)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        first_release(&path);
        let connection = Connection::open(&path).unwrap();
        let cut = format!("DELETE FROM entries WHERE run = '{}' AND {cut}", key(1).run);
        connection.execute(&cut, []).unwrap();
        let mut store = SqliteStore::open(&path).unwrap();
        let sound = store
            .load(&key(1))
            .is_ok_and(|records| records.is_some_and(|records| journal::read(&records).is_ok()));
        assert_eq!(sound, !noticed, "{cut}");
        assert!(store.load(&key(2)).is_ok());
    }
}

/// Copies the files in the middle of a transaction, as a crash leaves them.
fn crashed(path: &Path, directory: &Path) {
    for file in ["runs.db", "runs.db-wal"] {
        fs::copy(path.with_file_name(file), directory.join(file)).unwrap();
    }
}

#[test]
fn a_crash_after_any_statement_leaves_the_old_or_the_new_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("runs.db");
    first_release(&path);
    let connection = Connection::open(&path).unwrap();
    // With a tiny cache, pages go to the log before the commit.
    connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1").unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut points = 0;
    for migration in &MIGRATIONS[1..] {
        let mut statements = Batch::new(&connection, migration);
        while let Some(mut statement) = statements.next().unwrap() {
            statement.raw_execute().unwrap();
            let copy = tempfile::tempdir().unwrap();
            crashed(&path, copy.path());
            whole(&copy.path().join("runs.db"));
            points += 1;
        }
    }
    assert!(points >= 7, "only {points} statements");
    let log = fs::metadata(path.with_file_name("runs.db-wal")).unwrap().len();
    assert!(log > 8192, "the log has {log} bytes: nothing was written early");
    connection.pragma_update(None, "user_version", NEWEST).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    let copy = tempfile::tempdir().unwrap();
    crashed(&path, copy.path());
    whole(&copy.path().join("runs.db"));
}

const DATABASE: &str = "SMOL_WF_STORE_TEST_OLDER_DATABASE";

/// The process that the check below starts and kills.
#[test]
fn migrating() {
    let Some(path) = std::env::var_os(DATABASE) else { return };
    println!("begins");
    let mut store = SqliteStore::open(Path::new(&path)).unwrap();
    let unknown = Page { filter: RunFilter::States(&[]), limit: 4, ..Page::default() };
    let tenant = key(0).tenant;
    loop {
        let rows = store.list(&tenant, &unknown).unwrap();
        if rows.is_empty() {
            println!("ended");
            return;
        }
        let facts = Facts { state: RunState::Failed, parent: None, place: "/p".to_owned() };
        let found: Vec<_> = rows
            .into_iter()
            .map(|row| RunFacts {
                run: row.key.run,
                entries: row.entries,
                tip: row.tip,
                facts: facts.clone(),
            })
            .collect();
        store.put_facts(&tenant, &found).unwrap();
    }
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_or_the_new_schema() {
    let directory = tempfile::tempdir().unwrap();
    let original = directory.path().join("runs.db");
    released(&original, 3, RUNS);
    SqliteStore::open(&original.with_extension("newest")).unwrap().checkpoint().unwrap();
    let settle = "PRAGMA wal_checkpoint(TRUNCATE)";
    Connection::open(&original).unwrap().query_row(settle, [], |_| Ok(())).unwrap();
    let (mut old, mut half, mut new) = (0, 0, 0);
    // How long the whole migration takes on this machine under its current load.
    let mut takes = Duration::ZERO;
    // Kills later and later, until most migrations are complete. Repeated if the machine
    // was too slow or too fast for one of the two ends.
    for kill in 0_u32..240 {
        if kill % 60 == 0 {
            if old > 0 && new > 0 {
                break;
            }
            takes = killed(&original, None).1;
        }
        match killed(&original, Some(takes * (kill % 60) / 45)).0 {
            Left::Old => old += 1,
            Left::Half => half += 1,
            Left::New => new += 1,
        }
    }
    println!("kills: {old} before, {half} while facts were looked up, {new} behind that");
    assert!(old > 0 && new > 0, "{old} before, {half} between, {new} behind");
}

/// The database after a kill.
enum Left {
    Old,
    Half,
    New,
}

/// Starts a process that migrates a copy of this database and kills it after this time,
/// or when it is done. Returns what is left, and how long the process ran.
fn killed(original: &Path, after: Option<Duration>) -> (Left, Duration) {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("runs.db");
    fs::copy(original, &path).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::migration::migrating", "--nocapture"])
        .env(DATABASE, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("begins")));
    let begun = Instant::now();
    match after {
        Some(after) => std::thread::sleep(after),
        None => assert!(lines.any(|line| line.unwrap().contains("ended"))),
    }
    let had = begun.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    let connection = Connection::open(&path).unwrap();
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    let left = if count("PRAGMA user_version") == 3 {
        Left::Old
    } else if count("SELECT count(*) FROM runs WHERE state IS NULL") > 0 {
        Left::Half
    } else {
        Left::New
    };
    drop(connection);
    whole(&path);
    (left, had)
}
