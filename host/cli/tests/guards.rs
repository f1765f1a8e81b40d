//! Agents that fail alike, cost too much or need a worktree, through the
//! program.

mod common;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{Place, finish, journal, snapshot};
use serde_json::Value;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

const FLEET: &str = "const all = await parallel(Array.from({ length: 75 }, (_, i) => () => agent(`p${i}`)))\nreturn all.filter(Boolean).length\n";

#[test]
fn a_fleet_without_credit_is_paused_and_never_completed_with_75_failures() {
    let place = Place::new();
    let rule = "#3=fail:quota,retry-after:1h";
    let ran = place.script(&format!("{META}{FLEET}"), &["--debug-rule", rule]);
    ran.fails(5, &["[provider_quota]", "answers again at 20", "resume: smol-wf resume run_"]);
    let report = ran.report();
    assert_eq!(
        (&report["state"], &report["error"]["code"]),
        (&"paused".into(), &"provider_quota".into())
    );
    assert!(report["error"]["resetsAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(report["agents"]["failed"], 0);
    assert!(report["agents"]["completed"].as_u64().unwrap() < 75);
    let shown = place.run(&["history", &ran.run_id(), "--output", "json"]).ok();
    assert_eq!(shown["error"], report["error"], "the journal says the same");
}

#[test]
fn a_provider_that_says_when_it_answers_again_is_waited_for_once() {
    let place = Place::new();
    let meta = META.replace(" }", ", colour: 'red' }");
    let script = format!("{meta}return parallel(['a', 'b'].map(name => () => agent(name)))\n");
    let rule = ["--debug-rule", "prompt:b=fail:quota,retry-after:1s"];
    // Longer than the user would wait: as without the flag.
    let short = place.script(&script, &[&rule[..], &["--wait-for-reset", "10ms"]].concat());
    short.fails(5, &["answers again in", "--wait-for-reset is"]);
    assert_eq!(short.report()["attempts"], 1);
    // Shut again after the wait: paused, and not waited for another time.
    let ran = place.script(&script, &[&rule[..], &["--wait-for-reset", "1m"]].concat());
    ran.fails(5, &["until the provider answers again", "(resumed)", "[provider_quota]"]);
    let report = ran.report();
    assert_eq!((&report["attempts"], &report["state"]), (&2.into(), &"paused".into()));
    // What was said at the beginning is not said again.
    assert_eq!(ran.stderr.matches("warning: script.mjs:1:").count(), 1, "{}", ran.stderr);
    let entries = journal(&place.db(), &ran.run_id());
    let count = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((count("agent_dispatched"), count("agent_parked")), (3, 2), "a is asked once");
    // One stream of events, without repetition.
    let args = [&rule[..], &["--wait-for-reset", "1m", "--events"]].concat();
    let events = place.script(&script, &args).events();
    let numbers: Vec<u64> = events
        .iter()
        .filter(|event| event["type"] != "workflow.agent_event")
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
}

/// Answers, except to the first that asks for `b`: it has no credit for a second.
const BROKE_ONCE: &str = r#"#!/bin/sh
prompt=$(cat)
echo "$prompt" >> asked
if [ "$prompt" = b ] && ! [ -e broke ]; then
  : > broke
  echo '{"error": {"kind": "quota", "message": "no credit", "retryAfterMs": 1000}}'
else
  echo "answer to $prompt"
fi
"#;

#[test]
fn a_run_goes_on_by_itself_when_its_provider_answers_again() {
    let place = Place::new();
    place.write("agent.sh", BROKE_ONCE);
    let settings = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
        command = ['sh', 'agent.sh']\n";
    place.write("home/.config/smol-workflows/config.toml", settings);
    let script = "return parallel(['a', 'b'].map(name => () => agent(name)))\n";
    place.write("script.mjs", format!("{META}{script}"));
    let child = place.at_home(&["run", "script.mjs", "--wait-for-reset", "1m"]).spawn();
    let ran = finish(child.unwrap());
    let report = ran.ok();
    assert_eq!(report["results"], serde_json::json!(["answer to a", "answer to b"]));
    assert_eq!((&report["attempts"], &report["state"]), (&2.into(), &"completed".into()));
    assert_eq!(ran.stderr.matches("until the provider answers again").count(), 1, "{}", ran.stderr);
    let asked = std::fs::read_to_string(place.path("asked")).unwrap();
    let times = |prompt: &str| asked.lines().filter(|line| *line == prompt).count();
    assert_eq!((times("a"), times("b")), (1, 2), "what was answered is not asked again");
}

#[test]
fn an_agent_that_does_not_say_what_it_used_is_not_free() {
    let place = Place::new();
    let settings = "provider = 'mine'\n[providers.mine]\nkind = 'command'\n\
        command = ['sh', '-c', 'cat > /dev/null; echo $COST']\nenv_allow = ['COST']\n";
    place.write("home/.config/smol-workflows/config.toml", settings);
    let body = "for (let i = 0; i < 3; i++) await agent(`p${i}`)\nreturn 'all'\n";
    place.write("script.mjs", format!("{META}{body}"));
    let run = |args: &[&str], answer: &str| {
        finish(place.at_home(args).env("COST", answer).spawn().unwrap())
    };
    let mut said = String::new();
    for (budget, answer, code, error) in [
        ("200k", "text", 5, "budget_unmetered"),
        ("$5", "text", 5, "budget_unpriced"),
        // Nobody used as much, or paid as much.
        ("$5", "{\"output\": 1, \"costUsd\": 1e300}", 5, "budget_unpriced"),
        (
            "200k",
            "{\"output\": 1, \"usage\": {\"outputTokens\": 18446744073709551615}}",
            5,
            "budget_unmetered",
        ),
        ("$5", "{\"output\": 1, \"costUsd\": 0.5}", 0, "none"),
        ("200k", "{\"output\": 1, \"usage\": {\"outputTokens\": 5}}", 0, "none"),
    ] {
        let ran = run(&["run", "script.mjs", "--budget", budget], answer);
        assert_eq!(ran.code, code, "{budget} {answer}: {}", ran.stderr);
        let report = ran.report();
        assert_eq!(report["error"]["code"].as_str().unwrap_or("none"), error, "{answer}");
        assert_eq!(report["agents"]["called"], if code == 0 { 3 } else { 2 });
        if code != 0 {
            said += &ran.stderr;
            let on = run(&["resume", "latest", "--budget", "none"], answer);
            assert_eq!(on.ok()["results"], "all");
            let shown = run(&["history", "latest", "-o", "text"], "");
            let head = shown.stdout.lines().find(|line| line.contains("start 2"));
            said += &format!("{}\n", head.expect("the budget is named with its epoch"));
        }
    }
    snapshot!(said, "guards-unmetered");
}

#[test]
fn a_failure_that_passes_is_tried_again() {
    let place = Place::new();
    let body = "return agent('p', { retry: { maxAttempts: 3, backoffMs: 1 } })\n";
    let rule = "*=fail:cut_stream,times:2,tokens:5";
    let report = place.script(&format!("{META}{body}"), &["--debug-rule", rule]).ok();
    assert_eq!((&report["results"], &report["agents"]["retried"]), (&"echo: p".into(), &2.into()));
    let wrong = place.script(&format!("{META}return agent('p', {{ retry: 3 }})\n"), &[]);
    snapshot!(wrong.said(1), @"
    run run_1 in /folder
    error: workflow failed at 2:8: AgentError: option `retry` of agent() takes { maxAttempts: 1 to 10, backoffMs: 0 to 600000 }, and is a number [call_invalid]
       2 │ return agent('p', { retry: 3 })
         │        ^
    report: smol-wf history run_1
    ");
    let wrong = place.script(&format!("{META}return agent('p', {{ model: 'a?b=c' }})\n"), &[]);
    snapshot!(wrong.said(1), @"
    run run_1 in /folder
    error: workflow failed at 2:8: AgentError: option `model` of agent(): `a?b=c` is not a model: `b` is none of provider and thinking; a model reads ID or ID?provider=NAME&thinking=LEVEL [call_invalid]
       2 │ return agent('p', { model: 'a?b=c' })
         │        ^
    report: smol-wf history run_1
    ");
}

#[test]
fn a_selector_chooses_and_an_alias_stands_for_one() {
    let place = Place::new();
    let body =
        "await agent('p', { model: 'fast' })\nreturn agent('q', { model: 'm?provider=nobody' })\n";
    let args = ["--model-map", "fast:small-1?provider=debug&thinking=low"];
    let ran = place.script(&format!("{META}{body}"), &args);
    snapshot!(ran.said(1), "guards-selector-chooses-alias");
    assert_eq!(ran.report()["usage"]["byModel"][0]["name"], "small-1");
    let ran = place.script(&format!("{META}return 1\n"), &["--model-map", "fast:a?b"]);
    snapshot!(ran.said(2), @"error: --model-map: `a?b` is not a model: `b` is none of provider and thinking; a model reads ID or ID?provider=NAME&thinking=LEVEL [request_invalid]");
}

#[test]
fn a_budget_in_dollars_pauses_and_a_higher_one_goes_on() {
    let place = Place::new();
    let body = "for (let i = 0; i < 6; i++) await agent(`p${i}`)\nreturn budget.total\n";
    let rule = ["--debug-rule", "*=cost:0.3", "--budget", "$1"];
    let ran = place.script(&format!("{META}{body}"), &rule);
    snapshot!(ran.said(5), "guards-budget-dollars-pauses");
    assert_eq!(ran.report()["agents"]["completed"], 4);
    let run = ran.run_id();
    snapshot!(place.run(&["resume", &run, "--budget", "$0.50"]).said(2), @"error: the budget of run run_1 is limited to $1.00, and that cannot be lowered to $0.50: what has been done cannot be undone; give --budget '$1.00' or more [limit_lowered]");
    let report = place.run(&["resume", &run, "--budget", "$10"]).ok();
    assert_eq!((&report["results"], &report["agents"]["completed"]), (&().into(), &6.into()));
    // As a sum of floats that would be 1.7999999999999998.
    assert_eq!(report["costUsd"], 1.8);
    let shown = place.run(&["history", &run, "-o", "text"]).stdout;
    snapshot!(shown, "history-run-budget");
    let silent = place.script(&format!("{META}return 1\n"), &[]).run_id();
    let shown = place.run(&["history", &silent, "-o", "text"]).stdout;
    assert!(!shown.contains("budget"), "{shown}");
}

/// Every `costUsd` in a document.
fn costs(document: &Value, found: &mut Vec<f64>) {
    match document {
        Value::Object(fields) => {
            found.extend(fields.get("costUsd").and_then(Value::as_f64));
            fields.values().for_each(|value| costs(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| costs(item, found)),
        _ => {}
    }
}

#[test]
fn sums_of_dollars_end_where_their_amounts_do() {
    let place = Place::new();
    let body = "phase('P')\nfor (let i = 0; i < 30; i++) await agent(`p${i}`)\nreturn 1\n";
    let ran = place.script(&format!("{META}{body}"), &["--debug-rule", "*=cost:0.1"]);
    assert_eq!(ran.ok()["costUsd"], 3.0);
    let id = ran.run_id();
    for command in [
        &["history", &id, "-o", "json"][..],
        &["history", "-o", "json"],
        &["history", "usage", "-o", "json"],
        &["history", "usage", "--by", "day", "-o", "json"],
        &["diff", &id, &id, "-o", "json"],
        &["fork", &id],
    ] {
        let mut found = Vec::new();
        costs(&place.run(command).ok(), &mut found);
        assert!(found.contains(&3.0), "{command:?}: {found:?}");
        let clean = |cost: &f64| [0.0, 0.1, 3.0].contains(cost);
        assert!(found.iter().all(clean), "{command:?}: {found:?}");
    }
    assert_eq!(place.run(&["replay", &id]).ok()["equal"], true);
}

#[test]
fn a_budget_in_tokens_is_what_the_script_is_told() {
    let place = Place::new();
    let script = format!("{META}await agent('p')\nreturn [budget.total, budget.spent()]\n");
    let rule = ["--debug-rule", "*=tokens:40", "--budget", "2k"];
    assert_eq!(place.script(&script, &rule).ok()["results"], serde_json::json!([2_000, 40]));
    let both = [rule.as_slice(), &["--budget-allowance", "500"]].concat();
    assert_eq!(place.script(&script, &both).ok()["results"], serde_json::json!([500, 40]));
    let spent = ["--debug-rule", "*=tokens:40", "--budget", "40"];
    let two = format!("{META}await agent('p')\nreturn agent('q')\n");
    snapshot!(place.script(&two, &spent).said(5), @"
    run run_1 in /folder
    [agent] p
    [agent] p: done in 0.0 s, 40 tokens
    error: the run has spent 40 of its budget of 40 output tokens; raise it with --budget 80 [budget_spent]
    resume: smol-wf resume run_1 --budget 80
    ");
    snapshot!(place.script(&script, &["--budget", "five"]).said(2), @"
    error: invalid value 'five' for '--budget <AMOUNT>': a budget is dollars or output tokens: '$5', '$0.50', 200k, 1.5M; or none

    For more information, try '--help'.
    ");
}

#[test]
fn prices_of_the_users_own_win_and_say_so() {
    let place = Place::new();
    place.write(
        "prices.json",
        r#"{"version":"mine","models":[{"model":"debug","input":0,"output":100}]}"#,
    );
    let args = ["--debug-rule", "*=cost:unknown,tokens:10000", "--prices", "prices.json"];
    let ran = place.script(&format!("{META}return agent('p')\n"), &args);
    assert!((ran.ok()["costUsd"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    let entries = journal(&place.db(), &ran.run_id());
    let settled = entries.iter().find(|entry| entry["kind"] == "settled").unwrap();
    assert_eq!(settled["reply"]["costSource"], "prices:mine");
    let without = place.script(&format!("{META}return agent('p')\n"), &args[..2]).ok();
    assert_eq!(without["costUnknownCalls"], 1);
    assert_eq!(without["usage"]["byProvider"][0]["costUnknownCalls"], 1);
    place.write("prices.json", "[]");
    snapshot!(place.script(&format!("{META}return 1\n"), &args).said(2), @r#"error: the prices in prices.json cannot be used: these are not prices: invalid length 0, expected struct PriceTable with 4 elements at line 1 column 2; a table reads {"version": "…", "models": [{"model": "…", "input": 3, "output": 15}]}, in dollars per million tokens [request_invalid]"#);
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(unix)]
#[test]
fn what_a_killed_process_left_is_listed_and_pruned() {
    let place = Place::new();
    std::fs::create_dir(place.path("project")).unwrap();
    let project = place.path("project");
    git(&project, &["init", "-q"]);
    git(&project, &["commit", "-q", "--allow-empty", "-m", "first"]);
    let body = format!("{META}return agent('p', {{ isolation: 'worktree' }})\n");
    place.write("project/script.mjs", body);
    let args = ["run", "project/script.mjs", "--cwd", "project", "--debug-rule", "*=delay:1h"];
    let mut child = place.command(&args).spawn().unwrap();
    let began = Instant::now();
    let worktrees = || git(&project, &["worktree", "list"]).lines().count() - 1;
    // Git fails on one that is just being made.
    let is_made = || {
        let list = Command::new("git").args(["worktree", "list"]).current_dir(&project).output();
        list.is_ok_and(|list| {
            list.status.success() && String::from_utf8_lossy(&list.stdout).lines().count() == 2
        })
    };
    while !is_made() {
        assert!(began.elapsed() < Duration::from_secs(60), "no worktree is made");
        std::thread::sleep(Duration::from_millis(10));
    }
    let in_use = place.run(&["worktrees", "list", "--output", "json"]).ok();
    assert_eq!(in_use["worktrees"][0]["state"], "in_use");
    snapshot!(place.run(&["worktrees", "prune", "--force"]).said(0), @"0 removed, 1 kept");
    child.kill().unwrap();
    let killed = finish(child);

    let listed = place.run(&["worktrees", "list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let run = killed.run_id();
    for part in [run.as_str(), "unchanged", "interrupted", "smol-wf/"] {
        assert!(listed.stdout.contains(part), "no `{part}` in {}", listed.stdout);
    }
    snapshot!(place.run(&["worktrees", "prune", "--dry-run"]).said(0), @"1 would be removed, 0 kept");
    let elsewhere = ["worktrees", "prune", "--dry-run", "--db", "elsewhere/runs.db"];
    snapshot!(place.run(&elsewhere).said(0), @"
    there is no database at elsewhere/runs.db yet; the first `smol-wf run` creates it; choose another one with --db
    0 would be removed, 0 kept
    ");
    assert_eq!(worktrees(), 1);
    snapshot!(place.run(&["worktrees", "prune"]).said(0), @"1 removed, 0 kept");
    assert_eq!((worktrees(), git(&project, &["branch", "--list", "smol-wf/*"]).as_str()), (0, ""));
}
