//! Commands that reach a run of another process: pause, continue, cancel, stop, restart,
//! raise.

#![cfg(target_os = "linux")]

mod common;

use std::process::Command;

use common::background::Background;
use common::{finish, until};
use rustix::process::Signal;

const TWO: &str = "const a = await agent('one'); return [a, await agent('two')]";

const BOTH: &str = "return Promise.all([agent('one'), agent('two')])";

/// The words and verdicts of the messages that the holder took.
fn taken(at: &Background, run: &str) -> Vec<(String, Option<String>)> {
    let events = at.run(&["attach", run, "--events"]);
    let all = events.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    let of = |event: serde_json::Value| {
        let data = &event["data"];
        let refused = data["refused"].as_str().map(str::to_owned);
        (event["type"] == "workflow.message")
            .then(|| (data["message"].as_str().unwrap().to_owned(), refused))
    };
    all.filter_map(of).collect()
}

#[test]
fn a_paused_run_lets_its_agent_finish_and_goes_on_in_another_process() {
    let at = Background::new(TWO);
    let run = at.detach(&[]);
    at.at_work(&run);
    let said = at.run(&["pause", &run]);
    assert!(said.stderr.contains("pauses; agents at work finish"), "{}", said.stderr);
    assert_eq!(said.printed(0), "");
    at.go();
    at.until_state(&run, "paused");
    until("nobody holds it", || at.held().is_empty());
    let report = at.run(&["attach", &run]);
    assert_eq!(report.report()["error"]["code"], "paused");
    assert!(report.stderr.contains(&format!("smol-wf continue {run}")), "{}", report.stderr);
    let needless = at.run(&["pause", &run, "--json"]).ok();
    assert_eq!((&needless["taken"], &needless["held"]), (&false.into(), &false.into()));

    let went_on = at.run(&["continue", &run, "--wait"]);
    let report = went_on.report();
    assert_eq!(report["result"][0], "answer to one", "{report}");
    assert_eq!((&report["agents"]["called"], &report["attempts"]), (&2.into(), &2.into()));
    assert_eq!(taken(&at, &run), [("pause".to_owned(), None), ("continue".to_owned(), None)]);
    assert_eq!(at.run(&["replay", &run]).ok()["equal"], true);
}

#[test]
fn a_cancelled_run_ends_as_with_ctrl_c_and_its_agents_with_it() {
    let at = Background::new(TWO);
    let child = at.start(&["run", "s.mjs"]);
    until("it works", || at.held().iter().any(|row| row["agentsAtWork"] == 1));
    let run = at.held()[0]["runId"].as_str().unwrap().to_owned();
    at.run(&["cancel", &run]).printed(0);
    let ran = finish(child);
    assert_eq!(ran.report()["state"], "cancelled");
    ran.fails(130, &["smol-wf resume"]);
    assert!(at.held().is_empty());
    let over = at.run(&["stop", &format!("{run}#9")]);
    over.fails(3, &["there is no step 9", "step_unknown"]);
}

#[test]
fn one_of_two_agents_is_stopped_and_the_other_answers() {
    let at = Background::new(BOTH);
    let run = at.detach(&[]);
    until("both work", || at.held().iter().any(|row| row["agentsAtWork"] == 2));
    let stopped = at.run(&["stop", &format!("{run}#1"), "--output", "json"]).ok();
    assert_eq!((&stopped["message"], &stopped["taken"]), (&"stop".into(), &true.into()));
    until("one works", || at.held().iter().any(|row| row["agentsAtWork"] == 1));
    at.run(&["stop", &format!("{run}#1")]).fails(3, &["step_settled", "smol-wf fork"]);
    at.go();
    let report = at.run(&["attach", &run]).report();
    assert_eq!(report["result"][0], serde_json::Value::Null);
    assert_eq!(report["result"][1], "answer to two");
    assert_eq!(report["nulls"][0]["code"], "stopped", "{}", report["nulls"]);
    at.run(&["pause", &run]).fails(3, &["is over", "run_over", "smol-wf history"]);
    assert_eq!(at.run(&["replay", &run]).ok()["equal"], true);
}

#[test]
fn a_restarted_agent_is_another_process() {
    let at = Background::new("return agent('one')");
    let run = at.detach(&[]);
    at.at_work(&run);
    until("the first agent has begun", || at.agents().len() == 1);
    at.run(&["restart", &format!("{run}#1")]).printed(0);
    until("another agent has begun", || at.agents().len() == 2);
    let agents = at.agents();
    assert_ne!(agents[0], agents[1], "another process");
    at.go();
    assert_eq!(at.run(&["attach", &run]).report()["result"], "answer to one");
}

#[test]
fn a_limit_is_raised_while_the_run_goes_on_and_after_it_has_stopped() {
    let at = Background::new(TWO);
    let run = at.detach(&["--max-agents", "1"]);
    at.at_work(&run);
    at.run(&["raise", &run]).fails(2, &["--max-agents 2000"]);
    at.run(&["raise", &run, "--max-agents", "2"]).printed(0);
    at.go();
    assert_eq!(at.run(&["attach", &run]).report()["state"], "completed");

    let run = at.detach(&["--max-agents", "1"]);
    at.until_state(&run, "paused");
    until("nobody holds it", || at.held().is_empty());
    at.run(&["raise", &run, "--max-agents", "2"]).printed(0);
    assert_eq!(at.run(&["continue", &run, "--wait"]).report()["state"], "completed");
}

#[test]
fn a_message_to_a_run_whose_holder_was_killed_is_taken_by_the_next() {
    let at = Background::new(TWO);
    let run = at.detach(&[]);
    at.at_work(&run);
    at.signal(&run, Signal::KILL);
    until("nobody holds it", || at.held().is_empty());
    let said = at.run(&["stop", &format!("{run}#1")]);
    assert!(said.stderr.contains("when it goes on"), "{}", said.stderr);
    at.go();
    let report = at.run(&["continue", &run, "--wait"]).report();
    assert_eq!(report["result"][0], serde_json::Value::Null);
    assert_eq!(report["result"][1], "answer to two");
}

#[test]
fn an_agent_may_not_post() {
    let at = Background::new(TWO);
    let run = at.detach(&[]);
    at.at_work(&run);
    for command in ["pause", "cancel", "continue"] {
        let mut below = at.command(&[command, &run]);
        below.env("SMOL_WF_PROCESS", "x/1/1/1/1");
        finish(below.spawn().unwrap()).fails(3, &["post_from_agent"]);
    }
    // The mark of an ancestor counts too.
    let below = at.command(&["pause", &run]);
    let mut marked = Command::new("sh");
    marked.args(["-c", "unset SMOL_WF_PROCESS; \"$0\" \"$@\"; exit $?"]);
    marked.arg(below.get_program()).args(below.get_args()).env_clear();
    marked.envs(below.get_envs().filter_map(|(name, value)| Some((name, value?))));
    marked.env("SMOL_WF_PROCESS", "x/1/1/1/1").current_dir(below.get_current_dir().unwrap());
    let refused = marked.output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(!at.held().is_empty(), "nothing reached the run");
}

/// An agent that sheds its mark, and whose parent is the holder then.
#[test]
fn an_agent_may_not_answer_its_own_question_without_its_mark_either() {
    let at = Background::new(
        "const ok = SW.extra.approve('Deploy?'); const said = await agent('x')\n\
         return [said, await Promise.race([ok, 'open'])]",
    );
    let program = env!("CARGO_BIN_EXE_smol-wf");
    let agent = format!(
        "#!/bin/sh\ncat > /dev/null\n\
         env -u SMOL_WF_PROCESS {program} answer \"$SMOL_WF_RUN_ID#1\" --yes 2>&1 | grep -o 'post_from_agent'\n"
    );
    at.place.write("home/.config/smol-workflows/agent.sh", agent);
    let report = at.run(&["run", "s.mjs"]);
    let report = report.report();
    assert_eq!(report["result"][0], "post_from_agent", "{report}");
    assert_eq!(report["result"][1], "open");
}

#[test]
fn an_event_that_came_early_is_given_once_also_across_processes() {
    let at = Background::new(
        "const { ask, waitFor } = SW.extra; const got = []\n\
         await ask('go?'); got.push(await waitFor('ev')); await ask('more?')\n\
         got.push(await waitFor('ev')); return got",
    );
    let first = at.run(&["run", "s.mjs"]);
    first.printed(6);
    let run = first.run_id();
    at.run(&["signal", &run, "ev", "1", "--no-start"]).said(0);
    for step in [1, 3] {
        let answered = at.run(&["answer", &format!("{run}#{step}"), "ok", "--wait"]);
        assert_eq!(answered.code, 6, "{}", answered.stderr);
    }
    let report = at.run(&["history", &run, "--json"]).ok();
    assert_eq!(report["asks"]["open"][0]["step"], 4, "{}", report["asks"]);
    at.run(&["signal", &run, "ev", "2", "--wait"]).said(0);
    let report = at.run(&["history", &run, "--json"]).ok();
    assert_eq!(report["result"], serde_json::json!([1, 2]));
    assert_eq!(at.run(&["replay", &run]).ok()["equal"], true);
}
