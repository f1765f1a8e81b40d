//! `smol-wf msg`: what agents at work are told, also after the death of their run's
//! process, and what a fork makes of it.

mod common;

use std::os::unix::fs::PermissionsExt;

use common::background::Background;
use common::until;
use rustix::process::Signal;
use serde_json::Value;

const TWO: &str = "return await parallel([() => agent('one', {phase: 'P'}), () => agent('two')])";

/// Stands in for Claude Code: its answer is what it was told, once it is told to finish.
const AGENT: &str = r#"#!/bin/sh
read -r prompt
echo '{"type":"system","subtype":"init","session_id":"s","model":"m"}'
while read -r line; do
  text=$(printf '%s' "$line" | sed 's/.*"content":"\([^"]*\)".*/\1/')
  id=$(printf '%s' "$line" | sed 's/.*"uuid":"\([^"]*\)".*/\1/')
  said="$said$text,"
  echo '{"type":"user","isReplay":true,"session_id":"s","uuid":"'"$id"'"}'
  [ "$text" != finish ] || break
done
echo '{"type":"result","subtype":"success","result":"'"$said"'","usage":{"output_tokens":1},"session_id":"s"}'
cat > /dev/null
"#;

fn with_listening_agents() -> Background {
    let at = Background::new(TWO);
    let agent = at.place.write("home/.config/smol-workflows/claude.sh", AGENT);
    std::fs::set_permissions(agent, PermissionsExt::from_mode(0o755)).unwrap();
    let file = "provider = 'mine'\n[providers.mine]\nkind = 'claude-code'\n\
        program = './claude.sh'\nenv = { ANTHROPIC_API_KEY = 'k' }\n";
    at.place.write("home/.config/smol-workflows/config.toml", file);
    at
}

/// Numbers of the messages that agents had, in the order in which they had them.
fn told(at: &Background, run: &str) -> Vec<u64> {
    let ran = at.run(&["logs", run, "--output", "jsonl"]);
    let logs = ran.printed(0);
    let events = logs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = events.filter(|event| event["type"] == "workflow.agent_told");
    told.map(|event| {
        assert_eq!(event["data"]["tooLate"], false, "{event}");
        event["data"]["number"].as_u64().unwrap()
    })
    .collect()
}

#[test]
fn each_attempt_is_told_everything_once_and_a_fork_says_so() {
    let at = with_listening_agents();
    let run = at.detach(&[]);
    until("both are at work", || at.held()[0]["agentsAtWork"] == 2);
    at.run(&["msg", &run, "x"]).fails(2, &[&format!("smol-wf msg {run}#1 TEXT"), "#2 TEXT"]);
    let said = at.run(&["msg", &format!("{run}@P"), "first", "--json"]).ok();
    let steps = said["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["step"]), (1, &1.into()), "{said}");
    assert_eq!((&steps[0]["number"], &steps[0]["taken"]), (&1.into(), &true.into()), "{said}");
    at.run(&["msg", &format!("{run}#*"), "second"]).printed(0);
    until("they have it", || told(&at, &run).len() == 3);
    at.signal(&run, Signal::KILL);
    until("nobody holds it", || at.held().is_empty());
    let waits = at.run(&["msg", &format!("{run}#2"), "-third"]);
    assert!(waits.stderr.contains("is told when it goes on"), "{}", waits.stderr);

    at.run(&["continue", &run]).printed(0);
    until("all are told again", || told(&at, &run).len() == 7);
    let mut again = told(&at, &run).split_off(3);
    again.sort_unstable();
    assert_eq!(again, [1, 2, 3, 4]);
    at.run(&["msg", &format!("{run}#*"), "finish"]).printed(0);
    let report = at.run(&["attach", &run]).report();
    let both = serde_json::json!(["first,second,finish,", "second,-third,finish,"]);
    assert_eq!(report["result"], both, "{report}");

    let step = at.run(&["history", &run, "--step", "2", "--json"]).ok();
    let messages = &step["step"]["messages"];
    assert_eq!((&step["step"]["steered"], &messages[1]["fate"]), (&3.into(), &"told".into()));
    assert_eq!(messages[1]["text"], "-third");
    let shown = at.run(&["history", &run, "--step", "2", "-o", "text"]);
    let shown = shown.printed(0);
    assert!(shown.contains("steered by 3 messages"), "{shown}");
    at.run(&["replay", &run]).printed(0);
    at.run(&["msg", &format!("{run}#1"), "x"]).fails(3, &["run_over"]);

    let fork = at.run(&["fork", &run]);
    assert!(fork.stderr.contains("2 answers reused, 2 of them steered"), "{}", fork.stderr);
    let report = fork.report();
    assert_eq!((&report["result"], &report["reused"]["steered"]), (&both, &2.into()));
}

#[test]
fn a_message_that_no_agent_can_take_is_refused_and_changes_nothing() {
    let at = Background::new("await SW.sleep(1)\nreturn await agent('x')");
    let run = at.detach(&[]);
    at.at_work(&run);
    let to = |step: &str| format!("{run}#{step}");
    at.run(&["msg", &run, "x"]).fails(3, &["agent_takes_no_messages"]);
    at.run(&["msg", &to("1"), "x"]).fails(3, &["step_settled"]);
    at.run(&["msg", &to("3"), "x"]).fails(3, &["step_unknown"]);
    at.run(&["msg", &format!("{run}@Q"), "x"]).fails(3, &["no_agent_open"]);
    at.run(&["msg", &to("2"), " "]).fails(2, &["the message is empty"]);
    let long = "x".repeat(64 * 1024 + 1);
    at.run(&["msg", &to("2"), &long]).fails(2, &["65536 is the most"]);
    let mut below = at.command(&["msg", &run, "x"]);
    below.env("SMOL_WF_PROCESS", "x/1/1/1/1");
    common::finish(below.spawn().unwrap()).fails(3, &["post_from_agent"]);
    at.go();
    assert_eq!(at.run(&["attach", &run]).report()["result"], "answer to x");
}
