//! Real processes that misbehave, driven through the `command` provider.
//!
//! Owns: programs to start, a process of its own for a test that inspects its process,
//! and counting the processes that are left. Never: a test; each file has one kind.

#![cfg(target_os = "linux")]

mod floods;
mod kills;
mod leftovers;
mod misbehaviour;
mod prompts;
mod secrets;
mod unsupervised;

use std::future::Future;
use std::process::Command as Program;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::step_request::AgentRequest;
use smol_wf_providers::command::Command;
use smol_wf_providers::{
    AgentReply, AgentTask, Answer, ConfiguredProgram, Presence, Provider, ProviderError, Supervisor,
};

/// Set in a process that was started for one test.
const ALONE: &str = "TEST_ALONE";
/// Set in the children of a test, to find them and their descendants.
const TREE: &str = "TEST_TREE";
/// Limit of every wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// The supervisor of the program `smol-wf`.
fn supervisor() -> &'static Supervisor {
    static SUPERVISOR: LazyLock<Supervisor> = LazyLock::new(Supervisor::of_all_children);
    &SUPERVISOR
}

async fn all_ended() {
    supervisor().all_ended().await;
}

/// A provider that runs a shell script.
fn sh(script: &str) -> Command {
    Command::new(options(script))
}

fn options(script: &str) -> ConfiguredProgram {
    ConfiguredProgram {
        name: "fake".to_owned(),
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..ConfiguredProgram::default()
    }
}

/// The same, with a variable that everything it starts inherits.
fn marked(script: &str, tree: &str) -> Command {
    let env = [(TREE.to_owned(), tree_name(tree))].into();
    Command::new(ConfiguredProgram { env, ..options(script) })
}

fn task(prompt: &str) -> AgentTask {
    AgentTask {
        run: RunId::from_bits(1),
        step: StepId(1),
        ordinal: 1,
        round: 1,
        idempotency_key: "run-1-call-1".to_owned(),
        request: AgentRequest::plain(prompt),
        prompt: prompt.to_owned(),
        model: None,
        effort: None,
        permissions: None,
        session_id: None,
        cwd: std::env::temp_dir(),
        dirs: Vec::new(),
        images: Vec::new(),
        mcp: Vec::new(),
        raw: None,
        messages: smol_wf_providers::AgentMessages::none(),
        processes: supervisor().processes(),
        presence: Presence::unwatched(),
    }
}

async fn ask(provider: &Command, prompt: &str) -> Result<AgentReply, ProviderError> {
    provider.attempt(task(prompt), &()).await
}

async fn text(provider: &Command, prompt: &str) -> String {
    match ask(provider, prompt).await.unwrap().answer {
        Answer::Text(text) => text,
        other => panic!("no text: {other:?}"),
    }
}

/// Runs a test in a process of its own, so that its measurements concern this test alone.
/// `vars` are in the environment of that process.
fn alone(test: &str, vars: &[(String, String)], body: impl Future<Output = ()>) {
    if std::env::var(ALONE).is_ok_and(|name| name == test) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            body.await;
            all_ended().await;
        });
        return;
    }
    let output = this_test(test).envs(vars.iter().cloned()).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    // A name that matches no test succeeds as well.
    assert!(out.contains("1 passed"), "{out}");
}

/// This program again, to run one test, with a file open as descriptor 7, and with
/// SIGCHLD ignored when `TEST_IGNORES` is set.
fn this_test(test: &str) -> Program {
    // Other shells do not ignore that signal for the program that they become.
    let mut program = Program::new("bash");
    let prepare = "[ -z \"$TEST_IGNORES\" ] || trap '' CHLD; exec 7</etc/passwd";
    program.args(["-c", &format!("{prepare}; exec \"$0\" \"$@\"")]);
    program.arg(std::env::current_exe().unwrap());
    program.args(["--exact", test, "--nocapture"]).env(ALONE, test);
    program
}

/// The name of a tree, unique to this run of the test.
fn tree_name(tree: &str) -> String {
    match std::env::var("TEST_TREE_OF_HOST") {
        Ok(name) => name,
        Err(_) => format!("{tree}-{}", std::process::id()),
    }
}

/// Process ids of all processes with the name of a tree, without zombies.
fn in_tree(tree: &str) -> Vec<i32> {
    let wanted = format!("{TREE}={}", tree_name(tree));
    processes()
        .filter(|pid| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
        })
        .collect()
}

/// Zombies that this process has not waited for.
fn zombies() -> Vec<i32> {
    let own = std::process::id().to_string();
    let is_zombie = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        fields.next() == Some("Z") && fields.next() == Some(&own)
    };
    processes().filter(is_zombie).collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let folder = std::fs::read_dir("/proc").unwrap();
    folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Polls until it holds.
async fn until(what: &str, limit: Duration, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
