//! Prints the cost of an append beside that of the smallest durable write, and the times
//! to open a database and to load a journal.
//!
//! Owns: these figures. Never: fails when they are slow, because disks differ.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use smol_wf_core::ids::{RunId, Scope, TenantId};
use smol_wf_core::journal::{Body, Chain, Entry, Record};
use smol_wf_store::{Append, Journals as _, LeaseTerms, NewRun, RunKey, SqliteStore, Wake};

const HOLD: LeaseTerms<'_> = LeaseTerms { owner: "me", lasting: Duration::from_secs(3600) };

type Failed = Box<dyn Error>;

const COMMITS: usize = 400;
const LONG_JOURNAL: usize = 30_000;
const FAN_OUT: u32 = 1000;

/// Records of one step of an agent, of 135 bytes each.
const STEP: usize = 4;
const STEP_WORDS: usize = 16;

fn main() -> Result<(), Failed> {
    // In the current folder by default, because /tmp is often in memory.
    let place = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let directory = tempfile::tempdir_in(place)?;
    floor_and_append(directory.path())?;
    group(&directory.path().join("group.db"))?;
    long(&directory.path().join("long.db"))
}

/// Alternates both writes, so that other load on the disk affects both equally.
fn floor_and_append(directory: &Path) -> Result<(), Failed> {
    let connection = Connection::open(directory.join("floor.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER)",
    )?;
    let mut statement = connection.prepare("INSERT INTO t VALUES (1)")?;
    let mut store = SqliteStore::open(&directory.join("append.db"))?;
    let mut chain = Chain::new();
    let lease = store.create(&run(0), HOLD, &records(&mut chain, 1)?)?;
    let (mut floors, mut appends) = (Vec::new(), Vec::new());
    for commit in 0..COMMITS {
        let start = Instant::now();
        statement.execute([])?;
        floors.push(start.elapsed());
        let records = of_words(&mut chain, STEP, STEP_WORDS)?;
        let first_seq = 1 + (STEP * commit) as u64;
        let batch = Append {
            lease: &lease,
            first_seq,
            records: &records,
            state: None,
            wake: Wake::Keep,
            takes: None,
            release: false,
        };
        let start = Instant::now();
        store.append(&[batch])?.into_iter().collect::<Result<Vec<_>, _>>()?;
        appends.push(start.elapsed());
    }
    println!("bare FULL commit of one row      {:>10.1?}", middle(floors));
    println!("a step: append of 4 records      {:>10.1?}", middle(appends));
    Ok(())
}

fn group(path: &Path) -> Result<(), Failed> {
    let mut store = SqliteStore::open(path)?;
    let mut leases = Vec::new();
    let mut chain = Chain::new();
    let first = records(&mut chain, 1)?;
    for number in 0..FAN_OUT {
        leases.push(store.create(&run(number), HOLD, &first)?);
    }
    let next = records(&mut chain, 3)?;
    let mut first_seq = 1;
    let mut one = || {
        let batch = |lease| Append {
            lease,
            first_seq,
            records: &next,
            state: None,
            wake: Wake::Keep,
            takes: None,
            release: false,
        };
        let batches: Vec<_> = leases.iter().map(batch).collect();
        first_seq += 3;
        store.append(&batches)?.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(())
    };
    let took = median(20, &mut one)?;
    println!("1,000 runs, 3 records each       {took:>10.1?}");
    Ok(())
}

fn long(path: &Path) -> Result<(), Failed> {
    let mut store = SqliteStore::open(path)?;
    let records = records(&mut Chain::new(), LONG_JOURNAL)?;
    let start = Instant::now();
    store.create(&run(0), HOLD, &records)?;
    println!("30,000 records in one commit     {:>10.1?}", start.elapsed());
    let key = run(0).key;
    let mut load = || Ok(store.load(&key).map(drop)?);
    let took = median(11, &mut load)?;
    println!("load of these                    {took:>10.1?}");
    drop(store);
    let mut open = || Ok(SqliteStore::open(path).map(drop)?);
    let took = median(51, &mut open)?;
    println!("open and close                   {took:>10.1?}");
    Ok(())
}

fn median(times: usize, act: &mut dyn FnMut() -> Result<(), Failed>) -> Result<Duration, Failed> {
    let mut took = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        act()?;
        took.push(start.elapsed());
    }
    Ok(middle(took))
}

fn middle(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or_default()
}

fn run(number: u32) -> NewRun {
    let key = RunKey { tenant: TenantId::local(), run: RunId::from_bits(number.into()) };
    NewRun { key, name: "floor".to_owned(), created_at_us: 0, wake_at_us: None, facts: None }
}

/// Records about as long as an entry of an agent's step.
fn records(chain: &mut Chain, count: usize) -> Result<Vec<Record>, Failed> {
    of_words(chain, count, 60)
}

fn of_words(chain: &mut Chain, count: usize, words: usize) -> Result<Vec<Record>, Failed> {
    let body = Body::Logged { scope: Scope::ROOT, message: "word ".repeat(words) };
    let entry = Entry { at_us: 1, body };
    (0..count).map(|_| Ok(chain.seal(&entry)?)).collect()
}
