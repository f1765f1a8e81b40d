//! Readers of runs that another process holds: `ps`, `attach` and `logs`.

#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use common::background::Background;
use common::{finish, signal, until};
use rustix::process::Signal;
use serde_json::Value;

const TWO: &str = "phase('Look')\nlog('first line')\nconst a = await agent('one', { label: 'eins' })\n\
    return [a, await agent('two')]";

/// Waits until a reader has shown that an agent is at work.
fn seen_at_work(child: &mut Child) -> BufReader<std::process::ChildStderr> {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("[agent] ") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended");
    }
    stderr
}

#[test]
fn ps_lists_what_a_process_holds_and_what_it_waits_for() {
    let at = Background::new(TWO);
    at.run(&["ps"]).fails(0, &["no database"]);
    let run = at.detach(&[]);
    let holder = at.at_work(&run);
    until("its activity is known", || {
        at.held()[0]["waitsFor"][0]["doing"] == "agent.sh looks at one"
    });
    let row = &at.held()[0];
    assert_eq!(row["state"], "running");
    assert_eq!((&row["name"], &row["agentsAtWork"]), (&"n".into(), &1.into()));
    assert_eq!(row["waitsFor"][0]["label"], "eins");
    let text = at.run(&["ps"]);
    let line = text.printed(0).lines().nth(1).unwrap();
    assert!(line.starts_with(&run) && line.contains(&holder.to_string()), "{line}");
    assert!(line.ends_with("agent eins: agent.sh looks at one"), "{line}");
    // In the foreground as well.
    let mut child = at.start(&["run", "s.mjs"]);
    let mut said = seen_at_work(&mut child);
    assert_eq!(at.held().len(), 2);
    at.go();
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    finish(child);
    at.run(&["attach", &run]).ok();
    let none = at.run(&["ps"]);
    assert_eq!((none.printed(0), none.stderr.as_str()), ("", "no process works on a run\n"));
    assert_eq!(at.run(&["ps", "--json"]).ok()["runs"], Value::Array(Vec::new()));
    assert_eq!(at.run(&["ps", "--all"]).printed(0), "");
}

#[test]
fn a_run_that_stopped_is_listed_with_all() {
    let at = Background::new(TWO);
    let run = at.detach(&["--max-agents", "1"]);
    at.go();
    at.until_state(&run, "paused");
    until("nobody holds it", || at.held().is_empty());
    let all = at.run(&["ps", "--all"]);
    assert!(all.printed(0).contains(&format!("smol-wf resume {run}")), "{}", all.stdout);
    let held = at.run(&["ps"]);
    let said = "no process works on a run\n\
                1 run that no process works on can go on: smol-wf ps --all\n";
    assert_eq!((held.printed(0), held.stderr.as_str()), ("", said));
    let ran = at.run(&["attach", &run]);
    ran.fails(5, &["is not running: paused", "--max-agents", "smol-wf resume"]);
    assert_eq!(ran.report()["state"], "paused");
}

#[test]
fn two_readers_see_the_same_and_as_much_as_the_one_who_runs() {
    let at = Background::new(TWO);
    let run = at.detach(&[]);
    at.at_work(&run);
    let readers = [0; 2].map(|_| at.start(&["attach", &run]));
    let streams = [0; 2].map(|_| at.start(&["attach", &run, "--events"]));
    at.go();
    let [one, two] = readers.map(finish);
    assert_eq!(one.ok()["results"][1], "answer to two");
    assert_eq!((&one.stdout, &one.stderr), (&two.stdout, &two.stderr));
    for line in ["[phase] Look", "[log] first line", "[agent] eins\n", "[agent] eins: done in"] {
        assert!(one.stderr.contains(line), "no `{line}` in {}", one.stderr);
    }
    let [one, two] = streams.map(finish);
    assert_eq!(one.code, 0, "{}", one.stderr);
    let stored = at.run(&["export", &run, "--format", "jsonl"]).stdout;
    assert_eq!((&one.stdout, &two.stdout), (&stored, &stored));
}

#[test]
fn leaving_leaves_the_run_alone() {
    for (how, code) in [(Signal::INT, 130), (Signal::HUP, 129), (Signal::TERM, 143)] {
        let at = Background::new(TWO);
        let run = at.detach(&[]);
        at.at_work(&run);
        let mut child = at.start(&["attach", &run]);
        let mut said = seen_at_work(&mut child);
        signal(&child, how);
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert!(rest.contains(&format!("run {run} goes on")), "{rest}");
        assert_eq!(finish(child).code, code);
        assert_eq!(at.state(&run), "running");
    }
}

#[test]
fn a_run_whose_holder_dies_is_said_to_have_stopped() {
    let at = Background::new(TWO);
    let run = at.detach(&["--agent-provider", "debug", "--debug-rule", "*=delay:600s"]);
    at.at_work(&run);
    let mut child = at.start(&["attach", &run]);
    let mut said = seen_at_work(&mut child);
    at.signal(&run, Signal::KILL);
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    let ran = finish(child);
    assert_eq!(ran.code, 1, "{rest}");
    assert!(rest.contains(&format!("run {run} stopped: interrupted")), "{rest}");
    assert!(rest.contains(&format!("resume: smol-wf resume {run}")), "{rest}");
    assert_eq!(ran.report()["state"], "interrupted");
}

#[test]
fn a_reader_that_goes_or_stands_still_holds_nothing() {
    let at = Background::new(
        "for (let i = 0; i < 100; i++) { log('l'.repeat(3000)); await agent(i + 'x'.repeat(3000)) }\n\
        await agent('last', { provider: 'mine' })\nreturn 'whole'",
    );
    let run = at.detach(&["--agent-provider", "debug"]);
    at.at_work(&run);
    // Nobody reads, one is stopped, and one has gone.
    let full = at.start(&["attach", &run, "--events"]);
    let stopped = at.start(&["attach", &run, "--events"]);
    signal(&stopped, Signal::STOP);
    let mut gone = at.start(&["attach", &run, "--events"]);
    let mut first = String::new();
    BufReader::new(gone.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("workflow.started"), "{first}");
    assert_eq!(finish(gone).code, 0);
    until("the last agent is at work", || at.held()[0]["waitsFor"][0]["label"] == "last");
    at.go();
    at.until_state(&run, "completed");
    until("nobody holds it", || at.held().is_empty());
    let stored = at.run(&["export", &run, "--format", "jsonl"]).stdout;
    assert_eq!(finish(full).stdout, stored, "a slow reader misses nothing");
    signal(&stopped, Signal::CONT);
    assert_eq!(finish(stopped).stdout, stored);
}

#[test]
fn logs_tell_what_was_asked_and_answered() {
    let at = Background::new(
        "phase('Look')\nlog('first\\nsecond')\n\
        const a = await agent('p\\n'.repeat(30) + 'end', { label: 'eins' })\nreturn [a, 2]",
    );
    at.go();
    let run = at.run(&["run", "s.mjs"]).run_id();
    let all = at.run(&["logs", &run]);
    let text = all.printed(0);
    let without_time: Vec<&str> = text.lines().map(|line| &line[line.len().min(21)..]).collect();
    assert!(without_time.contains(&"phase Look"), "{text}");
    assert!(text.contains("\n    first\n    second\n"), "{text}");
    assert!(text.contains(&format!("    … whole: smol-wf logs {run}#1\n")), "{text}");
    assert!(text.contains("#1 eins asked\n") && text.contains("#1 eins answered in"), "{text}");
    assert!(!text.contains("    end\n"));
    let one = at.run(&["logs", "latest#1"]);
    let text = one.printed(0);
    assert!(text.contains("    p\n    end\n") && !text.contains("phase"), "{text}");
    assert!(text.contains("tool: agent.sh looks at p"), "{text}");
    at.run(&["logs", "latest#2"]).fails(2, &["has no step 2: it has 1 step"]);
    at.run(&["logs", "latest#x"]).fails(2, &["names no step"]);
    at.run(&["logs", "run_zzz"]).fails(3, &["[run_unknown]"]);
    let lines = at.run(&["logs", &run, "--json"]);
    assert_eq!(lines.printed(0), at.run(&["export", &run, "--format", "jsonl"]).stdout);
    let of_step = at.run(&["logs", &format!("{run}#1"), "--json"]).events();
    assert!(of_step.iter().all(|event| event["metadata"]["stepId"] == "1"), "{of_step:?}");
    at.run(&["logs", &run, "--holder"]).fails(0, &["has no log: it never ran in the background"]);
}

#[test]
fn logs_are_followed_until_the_run_ends() {
    let at = Background::new(TWO);
    let run = at.detach(&[]);
    at.at_work(&run);
    let mut follows = at.start(&["logs", "-f", &run]);
    let step = at.start(&["logs", "-f", &format!("{run}#2")]);
    let holder = at.start(&["logs", "-f", "--holder", &run]);
    let mut stdout = BufReader::new(follows.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("eins asked") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it ended");
    }
    at.go();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("#2 two answered in") && rest.contains("completed\n"), "{rest}");
    assert_eq!(finish(follows).code, 0);
    let step = finish(step);
    assert!(step.printed(0).contains("    answer to two\n") && !step.stdout.contains("#1"));
    let holder = finish(holder);
    assert_eq!(holder.printed(0), at.log_text(&run));
}

#[test]
fn a_run_that_is_deleted_meanwhile_is_unknown() {
    let at = Background::new("return 1");
    at.run(&["attach", "latest"]).fails(3, &["[run_unknown]"]);
    at.run(&["run", "s.mjs"]).ok();
    at.run(&["history", "delete", "latest"]).fails(0, &[]);
    at.run(&["attach", "run_0"]).fails(3, &["[run_unknown]"]);
    let closed = at.command(&["logs", "run_0"]).stdout(Stdio::null()).output().unwrap();
    assert_eq!(closed.status.code(), Some(3));
}

#[test]
fn the_log_has_questions_answers_and_messages() {
    let at = Background::new(
        "const ok = await SW.extra.approve('Deploy?', { label: 'deploy', detail: 'two files' })\n\
        return ok.approved",
    );
    let run = at.run(&["run", "s.mjs"]).run_id();
    let answer = ["answer", &*format!("{run}#1"), "--no", "--comment", "tests fail", "--wait"];
    assert_eq!(at.run(&answer).code, 0);
    let ran = at.run(&["logs", &run]);
    let log = ran.printed(0);
    for part in [
        "  #1 deploy: approve asks\n    Deploy?\n    two files\n",
        "  #1 deploy: answered by ",
        ", with the comment: tests fail\n",
        "\"approved\": false",
        "  message answer of step 1 by ",
    ] {
        assert!(log.contains(part), "no `{part}` in {log}");
    }
}

#[test]
fn ps_names_the_question_that_a_run_waits_for() {
    let at = Background::new(
        "const both = await Promise.all([agent('one'), SW.extra.approve('Deploy?', { label: 'deploy' })])\n\
        return both[1].approved",
    );
    let run = at.detach(&[]);
    at.at_work(&run);
    let text = at.run(&["ps"]);
    assert!(text.printed(0).contains("approve deploy, and 1 more"), "{}", text.stdout);
    at.go();
    at.until_state(&run, "paused");
    until("nobody holds it", || at.held().is_empty());
    let all = at.run(&["ps", "--all"]);
    assert!(all.printed(0).contains(&format!("smol-wf answer {run}")), "{}", all.stdout);
}
