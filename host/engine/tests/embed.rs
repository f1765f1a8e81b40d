//! The engine as part of another program: starting runs, their handles, and shutdown.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may stop where it stands"
)]

mod common;
#[path = "../examples/embed.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a program"
)]
mod example;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{Bench, HUNG, META, Scripted, reply};
use smol_wf_core::event::{Event, EventKind};
use smol_wf_engine::providers::command::Command;
use smol_wf_engine::providers::{ConfiguredProgram, Registry};
use smol_wf_engine::{
    AgentSettings, CancellationToken, Engine, EngineError, EngineOptions, ExportRequest,
    FixtureRequest, Folders, HistoryPage, Keep, LimitChanges, LiveSteps, MemoryStore, Notice,
    Recording, Report, ResumeRequest, RunHandle, RunHead, RunId, RunSettings, RunSpec, RunState,
    ScriptFile, SqliteStore, TenantId, Watcher,
};
use tokio::sync::Notify;
use tokio::time::timeout;

const ONE: &str = "return await agent('p')";

async fn ended(run: RunHandle) -> Report {
    timeout(HUNG, run.wait()).await.expect("hangs").unwrap()
}

/// An agent that signals when it is asked, and answers when it is allowed to.
#[derive(Clone, Default)]
struct Gate {
    asked: Arc<AtomicUsize>,
    begun: Arc<Notify>,
    go: Arc<Notify>,
}

impl Gate {
    fn agent(&self) -> Scripted {
        let gate = self.clone();
        Scripted::new(move |_, _| {
            let gate = gate.clone();
            Box::pin(async move {
                gate.asked.fetch_add(1, Ordering::SeqCst);
                gate.begun.notify_one();
                gate.go.notified().await;
                Ok(reply("answer", 1))
            })
        })
    }
}

#[tokio::test]
async fn the_example_runs() {
    let folder = tempfile::tempdir().unwrap();
    let shouted = timeout(HUNG, example::shout(folder.path())).await.expect("hangs").unwrap();
    assert_eq!(shouted, "\"HELLO WORLD\"");
}

#[tokio::test]
async fn a_slow_reader_of_events_misses_none_and_delays_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let quick = Scripted::new(|_, _| Box::pin(async { Ok(reply("answer", 1)) }));
    let bench = Bench::new(dir.path(), vec![quick]);
    let heard = Arc::new(Recording::default());
    let never = CancellationToken::new();
    let run = bench.engine.start_with(bench.request(ONE), heard.clone(), never).unwrap();
    let (id, mut slow) = (run.id(), run.events());
    let report = ended(run).await;
    assert_eq!((&report.run_id, report.state), (&id, RunState::Completed));
    // No event was read before the end, and none is missing.
    let mut read = Vec::new();
    while let Some(event) = timeout(HUNG, slow.next()).await.expect("hangs").unwrap() {
        read.push(event);
    }
    let told = heard.events().into_iter().map(|(event, _)| event);
    let told: Vec<Event> = told.filter(|event| event.kind() != EventKind::AgentEvent).collect();
    read.retain(|event| event.kind() != EventKind::AgentEvent);
    assert_eq!(read, told);
}

#[tokio::test]
async fn a_run_goes_on_without_its_handle() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let run = bench.engine.start(bench.request(ONE)).unwrap();
    let (id, mut events) = (run.id(), run.events());
    drop(run);
    gate.begun.notified().await;
    gate.go.notify_one();
    while timeout(HUNG, events.next()).await.expect("hangs").unwrap().is_some() {}
    let report = bench.resume(&id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.state, RunState::Completed);
    assert_eq!(gate.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn runs_without_a_free_slot_wait_for_one() {
    const RUNS: usize = 12;
    let dir = tempfile::tempdir().unwrap();
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (at_work.clone(), most.clone());
    let agent = Scripted::new(move |_, _| {
        let (at_work, most) = counts.clone();
        Box::pin(async move {
            most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            at_work.fetch_sub(1, Ordering::SeqCst);
            Ok(reply("answer", 1))
        })
    });
    let bench = Bench::new(dir.path(), vec![agent]);
    let options = |store| EngineOptions { runs_max: 3, ..EngineOptions::over(store) };
    let engine = Engine::new(options(Box::new(MemoryStore::new()))).unwrap();
    let engine = engine.providing(bench.providers());
    let start = |_| engine.start(bench.request(ONE)).unwrap();
    let runs: Vec<RunHandle> = (0..RUNS).map(start).collect();
    for run in runs {
        assert_eq!(ended(run).await.state, RunState::Completed);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_run_that_waits_for_a_slot_can_be_cancelled_and_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let engine = of_one_slot(&bench);
    let first = engine.start(bench.request(ONE)).unwrap();
    gate.begun.notified().await;
    let second = engine.start(bench.request(ONE)).unwrap();
    let id = second.id();
    second.cancel();
    let report = ended(second).await;
    assert_eq!((&report.run_id, report.state), (&id, RunState::Cancelled));
    gate.go.notify_one();
    assert_eq!(ended(first).await.state, RunState::Completed);
    gate.go.notify_one();
    assert_eq!(
        bench.resume(&id, LimitChanges::default()).await.unwrap().state,
        RunState::Completed
    );
    assert_eq!(gate.asked.load(Ordering::SeqCst), 2, "the second run asked once");
}

#[tokio::test]
async fn a_shutdown_lets_agents_finish_and_releases_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let two = "const first = await agent('a'); return [first, await agent('b')]";
    let run = bench.engine.start(bench.request(two)).unwrap();
    let id = run.id();
    gate.begun.notified().await;
    let engine = bench.engine.clone();
    let closing = tokio::spawn(async move { engine.shutdown(HUNG).await });
    let refused = async {
        while bench.engine.start(bench.request(ONE)).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(HUNG, refused).await.expect("it takes runs");
    let error = bench.engine.start(bench.request(ONE)).unwrap_err();
    assert_eq!(error.code(), "shutting_down");
    gate.go.notify_one();
    timeout(HUNG, closing).await.expect("hangs").unwrap();
    assert_eq!(ended(run).await.state, RunState::Cancelled);
    assert_eq!(gate.asked.load(Ordering::SeqCst), 1, "no other agent was started");
    // Another engine resumes it at once, with the answer.
    let next = Bench::over(bench.store.clone(), dir.path(), vec![gate.agent()]);
    gate.go.notify_one();
    let report = next.resume(&id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.result.get(), "[\"answer\",\"answer\"]");
    assert_eq!(gate.asked.load(Ordering::SeqCst), 2, "no agent was asked twice");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_longer_than_its_grace() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let run = bench.engine.start(bench.request(ONE)).unwrap();
    gate.begun.notified().await;
    timeout(HUNG, bench.engine.shutdown(Duration::from_millis(10))).await.expect("hangs");
    let report = ended(run).await;
    assert_eq!(report.state, RunState::Cancelled);
    let next = Bench::over(bench.store.clone(), dir.path(), vec![gate.agent()]);
    gate.go.notify_one();
    let report = next.resume(&report.run_id, LimitChanges::default()).await.unwrap();
    assert_eq!(report.state, RunState::Completed);
}

/// The ids of the runs in the store.
async fn stored(engine: &Engine) -> Vec<RunId> {
    let page = HistoryPage { limit: 10, ..HistoryPage::default() };
    let runs = engine.history(page).await.unwrap();
    runs.into_iter().map(|run| run.run_id.clone()).collect()
}

/// An engine on which one run can work at a time.
fn of_one_slot(bench: &Bench) -> Engine {
    let one = EngineOptions { runs_max: 1, ..EngineOptions::over(Box::new(bench.store.clone())) };
    Engine::new(one).unwrap().providing(bench.providers())
}

#[tokio::test]
async fn a_shutdown_forgets_the_runs_in_the_queue() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let engine = of_one_slot(&bench);
    let first = engine.start(bench.request(ONE)).unwrap();
    gate.begun.notified().await;
    let second = engine.start(bench.request(ONE)).unwrap();
    drop(engine.start(bench.request(ONE)).unwrap());
    let mut events = second.events();
    timeout(HUNG, engine.shutdown(Duration::ZERO)).await.expect("hangs");
    let refused = timeout(HUNG, second.wait()).await.expect("hangs");
    assert!(matches!(refused, Err(EngineError::ShuttingDown)), "{refused:?}");
    assert!(events.next().await.unwrap().is_none());
    let first = ended(first).await;
    assert_eq!(first.state, RunState::Cancelled);
    assert_eq!(stored(&bench.engine).await, [first.run_id], "no trace of the other runs");
    assert_eq!(gate.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_run_in_the_queue_works_without_its_handle() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let engine = of_one_slot(&bench);
    let first = engine.start(bench.request(ONE)).unwrap();
    gate.begun.notified().await;
    let second = engine.start(bench.request(ONE)).unwrap();
    let (id, mut events) = (second.id(), second.events());
    drop(second);
    gate.go.notify_one();
    assert_eq!(ended(first).await.state, RunState::Completed);
    gate.begun.notified().await;
    gate.go.notify_one();
    while timeout(HUNG, events.next()).await.expect("hangs").unwrap().is_some() {}
    assert!(stored(&engine).await.contains(&id));
    timeout(HUNG, engine.shutdown(HUNG)).await.expect("a run is still counted");
}

#[test]
fn a_run_in_the_queue_is_gone_with_its_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    let (first, engine) = (runtime(), of_one_slot(&bench));
    let [working, queued] = first.block_on(async {
        let working = engine.start(bench.request(ONE)).unwrap();
        gate.begun.notified().await;
        [working, engine.start(bench.request(ONE)).unwrap()].map(|run| run.id())
    });
    first.shutdown_timeout(HUNG);
    let runs = runtime().block_on(stored(&bench.engine));
    assert_eq!(runs, [working], "and not {queued}");
}

/// A fixture of a run of one step, beside its script, which makes three steps now.
async fn edited_fixture(bench: &Bench) -> FixtureRequest {
    let write = |body: &str| std::fs::write(bench.dir.join("script.mjs"), format!("{META}{body}"));
    write(ONE).unwrap();
    let run = bench.run(bench.request(ONE)).await.run_id;
    let export = ExportRequest { run, folder: bench.dir.clone(), redact: Vec::new() };
    let mut text = Vec::new();
    bench.engine.fixture(export).await.unwrap().write(&mut text).await.unwrap();
    write("return [await agent('p'), await agent('q'), await agent('r')]").unwrap();
    let keep: Keep = Arc::new(|_| Ok(()));
    let agents = AgentSettings::default();
    let live = LiveSteps { provider: None, debug_rules: Vec::new(), agents, keep };
    FixtureRequest {
        path: bench.dir.join("one.swf"),
        text: String::from_utf8(text).unwrap(),
        script: None,
        within: Some(bench.dir.clone()),
        cwd: None,
        home: None,
        rules: None,
        accept: false,
        live: Some(live),
        kept: None,
    }
}

#[tokio::test]
async fn a_shutdown_lets_the_agents_of_a_recording_finish() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    gate.go.notify_one();
    let request = edited_fixture(&bench).await;
    gate.begun.notified().await;
    let (engine, again) = (bench.engine.clone(), request.clone());
    let recording = tokio::spawn(async move {
        engine.test_fixture(request, CancellationToken::new()).await.unwrap()
    });
    gate.begun.notified().await;
    let engine = bench.engine.clone();
    let closing = tokio::spawn(async move { engine.shutdown(HUNG).await });
    let refused = async {
        while bench.engine.start(bench.request(ONE)).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(HUNG, refused).await.expect("it takes runs");
    assert!(!closing.is_finished(), "it waits for the recording");
    gate.go.notify_one();
    timeout(HUNG, closing).await.expect("hangs").unwrap();
    let verdict = timeout(HUNG, recording).await.expect("hangs").unwrap();
    assert!(!verdict.pass && verdict.updated.is_none(), "{verdict:?}");
    assert!(verdict.kept.is_some_and(|kept| kept.contains("answer")), "the paid answer is kept");
    assert_eq!(gate.asked.load(Ordering::SeqCst), 2, "no other agent was started");
    let refused = bench.engine.test_fixture(again, CancellationToken::new()).await;
    assert!(matches!(refused, Err(EngineError::ShuttingDown)), "{refused:?}");
}

#[tokio::test]
async fn a_recording_does_not_outlast_the_grace_of_a_shutdown() {
    let dir = tempfile::tempdir().unwrap();
    let gate = Gate::default();
    let bench = Bench::new(dir.path(), vec![gate.agent()]);
    gate.go.notify_one();
    let request = edited_fixture(&bench).await;
    gate.begun.notified().await;
    let engine = bench.engine.clone();
    let recording = tokio::spawn(async move {
        engine.test_fixture(request, CancellationToken::new()).await.unwrap()
    });
    gate.begun.notified().await;
    timeout(HUNG, bench.engine.shutdown(Duration::from_millis(10))).await.expect("hangs");
    let verdict = timeout(HUNG, recording).await.expect("hangs").unwrap();
    assert!(!verdict.pass && verdict.kept.is_none(), "{verdict:?}");
}

#[tokio::test]
async fn a_tenant_sees_only_its_own_runs() {
    let dir = tempfile::tempdir().unwrap();
    let quick = Scripted::new(|_, _| Box::pin(async { Ok(reply("answer", 1)) }));
    let bench = Bench::new(dir.path(), vec![quick]);
    let [one, other] = ["one", "other"].map(TenantId::new);
    let (one, other) = (bench.engine.for_tenant(one), bench.engine.for_tenant(other));
    let report = ended(one.start(bench.request(ONE)).unwrap()).await;
    assert_eq!(report.state, RunState::Completed);
    let resume = || ResumeRequest::of(report.run_id.clone());
    for stranger in [&other, &bench.engine] {
        let refused = stranger.start(resume()).unwrap().wait().await;
        assert!(matches!(refused, Err(EngineError::UnknownRun { .. })), "{refused:?}");
    }
    assert_eq!(ended(one.start(resume()).unwrap()).await.result.get(), "\"answer\"");
}

/// Notes which agents live when a run is resumed, and lets new agents answer.
struct AtTakeUp {
    dir: PathBuf,
    living: Mutex<Vec<String>>,
}

impl Watcher for AtTakeUp {
    fn notice(&self, notice: Notice<'_>) {
        let Notice::RunKnown { .. } = notice else { return };
        *self.living.lock().unwrap() = living(&self.dir.join("pids"));
        std::fs::write(self.dir.join("go"), "").unwrap();
    }
}

/// The process ids in a folder of agents that still live.
fn living(pids: &Path) -> Vec<String> {
    let names = std::fs::read_dir(pids).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let lives = |pid: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    };
    names.filter(lives).collect()
}

/// An engine over a database, with an agent that writes its process id to a folder, ignores
/// SIGTERM, and answers once a certain file exists.
fn of_shell(dir: &Path) -> Engine {
    let script = "trap '' TERM; touch pids/$$; until [ -e go ]; do sleep 0.01; done; echo done";
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    let agent =
        Command::new(ConfiguredProgram { name: "sh".into(), command, ..Default::default() });
    let store = Box::new(SqliteStore::open(&dir.join("runs.db")).unwrap());
    Engine::new(EngineOptions {
        providers: Arc::new(move |_: &RunHead| Ok(Registry::new().with(Arc::new(agent.clone())))),
        ..EngineOptions::over(store)
    })
    .unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Drops everything as soon as `moment` holds, waits until the engine has closed its
/// database, and resumes the run with another engine. With `is_stored`, the run must be in
/// the store by then. Otherwise it may be missing, but then no agent was started.
fn dropped_at(moment: impl Fn(&Path) -> bool, is_stored: bool) {
    let folder = tempfile::tempdir().unwrap();
    let (dir, pids) = (folder.path(), folder.path().join("pids"));
    std::fs::create_dir(&pids).unwrap();
    let text = "export const meta = { name: 'n', description: 'd' }\n\
        return parallel([1, 2, 3].map(n => () => agent(`p${n}`)))\n";
    let script = ScriptFile { bytes: text.into(), path: dir.join("script.mjs") };
    let folders = Folders { project_root: Some(dir.to_owned()), ..Folders::default() };
    let settings = RunSettings { folders, ..RunSettings::default() };
    let spec = RunSpec { provider: "sh".into(), settings, ..RunSpec::new(script) };
    let (first, engine) = (runtime(), of_shell(dir));
    let run = first.block_on(async { engine.start(spec).unwrap() });
    let id = run.id();
    wait_until("the moment comes", || moment(dir));
    drop((run, engine));
    first.shutdown_timeout(HUNG);
    wait_until("the database is closed", || !has_open_database(dir));
    assert_eq!(living(&pids), Vec::<String>::new(), "agents end before the lease");

    let (second, engine) = (runtime(), of_shell(dir));
    let watcher = Arc::new(AtTakeUp { dir: dir.to_owned(), living: Mutex::default() });
    let resumed = second.block_on(async {
        let (what, never) = (ResumeRequest::of(id.clone()), CancellationToken::new());
        engine.start_with(what, watcher.clone(), never).unwrap().wait().await
    });
    match resumed {
        Ok(report) => assert_eq!(report.state, RunState::Completed),
        Err(EngineError::UnknownRun { .. }) => {
            assert!(!is_stored, "a run with agents is in the store");
            assert_eq!(std::fs::read_dir(&pids).unwrap().count(), 0, "no agent was started");
        }
        Err(error) => panic!("{error}"),
    }
    assert_eq!(*watcher.living.lock().unwrap(), Vec::<String>::new());
    assert_eq!(living(&pids), Vec::<String>::new());
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < HUNG, "not within {HUNG:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether this process has a file of the folder's database open.
fn has_open_database(dir: &Path) -> bool {
    let database = dir.canonicalize().unwrap().join("runs.db");
    let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let mut files = open.filter_map(|file| std::fs::read_link(file.path()).ok());
    files.any(|file| file == database)
}

#[test]
fn a_program_that_drops_everything_leaves_no_agent_and_a_run_that_resumes() {
    let agents = |dir: &Path| std::fs::read_dir(dir.join("pids")).unwrap().count();
    dropped_at(|_| true, false);
    dropped_at(|dir| dir.join("runs.db-wal").exists(), false);
    dropped_at(|dir| agents(dir) >= 1, true);
    dropped_at(|dir| agents(dir) == 3, true);
}
