//! Commands that begin while another process keeps the database locked.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

use common::{Place, finish};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};

const SCRIPT: &str =
    "export const meta = { name: 'n', description: 'd' }\nreturn await agent('one')\n";

/// How another program locks a database: while it writes, or whole.
const LOCKS: [&str; 2] = ["BEGIN IMMEDIATE", "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"];

/// A database with one run.
fn place() -> (Place, String) {
    let place = Place::new();
    let run = place.script(SCRIPT, &[]).run_id();
    (place, run)
}

fn locked(place: &Place, how: &str) -> Connection {
    let other = Connection::open(place.db()).unwrap();
    other.execute_batch(how).unwrap();
    other
}

/// Starts a command, and reads what it says until it says that it waits.
fn waiting(place: &Place, args: &[&str]) -> (Child, BufReader<ChildStderr>) {
    let mut child = place.command(args).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("is locked by another process") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "{args:?} ended without waiting");
    }
    assert!(
        line.contains("warning: ") && line.contains("waiting for it, up to 2 minutes"),
        "{line}"
    );
    (child, stderr)
}

#[test]
fn what_begins_waits_for_a_locked_database_and_says_so() {
    let (place, run) = place();
    place.write("s.js", SCRIPT);
    let exported = place.run(&["export", &run, "--format", "journal"]);
    place.write("run.journal", &exported.stdout);
    // One that can be taken up: its agent was stopped.
    let limit = ["run", "s.js", "--budget", "1", "--debug-rule", "*=cost:1,tokens:5"];
    let two = "export const meta = { name: 'n', description: 'd' }\nawait agent('a')\nreturn await agent('b')\n";
    place.write("s.js", two);
    let paused = place.run(&limit);
    assert_eq!(paused.code, 5, "{}", paused.stderr);
    let paused = paused.run_id();
    place.run(&["history", "delete", &run]).fails(0, &[]);
    for how in LOCKS {
        let commands: [&[&str]; 5] = [
            &["run", "s.js"],
            &["fork", &paused, "--budget", "none"],
            &["import", "run.journal"],
            &["resume", &paused, "--budget", "none"],
            &["history", "delete", &run],
        ];
        for args in commands {
            let other = locked(&place, how);
            let (child, mut stderr) = waiting(&place, args);
            drop(other);
            std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
            let ran = finish(child);
            assert_eq!(ran.code, 0, "{how}: {args:?}: {}", ran.stdout);
        }
    }
}

#[test]
fn ctrl_c_ends_the_wait() {
    let (place, _) = place();
    place.write("s.js", SCRIPT);
    let _other = locked(&place, LOCKS[0]);
    let (child, mut stderr) = waiting(&place, &["run", "s.js"]);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    assert_eq!(finish(child).code, 130);
}

/// The first try takes a second, and the other nine are for a busy machine.
#[test]
fn the_time_limit_ends_the_wait_and_is_what_is_said_of_it() {
    let times = |how: &str| {
        let (place, _) = place();
        place.write("s.js", SCRIPT);
        let _other = locked(&place, how);
        let late = |args: &[&str]| {
            let started = Instant::now();
            let ran = place.run(&[&["run", "s.js"], args].concat());
            ran.fails(3, &["[store_busy]"]);
            (ran.stderr, started.elapsed())
        };
        let (said, waited) = late(&["--timeout", "10s"]);
        assert!(said.contains("waiting for it, up to 10 s; Ctrl-C"), "{how}: {said}");
        assert!(waited >= Duration::from_secs(9), "{how}: {waited:?}");
        let (said, _) = late(&["--timeout", "3s", "--log-level", "error"]);
        assert!(!said.contains("warning"), "{how}: {said}");
    };
    std::thread::scope(|scope| {
        for how in LOCKS {
            scope.spawn(move || times(how));
        }
    });
}

#[test]
fn the_time_limit_of_what_goes_on_ends_its_wait_too() {
    let (place, _) = place();
    let calls = "await agent('a')\nreturn agent('b')\n";
    let script = format!("export const meta = {{ name: 'n', description: 'd' }}\n{calls}");
    let paused = place.script(&script, &["--max-agents", "1"]);
    assert_eq!(paused.code, 5, "{}", paused.stderr);
    let _other = locked(&place, LOCKS[0]);
    for again in ["resume", "fork"] {
        let ran = place.run(&[again, &paused.run_id(), "--timeout", "5s", "--max-agents", "2"]);
        ran.fails(3, &["waiting for it, up to 5 s; Ctrl-C", "[store_busy]"]);
    }
}
