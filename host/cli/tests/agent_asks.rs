//! An agent that asks leave of a person: with a real process that speaks ACP, answered by
//! commands, also after the death of the run's process.

#![cfg(target_os = "linux")]

mod common;

use std::cell::RefCell;
use std::path::Path;

use common::background::Background;
use common::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A place whose agent asks leave to write below its folder.
fn place() -> Background {
    let at = Background::new("return await agent('[ask] [inside]', { label: 'writer' })");
    let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("../providers/tests/fake/acp");
    let log = at.place.path("agent.log");
    let file = format!(
        "provider = 'mine'\nasks = 'person'\n[providers.mine]\nkind = 'acp'\n\
         command = ['{}']\nenv = {{ FAKE_LOG = '{}' }}\n",
        agent.display(),
        log.display()
    );
    at.place.write("home/.config/smol-workflows/config.toml", file);
    at
}

/// The open question of a run, once it has this number.
fn asked(at: &Background, run: &str, number: u64) -> Value {
    let found = RefCell::new(Value::Null);
    until("a question", || {
        let listed = at.run(&["answer", run, "--json"]);
        if listed.code != 0 {
            return false;
        }
        *found.borrow_mut() = listed.ok()["asks"][0].clone();
        found.borrow()["ask"] == number
    });
    found.into_inner()
}

#[test]
fn a_person_allows_it_after_the_process_of_the_run_was_killed() {
    let at = place();
    let run = at.detach(&[]);
    let first = asked(&at, &run, 1);
    for (field, value) in [
        ("kind", json!("permission")),
        ("label", json!("writer")),
        ("question", json!("write")),
        ("detail", json!("inside")),
        ("tool", json!("edit")),
        ("provider", json!("mine")),
        ("step", json!(1)),
    ] {
        assert_eq!(first[field], value, "{first}");
    }
    let held = at.held().remove(0);
    assert_eq!(held["waitsFor"][0]["permissions"], 1, "{held}");
    // Nobody allows what they were not shown.
    let line = format!("smol-wf answer {run}#1.1 --yes");
    for name in [run.clone(), format!("{run}#1")] {
        at.run(&["answer", &name, "--yes"]).fails(2, &["name the question", &line]);
    }
    at.run(&["answer", &format!("{run}#1.2"), "--yes"]).fails(3, &["ask_unknown"]);

    let process = i32::try_from(held["process"].as_u64().unwrap()).unwrap();
    kill_process(Pid::from_raw(process).unwrap(), Signal::KILL).unwrap();
    until("its end", || at.held().is_empty());
    at.run(&["answer", &format!("{run}#1.1"), "--yes"]).fails(3, &["ask_answered"]);
    assert_eq!(at.run(&["history", &run, "--json"]).ok()["asks"], Value::Null);

    at.run(&["continue", &run]).printed(0);
    let second = asked(&at, &run, 2);
    assert_ne!(second["digest"], first["digest"]);
    let yes = at.run(&["answer", &format!("{run}#1.2"), "--yes", "--comment", "go on"]);
    assert!(yes.said(0).contains("has your answer"), "{}", yes.stderr);
    let ended = at.run(&["attach", &run]);
    let report = ended.ok();
    assert!(report["result"].as_str().unwrap().contains("allow_once"), "{report}");
    assert_eq!(report["asks"], Value::Null, "nothing was refused");
    assert_eq!(at.run(&["replay", &run]).ok()["equal"], true);

    let step = at.run(&["history", &run, "--step", "1", "--json"]).ok();
    let permissions = &step["step"]["permissions"];
    assert_eq!(
        (&permissions[0]["state"], &permissions[0]["ask"]),
        (&json!("withdrawn"), &json!(1))
    );
    assert_eq!((&permissions[1]["state"], &permissions[1]["ask"]), (&json!("allowed"), &json!(2)));
    let step = at.run(&["history", &run, "--step", "1", "--output", "text"]);
    let text = step.printed(0);
    assert!(text.contains("permission 1 withdrawn: write: inside"), "{text}");
    let events = at.run(&["logs", &run, "--json"]);
    let ends: Vec<Value> = events
        .printed(0)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["type"] == "workflow.ask_settled")
        .map(|event| event["data"].clone())
        .collect();
    assert_eq!((&ends[0]["withdrawn"], &ends[0]["ask"]), (&json!(true), &json!(1)));
    assert_eq!((&ends[1]["output"], &ends[1]["comment"]), (&json!(true), &json!("go on")));
}

#[test]
fn off_a_terminal_the_run_waits_and_says_how_to_answer() {
    let at = place();
    let running = at.start(&["run", "s.mjs"]);
    until("a run", || !at.held().is_empty());
    let run = at.held()[0]["runId"].as_str().unwrap().to_owned();
    asked(&at, &run, 1);
    at.run(&["answer", &format!("{run}#1.1"), "--no"]).said(0);
    let ran = common::finish(running);
    assert!(ran.ok()["result"].as_str().unwrap().contains("reject_once"), "{}", ran.stdout);
    let said = format!("inside\n  answer: smol-wf answer {run}#1.1 --yes (or --no)");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("nobody was there"), "a person has refused it");
}
