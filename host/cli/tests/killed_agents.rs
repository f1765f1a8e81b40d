//! Agents that do not end when they are asked to: what becomes of them when
//! smol-wf is killed, or told twice to stop.

#![cfg(target_os = "linux")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{Place, Ran, finish, lives, signal, snapshot, until};
use rustix::process::Signal;

/// Any smol-wf ends what a killed one of the same user has left, so no two tests
/// that leave something may run at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The first of its kind hangs, ignores the polite signal and has a child in a
/// session of its own that does too; the others answer. Each process leaves its
/// id, the last line once all of them are there.
const AGENT: &str = r#"#!/bin/sh
trap "" TERM INT
cat > "$PIDS/prompt"
if [ -e "$PIDS/first" ]; then echo "a later one"; exit; fi
: > "$PIDS/first"
setsid sh -c 'echo $$ >> "$PIDS/pids"; sleep 600; sleep 600' &
until [ -s "$PIDS/pids" ]; do sleep 0.01; done
echo $$ >> "$PIDS/pids"
sleep 600; sleep 600
"#;

/// A place with that agent, and the folder of its traces; its test alone runs as
/// long as it keeps the guard.
fn place() -> (Place, MutexGuard<'static, ()>) {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::new();
    let agent = place.write("home/.config/smol-workflows/agent.sh", AGENT);
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh']\n\
        env_allow = ['PIDS']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write(
        "w.mjs",
        "export const meta = { name: 'n', description: 'd' }\nreturn agent('hi')\n",
    );
    std::fs::create_dir(place.path("pids")).unwrap();
    (place, alone)
}

fn command(place: &Place, args: &[&str]) -> Command {
    let mut command = place.at_home(args);
    command.env("PIDS", place.path("pids"));
    command
}

/// A run whose agent and its child are at work, and their ids.
fn at_work(place: &Place) -> (Child, Vec<String>) {
    (command(place, &["run", "w.mjs"]).spawn().unwrap(), ids(place))
}

/// Waits for the agent and its child.
fn ids(place: &Place) -> Vec<String> {
    let read = || std::fs::read_to_string(place.path("pids/pids")).unwrap_or_default();
    until("the agent starts", || read().ends_with('\n') && read().lines().count() == 2);
    read().lines().map(str::to_owned).collect()
}

fn living(pids: &[String]) -> Vec<&String> {
    pids.iter().filter(|pid| lives(pid.parse().unwrap())).collect()
}

fn prune(place: &Place, args: &[&str]) -> Ran {
    let args = [&["worktrees", "prune"], args].concat();
    finish(command(place, &args).spawn().unwrap())
}

#[test]
fn what_a_killed_program_leaves_is_ended_before_the_resumed_run_asks_again() {
    let (place, _alone) = place();
    let (mut child, pids) = at_work(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(living(&pids).len(), 2, "they outlive the program");
    let resumed = finish(command(&place, &["resume", "latest"]).spawn().unwrap());
    assert_eq!(resumed.ok()["results"], "a later one");
    assert_eq!(living(&pids), Vec::<&String>::new());
}

#[test]
fn a_resumed_run_without_agents_ends_old_daemons_too() {
    let (place, _alone) = place();
    let (mut child, pids) = at_work(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    let stopped =
        finish(command(&place, &["resume", "latest", "--timeout", "1ms"]).spawn().unwrap());
    stopped.fails(5, &["[timed_out]"]);
    assert_eq!(living(&pids), Vec::<&String>::new());
}

#[test]
fn a_worktree_is_taken_away_when_nobody_works_in_it_any_more() {
    let (place, _alone) = place();
    let script = "export const meta = { name: 'n', description: 'd' }\n\
        return agent('hi', { isolation: 'worktree' })\n";
    place.write("w.mjs", script);
    for args in [&["init", "-q"][..], &["add", "w.mjs"], &["commit", "-qm", "first"]] {
        let git = ["-c", "user.name=n", "-c", "user.email=e@example.org"];
        let status =
            Command::new("git").current_dir(place.dir.path()).args(git).args(args).status();
        assert!(status.unwrap().success());
    }
    let (mut child, pids) = at_work(&place);
    child.kill().unwrap();
    child.wait().unwrap();
    snapshot!(prune(&place, &["--dry-run"]).said(0), @"1 would be removed, 0 kept");
    assert_eq!(living(&pids).len(), 2);
    snapshot!(prune(&place, &[]).said(0), @"1 removed, 0 kept");
    assert_eq!(living(&pids), Vec::<&String>::new());
}

#[test]
fn a_second_signal_ends_at_once_and_leaves_no_file() {
    let (place, _alone) = place();
    let (mut child, pids) = at_work(&place);
    let stderr = child.stderr.take().unwrap();
    signal(&child, Signal::INT);
    // It says so when it has heard it, and then hears the next one.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stderr));
    assert!(lines.any(|line| line.unwrap().contains("Stopping…")));
    signal(&child, Signal::INT);
    assert!(lines.any(|line| line.unwrap().starts_with("resume: smol-wf resume run_")));
    let Ran { code, .. } = finish(child);
    assert_eq!(code, 130);
    assert_eq!(living(&pids), Vec::<&String>::new());
}
