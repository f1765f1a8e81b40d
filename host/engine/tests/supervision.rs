//! Runs inside of a program that does other things, with a supervisor of its processes and
//! without. Real agents, each test in a process of its own.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use smol_wf_engine::providers::command::Command;
use smol_wf_engine::providers::{ConfiguredProgram, Registry, Supervisor};
use smol_wf_engine::{
    CancellationToken, Engine, EngineError, EngineOptions, Folders, MemoryStore, NoWatcher,
    Providers, Report, RunHead, RunSettings, RunSpec, RunState, ScriptFile,
};

/// Set in a process that was started for one test alone.
const ALONE: &str = "TEST_ALONE";

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test in a process of its own.
fn alone(test: &str, body: impl Future<Output = ()>) {
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(body);
    }
    let mut program = Program::new(std::env::current_exe().unwrap());
    let output = program.args(["--exact", test, "--nocapture"]).env(ALONE, test).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // A name that matches no test succeeds as well.
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

/// An agent that is a shell command.
struct Shell(String);

impl Providers for Shell {
    fn registry(&self, _head: &RunHead) -> Result<Registry, EngineError> {
        let command = ["sh", "-c", &self.0].map(str::to_owned).to_vec();
        let program =
            ConfiguredProgram { name: "agent".to_owned(), command, ..ConfiguredProgram::default() };
        Ok(Registry::new().with(Arc::new(Command::new(program))))
    }
}

fn engine(supervisor: Option<Supervisor>) -> Engine {
    let store = Box::new(MemoryStore::new());
    Engine::new(EngineOptions { supervisor, ..EngineOptions::over(store) }).unwrap()
}

/// A run of one step, whose agent runs this command in its folder.
async fn run(
    engine: &Engine,
    dir: &Path,
    agent: &str,
    cancel: CancellationToken,
) -> Result<Report, EngineError> {
    let text = "export const meta = { name: 'n', description: 'd' }\nreturn agent('p')\n";
    let script = ScriptFile { bytes: text.into(), path: dir.join("script.mjs") };
    let spec = RunSpec {
        provider: "agent".into(),
        settings: RunSettings {
            folders: Folders { project_root: Some(dir.to_owned()), ..Folders::default() },
            ..RunSettings::default()
        },
        ..RunSpec::new(script)
    };
    let engine = engine.clone().providing(Arc::new(Shell(agent.to_owned())));
    engine.start_with(spec, Arc::new(NoWatcher), cancel)?.wait().await
}

/// Waits until the condition holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn stat(pid: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next().map(str::to_owned)
}

fn lives(pid: &str) -> bool {
    stat(pid).is_some_and(|stat| !stat.starts_with('Z'))
}

/// Whether the report of a quick run comes while the agent of a cancelled one is
/// still being made to end.
async fn quick_report_comes_first(supervisor: Option<Supervisor>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_owned();
    let engine = engine(supervisor);
    // The agent ignores SIGTERM, so it takes as long to end as it is given. A shell prints a
    // line when its child is ended, but nothing reads that any more.
    let deaf =
        "exec 2>/dev/null; trap 'touch heard' TERM; echo $$ > pid; while :; do sleep 0.01; done";
    let quick = "until [ -e go ]; do sleep 0.01; done; echo done";
    let cancel = CancellationToken::new();
    let slow = {
        let (engine, dir, cancel) = (engine.clone(), dir.clone(), cancel.clone());
        tokio::spawn(async move { run(&engine, &dir, deaf, cancel).await })
    };
    until("the deaf agent works", || has_text(&dir.join("pid"))).await;
    let quick = {
        let (engine, dir) = (engine.clone(), dir.clone());
        tokio::spawn(async move { run(&engine, &dir, quick, CancellationToken::new()).await })
    };
    cancel.cancel();
    until("the deaf agent is asked to end", || dir.join("heard").exists()).await;
    std::fs::write(dir.join("go"), "").unwrap();
    let report = quick.await.unwrap().unwrap();
    let pid = std::fs::read_to_string(dir.join("pid")).unwrap();
    let is_first = lives(pid.trim()) && !slow.is_finished();
    assert_eq!(report.state, RunState::Completed);
    // The end of the cancelled run has waited for its agent.
    assert_eq!(slow.await.unwrap().unwrap().state, RunState::Cancelled);
    assert!(!lives(pid.trim()), "{pid} still lives");
    is_first
}

fn has_text(path: &PathBuf) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n'))
}

#[test]
fn a_run_ends_without_the_agents_of_another_one() {
    alone("a_run_ends_without_the_agents_of_another_one", async {
        for make in [(|| None) as fn() -> Option<Supervisor>, || Some(Supervisor::new())] {
            // The agent has three seconds to end. A busy machine may need another try.
            let mut is_first = false;
            for _ in 0..5 {
                is_first = quick_report_comes_first(make()).await;
                if is_first {
                    break;
                }
            }
            assert!(is_first, "each report waited for all agents");
        }
    });
}

/// Children of the embedding program: in its process group and in groups of their own,
/// ended but not waited for, or alive.
struct Own {
    ended: Vec<Child>,
    living: Vec<Child>,
}

impl Own {
    async fn start() -> Self {
        let start = |argv: &[&str], is_apart: bool| {
            let mut program = Program::new(argv[0]);
            program.args(&argv[1..]);
            if is_apart {
                program.process_group(0);
            }
            program.spawn().unwrap()
        };
        let ended = [false, true].map(|apart| start(&["sh", "-c", "exit 7"], apart));
        let living = [false, true].map(|apart| start(&["sleep", "600"], apart));
        for child in &ended {
            let pid = child.id().to_string();
            until("it has ended", || stat(&pid).is_some_and(|stat| stat.starts_with('Z'))).await;
        }
        Self { ended: ended.into(), living: living.into() }
    }

    fn are_as_they_were(self) {
        for mut child in self.ended {
            assert_eq!(child.wait().unwrap().code(), Some(7));
        }
        for mut child in self.living {
            assert!(child.try_wait().unwrap().is_none(), "it was ended");
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A run whose agent leaves processes that are hard to find.
async fn run_with_leavings(engine: &Engine) {
    let folder = tempfile::tempdir().unwrap();
    let agent = "setsid sh -c 'echo $$ > left; exec sleep 600' >&- 2>&- <&- &
        until [ -s left ]; do sleep 0.01; done; echo done";
    let report = run(engine, folder.path(), agent, CancellationToken::new()).await.unwrap();
    assert_eq!(report.state, RunState::Completed);
    let left = std::fs::read_to_string(folder.path().join("left")).unwrap();
    assert!(!lives(left.trim()), "{left} still lives");
}

#[test]
fn without_a_supervisor_the_process_is_as_it_was() {
    alone("without_a_supervisor_the_process_is_as_it_was", async {
        let file = File::open("/dev/null").unwrap();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        let own = Own::start().await;
        run_with_leavings(&engine(None)).await;
        own.are_as_they_were();
        assert_eq!(fcntl_getfd(&file).unwrap(), FdFlags::empty());
        assert_eq!(rustix::process::child_subreaper().unwrap(), None);
    });
}

#[test]
fn a_supervisor_takes_no_child_that_is_not_an_agents() {
    alone("a_supervisor_takes_no_child_that_is_not_an_agents", async {
        let supervisor = Supervisor::new();
        let own = Own::start().await;
        run_with_leavings(&engine(Some(supervisor.clone()))).await;
        supervisor.all_ended().await;
        own.are_as_they_were();
        assert!(rustix::process::child_subreaper().unwrap().is_some());
    });
}
