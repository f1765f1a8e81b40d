//! Questions to people that are answered by commands: `answer`, `signal`, `--answer`.

#![cfg(target_os = "linux")]

mod common;

use std::process::Child;

use common::background::{Background, META};
use common::{Ran, finish, until};
use serde_json::{Value, json};

const APPROVE: &str = "const ok = await SW.extra.approve('Deploy?', { label: 'deploy', detail: { files: ['a'] } })\n\
    return [ok.approved, ok.comment]";

/// Runs `s.mjs` until only questions are open, and returns its id.
#[track_caller]
fn asks(at: &Background) -> String {
    let ran = at.run(&["run", "s.mjs"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let run = ran.run_id();
    assert_eq!(ran.stderr.lines().last(), Some(&*format!("answer: smol-wf answer {run}")));
    run
}

/// The result of a run that somebody else holds, or has held.
#[track_caller]
fn result(at: &Background, run: &str) -> Value {
    let ran = at.run(&["attach", run]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(at.run(&["replay", run]).ok()["equal"], true);
    ran.report()["result"].clone()
}

#[test]
fn an_answer_takes_up_a_run_whose_process_has_ended() {
    let at = Background::new(APPROVE);
    let run = asks(&at);
    let listed = at.run(&["answer", &run]);
    let text = listed.printed(0);
    assert!(text.starts_with("approve asks in step 1 (deploy): Deploy?\n"), "{text}");
    assert!(text.contains(&format!("answer: smol-wf answer {run}#1 --yes")), "{text}");
    let open = at.run(&["answer", &run, "--json"]).ok();
    let asked = &open["asks"][0];
    assert_eq!(
        (&open["runId"], &asked["step"], &asked["kind"]),
        (&json!(run), &json!(1), &json!("approve"))
    );
    let question = format!("{run}#1");
    at.run(&["answer", &question, "maybe"]).fails(3, &["yes or no", "answer_invalid"]);
    at.run(&["answer", &run, "--no-start"]).fails(2, &["smol-wf answer RUN VALUE"]);
    at.run(&["answer", &run, "yes", "--no"]).fails(2, &["cannot be used with"]);
    at.run(&["answer", &format!("{run}#7"), "--yes"])
        .fails(3, &["step 7 asks no such question", "ask_unknown"]);
    // Off a terminal nobody sees which question it would approve.
    for (given, line) in [("--yes", "--yes"), ("yes", "--yes"), ("--no", "--no")] {
        let line = format!("approve  deploy: smol-wf answer {question} {line}");
        at.run(&["answer", &run, given]).fails(2, &["name the question of run", &line]);
    }
    assert_eq!(at.state(&run), "paused", "nothing has changed");

    let answered = at.run(&["answer", &question, "--no", "--comment", "tests fail"]);
    assert!(
        answered.said(0).contains(&format!("step 1 of run {run} (`Deploy?`) has your answer")),
        "{}",
        answered.stderr
    );
    assert_eq!(result(&at, &run), json!([false, "tests fail"]));
    at.run(&["answer", &run, "--yes"]).fails(3, &["is over", "run_over"]);
    at.run(&["answer", &run]).fails(3, &["run_over"]);
}

#[test]
fn an_answer_that_waits_says_so_and_is_the_only_one() {
    let at = Background::new(APPROVE);
    let run = asks(&at);
    let question = format!("{run}#1");
    let waits = at.run(&["answer", &question, "yes", "--no-start", "-o", "json"]).ok();
    assert_eq!(
        (&waits["message"], &waits["taken"], &waits["held"]),
        (&json!("answer"), &json!(false), &json!(false))
    );
    at.run(&["answer", &question, "no"]).fails(3, &["ask_answered", "posted before"]);
    let report = at.run(&["continue", &run, "--wait"]).report();
    assert_eq!(report["result"], json!([true, null]));
}

#[test]
fn a_run_in_the_background_stays_for_a_deadline_and_is_answered_there() {
    let at = Background::new(
        "const n = await SW.extra.ask('How many?', { schema: { type: 'integer', minimum: 3 }, timeout: '1h' })\n\
        const late = await SW.extra.ask('And?', { timeout: 300, onTimeout: { value: 'late' } })\n\
        return [n, late]",
    );
    let run = at.detach(&[]);
    until("it asks", || at.run(&["answer", &run]).code == 0);
    let holder = at.holder(&run);
    at.run(&["answer", &run, "2"]).fails(3, &["answer_invalid", "2 is less than"]);
    at.run(&["answer", &run, "--yes"]).fails(
        2,
        &["step 1 asks for a value, not for approval", &format!("smol-wf answer {run}#1 VALUE")],
    );
    assert_eq!(at.holder(&run), holder, "it stays");
    let report = at.run(&["answer", &run, "4", "--wait"]);
    assert_eq!(report.report()["result"], json!([4, "late"]), "{}", report.stderr);
    assert_eq!(report.report()["attempts"], 1, "the same process went on");
}

#[test]
fn a_run_in_the_background_ends_without_a_deadline() {
    let at = Background::new(APPROVE);
    let run = at.detach(&[]);
    at.until_state(&run, "paused");
    until("nobody holds it", || at.held().is_empty());
    at.run(&["answer", &format!("{run}#1"), "yes"]).said(0);
    assert_eq!(result(&at, &run), json!([true, null]));
}

#[test]
fn everything_that_is_wrong_with_an_answer_is_said() {
    let at = Background::new(
        "return SW.extra.ask('Which?', { schema: { type: 'object', required: ['a', 'b'],\n\
        properties: { a: { type: 'integer' }, b: { type: 'string' } } } })",
    );
    let run = asks(&at);
    let wrong = at.run(&["answer", &run, r#"{"a":"x"}"#]);
    wrong.fails(
        3,
        &["answer_invalid", "/a", "\"b\" is a required property", "what is asked: smol-wf answer"],
    );
    at.run(&["answer", &run, r#"{"a":1,"b":"x"}"#]).said(0);
    assert_eq!(result(&at, &run), json!({ "a": 1, "b": "x" }));
}

#[test]
fn one_of_several_questions_is_named_by_its_step() {
    let at = Background::new(
        "const child = await Promise.all([workflow('c'), SW.extra.ask('Why?'), agent('one')])\nreturn child",
    );
    at.place.write(
        ".agents/workflows/c.mjs",
        "export const meta = { name: 'c', description: 'd' }\n\
        return (await SW.extra.approve('In the child?')).approved\n",
    );
    std::fs::create_dir(at.place.path(".git")).unwrap();
    let mut child = at.start(&["run", "s.mjs"]);
    let open = || at.run(&["answer", "latest", "--json"]);
    until("both are asked", || {
        let ran = open();
        ran.code == 0 && ran.report()["asks"].as_array().is_some_and(|asks| asks.len() == 2)
    });
    let open = open().report();
    let step = |kind: &str| {
        let asks = open["asks"].as_array().unwrap();
        asks.iter().find(|ask| ask["kind"] == kind).unwrap()["step"].clone()
    };
    let (why, inner) = (step("ask"), step("approve"));
    let run = open["runId"].as_str().unwrap();
    at.run(&["answer", run, "because"])
        .fails(2, &["several open questions", "approve  In the child?", "ask  Why?"]);
    at.run(&["answer", &format!("{run}#{why}"), "12"]).said(0);
    at.run(&["answer", &format!("{run}#{why}"), "13"]).fails(3, &["ask_answered"]);
    at.run(&["answer", &format!("{run}#{inner}"), "y"]).said(0);
    assert!(child.try_wait().unwrap().is_none(), "its agent works");
    at.run(&["answer", run]).fails(3, &["asks nothing at the moment", "ask_unknown"]);
    at.go();
    let report = finish(child).report();
    assert_eq!(report["result"], json!([true, "12", "answer to one"]));
    assert_eq!(report["attempts"], 1);
}

#[test]
fn of_answers_at_the_same_moment_one_wins_and_the_others_say_so() {
    let at = Background::new("return SW.extra.ask('Which?')");
    let run = asks(&at);
    let values = ["a", "b", "c", "d"];
    let racers: Vec<Child> =
        values.iter().map(|value| at.start(&["answer", &run, value])).collect();
    let ran: Vec<Ran> = racers.into_iter().map(finish).collect();
    let said: Vec<_> = ran.iter().map(|ran| (ran.code, &*ran.stderr)).collect();
    let winners: Vec<_> = ran.iter().zip(values).filter(|(ran, _)| ran.code == 0).collect();
    assert_eq!(winners.len(), 1, "{said:#?}");
    assert!(winners[0].0.stderr.contains("has your answer"), "{said:#?}");
    for (ran, _) in ran.iter().zip(values).filter(|(ran, _)| ran.code != 0) {
        assert_eq!(ran.code, 3, "{said:#?}");
        let is_told = ["ask_answered", "run_over", "ask_unknown"]
            .iter()
            .any(|code| ran.stderr.contains(code));
        assert!(is_told, "{said:#?}");
    }
    assert_eq!(result(&at, &run), winners[0].1);
}

#[test]
fn an_event_is_kept_for_the_script_or_settles_its_wait() {
    let at = Background::new(
        "const a = await SW.extra.waitFor('merged', { match: { number: 12 } })\n\
        const b = await SW.extra.waitFor('deployed')\n\
        return [a, b]",
    );
    let run = asks(&at);
    at.run(&["signal", &run, "deployed", "soon"]).fails(2, &["'\"soon\"'"]);
    let kept = at.run(&["signal", &run, "deployed", "\"soon\""]);
    assert!(kept.said(0).contains("keeps this event"), "{}", kept.stderr);
    until("nobody holds it", || at.held().is_empty());
    let other = at.run(&["signal", &run, "merged", r#"{"number":11}"#]);
    assert!(other.said(0).contains("keeps this event"), "{}", other.stderr);
    until("nobody holds it", || at.held().is_empty());
    at.run(&["answer", &run, r#"{"number":1}"#]).fails(3, &["answer_invalid", "`match`"]);
    let fits = at.run(&["signal", &run, "merged", r#"{"number":12,"by":"ann"}"#]);
    assert!(
        fits.said(0).contains("step 1 of run") && fits.stderr.contains("has it"),
        "{}",
        fits.stderr
    );
    assert_eq!(result(&at, &run), json!([{ "number": 12, "by": "ann" }, "soon"]));
}

#[test]
fn no_agent_answers_on_any_path() {
    let at = Background::new(APPROVE);
    let run = asks(&at);
    for args in [
        &["answer", &run, "yes"][..],
        &["answer", &run],
        &["signal", &run, "merged"],
        &["run", "s.mjs", "--answer", "deploy=yes"],
        &["run", "s.mjs", "--answer", "deploy=yes", "--detach"],
        &["resume", &run, "--answer", "deploy=yes"],
        &["fork", &run, "--answer", "deploy=yes"],
    ] {
        let mut below = at.command(args);
        below.env("SMOL_WF_PROCESS", "x/1/1/1/1");
        finish(below.spawn().unwrap()).fails(3, &["post_from_agent"]);
    }
    assert_eq!(at.state(&run), "paused");
    assert_eq!(at.run(&["history", "--json"]).ok()["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn answers_that_are_given_in_advance_are_for_ci() {
    let at = Background::new(
        "const ok = await SW.extra.approve('Deploy?', { label: 'deploy' })\n\
        const [n, event] = await Promise.all([SW.extra.ask('How many?', { schema: { type: 'integer' } }), SW.extra.waitFor('merged')])\n\
        return [ok.approved, n, event]",
    );
    let all = ["--answer", "deploy=yes", "--answer", "How many?=3", "--answer", "merged=null"];
    let report = at.run(&[&["run", "s.mjs"], &all[..]].concat()).ok();
    assert_eq!(report["result"], json!([true, 3, null]));
    assert_eq!(report["attempts"], 1);
    let run = at.detach(&all);
    assert_eq!(result(&at, &run), json!([true, 3, null]));
    at.run(&["run", "s.mjs", "--answer", "yes"]).fails(2, &["LABEL=ANSWER"]);

    let some = at.run(&[
        "run",
        "s.mjs",
        "--answer",
        "deploy=yes",
        "--answer",
        "How many?=x",
        "--answer",
        "nobody=1",
    ]);
    some.fails(
        6,
        &["warning: --answer for `How many?` was not taken", "--answer nobody=1: no question"],
    );
    let open = &some.report()["asks"]["open"];
    assert_eq!(open.as_array().unwrap().len(), 2, "{open}");
    let rest = ["--answer", "How many?=4", "--answer", "merged=5"];
    let resumed = at.run(&[&["resume", &*some.run_id()], &rest[..]].concat());
    assert_eq!(resumed.ok()["result"], json!([true, 4, 5]));
    // An approval is asked for again in a fork.
    let fork = at.run(&["fork", &some.run_id(), "--answer", "deploy=no"]);
    assert_eq!(fork.ok()["result"], json!([false, 4, 5]));
    assert_eq!(at.run(&["replay", &fork.run_id()]).ok()["equal"], true);
}

#[test]
fn the_answer_of_a_question_is_in_its_history() {
    let at = Background::new(APPROVE);
    at.place.write("s.mjs", format!("{META}{APPROVE}\n"));
    let run = asks(&at);
    at.run(&["answer", &format!("{run}#1"), "--yes", "--comment", "go"]).said(0);
    let events = at.run(&["attach", &run, "--events"]).stdout;
    let settled = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let settled =
        settled.into_iter().find(|event| event["type"] == "workflow.ask_settled").unwrap();
    assert_eq!(
        (&settled["data"]["comment"], &settled["data"]["output"]["approved"]),
        (&json!("go"), &json!(true))
    );
    let details = &at.run(&["history", &run, "--json"]).ok()["details"];
    assert_eq!(details["steps"][0]["promptBegins"], "Deploy?");
    let whole = at.run(&["history", &run, "--step", "1", "-o", "text"]);
    let text = whole.printed(0);
    assert!(text.contains("PROMPT\n  Deploy?\n\n  {\"files\":[\"a\"]}"), "{text}");
}
