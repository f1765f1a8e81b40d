//! `cargo bench -p smol-wf --bench history`: lists and sums over 20,000 runs.
//!
//! Owns: measuring. Never: judges; see docs/performance.md.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use smol_wf_core::archive;
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{Body, Chain, Entry, RunEnd};
use smol_wf_core::report::RunState;
use smol_wf_engine::{
    Engine, EngineOptions, Folders, HistoryPage, Lines, RunJournal, RunSettings, RunSpec,
    ScriptFile, SqliteStore,
};

const RUNS: u32 = 20_000;

/// One run of so many fails.
const FAILS: u32 = 100;

/// Eight agents of which one fails: some 40 entries.
const SCRIPT: &str = "export const meta = { name: 'bench', description: 'Measures' }\n\
    phase('Ask')\nconst all = await parallel([0, 1, 2, 3, 4, 5, 6, 7].map(n => () => agent('item ' + n, { label: 'l' + n })))\n\
    return all\n";

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(dir.path()));
}

fn engine(dir: &Path) -> Engine {
    let store = Box::new(SqliteStore::open(&dir.join("runs.db")).expect("a database"));
    Engine::new(EngineOptions::over(store)).expect("an engine")
}

/// The same as an older program would have left it: nothing is known of its runs.
fn forgotten(dir: &Path) -> Engine {
    let connection = rusqlite::Connection::open(dir.join("runs.db")).expect("the database");
    connection
        .execute_batch(
            "UPDATE runs SET state = NULL, parent = NULL, place = NULL; DELETE FROM summaries;",
        )
        .expect("nothing known");
    engine(dir)
}

async fn measure(dir: &Path) {
    let engine = engine(dir);
    let script = ScriptFile { bytes: SCRIPT.into(), path: dir.join("bench.mjs") };
    let request = RunSpec {
        debug_rules: vec!["#3=fail".into()],
        seed: Some(1),
        settings: RunSettings {
            folders: Folders { project_root: Some(dir.to_owned()), ..Folders::default() },
            ..RunSettings::default()
        },
        ..RunSpec::new(script)
    };
    let report = engine.start(request).expect("a start").wait().await.expect("a run");
    let journal = engine.journal(&report.run_id).await.expect("its journal");
    let started = Instant::now();
    for number in 1..RUNS {
        engine.import(copy(&journal, number)).await.expect("a copy");
    }
    let entries = journal.entries.len();
    row(&format!("make {RUNS} runs of {entries} entries"), started.elapsed());
    let page = |limit| HistoryPage { limit, ..HistoryPage::default() };
    let failed = || HistoryPage { states: vec![RunState::Failed], ..page(50) };
    let forks = HistoryPage { parent: Some(report.run_id.clone()), ..page(50) };
    list(&engine, "50 that failed, for the first time", failed(), 50).await;
    list(&engine, "50 that failed, again", failed(), 50).await;
    list(&engine, "forks of a run", forks, 0).await;
    list(&engine, "the newest 50, for the first time", page(50), 50).await;
    list(&engine, "all, for the first time", page(u32::MAX), RUNS).await;
    list(&engine, "all, again", page(u32::MAX), RUNS).await;
    list(&engine, "the newest 50, again", page(50), 50).await;
    let paused = HistoryPage { states: vec![RunState::Paused], ..page(50) };
    list(&engine, "50 in a state that none is in", paused, 0).await;
    drop(engine);
    for args in [&["history"][..], &["history", "--limit", "20000"], &["history", "usage"]] {
        let started = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_smol-wf"))
            .args(args)
            .env("SMOL_WF_DB", dir.join("runs.db"))
            .stdout(Stdio::null())
            .status()
            .expect("the program");
        assert!(status.success());
        row(&format!("smol-wf {}, whole process", args.join(" ")), started.elapsed());
    }
    let engine = forgotten(dir);
    list(&engine, "50 that failed, of runs of an older program", failed(), 50).await;
    list(&engine, "50 that failed, again", failed(), 50).await;
    drop(engine);
}

async fn list(engine: &Engine, what: &str, page: HistoryPage, expected: u32) {
    let started = Instant::now();
    let runs = engine.history(page).await.expect("a list");
    row(&format!("list {what}"), started.elapsed());
    assert_eq!(runs.len(), expected as usize);
}

/// The same journal under another id, one second later.
fn copy(journal: &RunJournal, number: u32) -> Lines {
    let run = RunId::from_bits(number.into());
    let mut entries: Vec<Entry> = journal.entries.clone();
    for entry in &mut entries {
        entry.at_us += i64::from(number) * 1_000_000;
        if let Body::RunStarted(head) = &mut entry.body {
            head.run = run.clone();
        }
        if let Body::RunEnded { end } = &mut entry.body
            && number.is_multiple_of(FAILS)
        {
            let text = r#"{"code":"thrown","name":"Error","message":"no","line":1,"column":1}"#;
            *end = RunEnd::Failed { error: serde_json::from_str(text).expect("an error") };
        }
    }
    let mut chain = Chain::new();
    let records: Vec<_> =
        entries.iter().map(|entry| chain.seal(entry).expect("a record")).collect();
    let tip = &records.last().expect("a record").chain;
    let head = archive::head_line(&run, "bench", records.len() as u64, tip);
    let lines: Vec<_> = records.iter().map(|record| Ok(archive::line(record))).collect();
    Box::new(std::iter::once(Ok(head)).chain(lines))
}

fn row(what: &str, took: Duration) {
    println!("{what:<52} {:>12.1} ms", took.as_secs_f64() * 1_000.0);
}
