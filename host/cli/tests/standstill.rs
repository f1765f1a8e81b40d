//! A process that was stopped for a while, and goes on: Ctrl-Z and `fg`, a paused
//! container.

#![cfg(unix)]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use common::{Place, finish, signal, until};
use rustix::process::Signal;

/// Longer than any of the limits below.
const STOPPED: Duration = Duration::from_secs(12);

/// Says nothing and answers after a while, whoever is stopped meanwhile.
const AGENT: &str = r#"#!/bin/sh
cat > /dev/null
echo begun >> "$TRACES/begun"
until [ -e "$TRACES/go" ]; do sleep 0.01; done
echo answered
echo ended >> "$TRACES/ended"
"#;

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// A run of this script, stopped while its agents work and end. Its result.
fn stopped_meanwhile(script: &str, agents: usize, flags: &[&str]) -> serde_json::Value {
    let place = Place::new();
    let agent = place.write("home/.config/smol-workflows/agent.sh", AGENT);
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh']\n\
        env_allow = ['TRACES']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write("w.js", format!("export const meta = {{ name: 'n', description: 'd' }}\n{script}"));
    std::fs::create_dir(place.path("traces")).unwrap();
    let (begun, ended) = (place.path("traces/begun"), place.path("traces/ended"));
    let mut command = place.at_home(&[&["run", "w.js"], flags].concat());
    let child = command.env("TRACES", place.path("traces")).spawn().unwrap();
    until("the agents", || lines(&begun) == agents);
    signal(&child, Signal::STOP);
    std::fs::write(place.path("traces/go"), "").unwrap();
    until("the answers", || lines(&ended) == agents);
    // What is tried is how long it stands still.
    std::thread::sleep(STOPPED);
    signal(&child, Signal::CONT);
    let report = finish(child).ok();
    assert_eq!(lines(&begun), agents, "an agent was asked again");
    report["results"].clone()
}

#[test]
fn answers_that_arrive_meanwhile_count_without_reaching_a_limit() {
    let script = "return parallel([1, 2, 3].map(i => () => agent('p' + i)))";
    let flags = ["--idle-timeout", "8s", "--agent-timeout", "9s", "--timeout", "10s"];
    let results = stopped_meanwhile(script, 3, &flags);
    assert_eq!(results, serde_json::json!(["answered", "answered", "answered"]));
}

#[test]
fn a_timer_does_not_win_during_a_standstill() {
    let script =
        "return Promise.race([agent('p'), new Promise(r => setTimeout(() => r('late'), 8000))])";
    assert_eq!(stopped_meanwhile(script, 1, &[]), "answered");
}

#[test]
fn a_script_that_computes_is_not_taken_for_one_that_computes_too_long() {
    let place = Place::new();
    let script = "export const meta = { name: 'n', description: 'd' }\n\
        await agent('p')\nlet n = 0\nwhile (n < 2e7) n += 1\nreturn n";
    place.write("w.js", script);
    let flags = ["--turn-timeout", "9s", "--timeout", "10s", "--events"];
    let mut child = place.command(&[&["run", "w.js"], &flags[..]].concat());
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    // It is told when the turn has gone on for a while.
    assert!(events.any(|event| event.unwrap().contains("agent_completed")));
    signal(&child, Signal::STOP);
    std::thread::sleep(STOPPED);
    signal(&child, Signal::CONT);
    let report = events.last().unwrap().unwrap();
    assert!(report.contains("20000000"), "{report}");
    assert!(child.wait().unwrap().success());
}
