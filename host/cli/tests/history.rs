//! `history`: lists that are narrowed, one run in detail, deletion, sums; and
//! that a database someone edited is not believed.

mod common;

use std::process::Stdio;

use common::{Place, Ran, snapshot};
use serde_json::{Value, json};

/// A workflow of this name with so many agents, all in one phase.
fn workflow(name: &str, agents: u32) -> String {
    format!(
        "export const meta = {{ name: '{name}', description: 'd' }}\nphase('Only')\n\
         for (let i = 0; i < {agents}; i++) await agent('ask ' + i, {{ label: 'asker ' + i, model: 'm' + i % 2 }})\n\
         return '{name}'\n"
    )
}

/// Three runs: `one` twice, the second of which failed, and `two`, which has
/// paused.
fn three() -> (Place, [String; 3]) {
    let place = Place::new();
    let first = place.script(&workflow("one", 1), &[]);
    let fail = ["--debug-rule", "*=fail", "--on-failure", "throw"];
    let second = place.script(&workflow("one", 1), &fail);
    let third = place.script(&workflow("two", 3), &["--max-agents", "2"]);
    assert_eq!([first.code, second.code, third.code], [0, 1, 5]);
    let ids = [first.run_id(), second.run_id(), third.run_id()];
    (place, ids)
}

fn ids(ran: &Ran) -> Vec<String> {
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let runs = ran.report()["runs"].as_array().unwrap().clone();
    runs.iter().map(|run| run["runId"].as_str().unwrap().to_owned()).collect()
}

fn list(place: &Place, flags: &[&str]) -> Vec<String> {
    let all: Vec<&str> = ["history", "-o", "json"].iter().chain(flags).copied().collect();
    ids(&place.run(&all))
}

#[test]
fn what_agents_used_is_summed_while_their_answers_wait_and_once_only() {
    let place = Place::new();
    let script = "return await parallel([() => agent('fast').then(() => agent('over')), () => agent('slow 1'), () => agent('slow 2')])";
    let rules = ["--debug-rule", "slow*=delay:300ms,cost:1", "--debug-rule", "*=cost:1"];
    let flags = [&rules[..], &["--max-agents", "3"]].concat();
    let ran = place.script(
        &format!("export const meta = {{ name: 'sums', description: 'd' }}\n{script}\n"),
        &flags,
    );
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let sums = |place: &Place| {
        let report = place.run(&["history", "latest", "--json"]).report();
        let usage = place.run(&["history", "usage", "-o", "json"]).report();
        let cost = usage["total"]["costUsd"].clone();
        (report["costUsd"].clone(), report["tokenUsage"]["totalTokens"].clone(), cost)
    };
    let paused = sums(&place);
    assert_eq!((&paused.0, &paused.2), (&json!(3.0), &json!(3.0)), "{}", ran.stdout);
    assert_eq!(ran.report()["costUsd"], 3.0);
    let resumed = place.run(&["resume", "latest", "--max-agents", "9"]);
    assert_eq!(resumed.ok()["costUsd"], 4.0);
    assert_eq!(sums(&place).2, 4.0);
}

#[test]
fn lists_are_narrowed_by_state_name_time_and_page() {
    let (place, [one, two, three]) = three();
    let all = [three.clone(), two.clone(), one.clone()];
    assert_eq!(list(&place, &[]), all);
    assert_eq!(list(&place, &["--state", "failed"]), std::slice::from_ref(&two));
    assert_eq!(list(&place, &["--state", "paused,completed"]), [three.clone(), one.clone()]);
    assert_eq!(list(&place, &["--state", "completed", "--limit", "1"]), std::slice::from_ref(&one));
    assert_eq!(list(&place, &["--state", "running"]), [""; 0]);
    assert_eq!(list(&place, &["--name", "one"]), [two.clone(), one.clone()]);
    assert_eq!(list(&place, &["--name", "one", "--state", "failed"]), std::slice::from_ref(&two));
    assert_eq!(list(&place, &["--since", "1h"]), all);
    assert_eq!(list(&place, &["--since", "yesterday", "--until", "now"]), all);
    assert_eq!(list(&place, &["--until", "1h"]), [""; 0]);
    assert_eq!(
        list(&place, &["--since", "2001-02-03T04:05:06Z", "--until", "2002-01-01"]),
        [""; 0]
    );
    let created =
        place.run(&["history", "-o", "json"]).report()["runs"][1]["createdAtMs"].to_string();
    assert!(list(&place, &["--since", &created]).contains(&three));
    assert!(!list(&place, &["--since", &created]).contains(&one));
    assert_eq!(list(&place, &["--limit", "2"]), all[..2]);
    assert_eq!(list(&place, &["--limit", "2", "--before", &two]), all[2..]);
    assert_eq!(list(&place, &["--before", "latest"]), all[1..]);
    snapshot!(place.run(&["history", "--before", "nonsense"]).said(3), @"
    error: there is no run `nonsense` in this database [run_unknown]
    runs of the workflow `nonsense`: smol-wf history --name nonsense
    all runs: smol-wf history
    ");
    // What narrows a list says nothing about one run.
    for flags in [["--state", "failed"], ["--limit", "1"], ["--since", "1h"], ["--name", "one"]] {
        place.run(&[&["history", "latest"][..], &flags].concat()).fails(2, &["cannot be used"]);
    }
    snapshot!(place.run(&["history", "--since", "soon"]).said(2), @"
    error: invalid value 'soon' for '--since <WHEN>': `soon` is not a time; write 2h, 3d, yesterday, 2026-11-01 or 2026-01-01T00:00:00Z

    For more information, try '--help'.
    ");
    snapshot!(place.run(&["history", "--state", "lost"]).said(2), @"
    error: invalid value 'lost' for '--state <STATE>'
      [possible values: running, interrupted, cancelled, paused, completed, failed, damaged]

    For more information, try '--help'.
    ");
}

#[test]
fn a_list_says_what_runs_did() {
    let (place, [.., three]) = three();
    // Twice: what was made of the journals the first time is kept.
    for _ in 0..2 {
        let listed = place.run(&["history", "--output", "json"]).ok();
        let run = &listed["runs"][0];
        assert_eq!(run["runId"], three.as_str());
        assert_eq!(run["state"], "paused");
        assert_eq!(run["name"], "two");
        assert_eq!(run["attempts"], 1);
        assert_eq!(run["agents"], 2);
        assert!(run["tokenUsage"]["totalTokens"].as_u64().unwrap() > 0);
        assert!(run["updatedAtMs"].as_i64() >= run["createdAtMs"].as_i64());
    }
    place.run(&["resume", &three, "--max-agents", "9"]).ok();
    let listed = place.run(&["history", "--output", "json"]).ok();
    assert_eq!(listed["runs"][0]["state"], "completed", "what was kept no longer counts");
    assert_eq!(listed["runs"][0]["attempts"], 2);
    assert_eq!(listed["runs"][0]["agents"], 3);
    let lines = place.run(&["history", "--output", "jsonl"]).events();
    assert_eq!(lines, *listed["runs"].as_array().unwrap());
    let text = place.run(&["history"]).stdout;
    snapshot!(text, "history-three");
    assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
}

#[test]
fn a_run_is_shown_in_detail_and_its_report_stays_as_it_was() {
    let (place, [.., paused]) = three();
    let plain = place.run(&["history", &paused]);
    let report = plain.ok();
    assert_eq!(report.get("details"), None);
    place.run(&["resume", &paused, "--max-agents", "9"]).ok();
    let full = place.run(&["history", &paused, "--output", "json"]).ok();
    assert_eq!(full["results"], "two");
    let details = &full["details"];
    let ended: Vec<_> =
        details["attempts"].as_array().unwrap().iter().map(|a| &a["ended"]).collect();
    assert_eq!(ended, ["limit", "completed"]);
    assert_eq!(details["attempts"][1]["limits"]["agents"], 9);
    let steps = details["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 3);
    for step in steps {
        assert_eq!(step["state"], "completed");
        assert_eq!(step["kind"], "agent");
        assert_eq!(step["phase"], "Only");
        assert_eq!(step["provider"], "debug");
        assert!(step["startedAtMs"].as_i64() >= step["calledAtMs"].as_i64());
        assert!(step["endedAtMs"].as_i64() >= step["startedAtMs"].as_i64());
    }
    let usage = &details["usage"];
    assert_eq!(usage["byPhase"][0]["agents"], 3);
    let tokens = |rows: &Value| -> u64 {
        let rows = rows.as_array().unwrap();
        rows.iter().map(|row| row["tokenUsage"]["totalTokens"].as_u64().unwrap()).sum()
    };
    for table in ["byPhase", "byModel", "byProvider"] {
        assert_eq!(tokens(&usage[table]), full["tokenUsage"]["totalTokens"], "{table}");
    }
    let one_line = place.run(&["history", "latest", "-o", "jsonl"]);
    assert_eq!(one_line.stdout.lines().count(), 1);
    assert_eq!(one_line.report(), full);
}

#[test]
fn an_attempt_that_a_limit_stopped_says_what_raises_it() {
    let (place, [_, _, paused]) = three();
    place.run(&["resume", &paused, "--max-agents", "9"]).ok();
    let text = place.run(&["history", &paused, "-o", "text"]).stdout;
    snapshot!(text, "history-run-raised-limit");
}

#[test]
fn the_text_of_scripts_does_nothing_to_a_terminal() {
    let place = Place::new();
    let script = "export const meta = { name: 'evil \\u001b[31m', description: 'd' }\n\
                  phase('p\\u202e')\nawait agent('x\\u0007y', { label: 'l\\u009b' })\n\
                  return 'r\\u001b]0;t\\u0007'\n";
    place.script(script, &[]).ok();
    for args in
        [&["history"][..], &["history", "latest", "-o", "text"], &["diff", "latest", "latest"]]
    {
        let text = place.run(args).stdout;
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert!(!text.contains('\u{202e}') && !text.contains('\u{9b}'), "{text:?}");
    }
}

#[test]
fn runs_are_deleted_by_id_state_and_age() {
    let (place, [one, two, three]) = three();
    snapshot!(place.run(&["history", "delete"]).said(2), @"error: name the runs to delete, or select them with --state or --all");
    place
        .run(&["history", "delete", "--state", "failed"])
        .fails(2, &["1 run", "--yes", "--dry-run"]);
    let dry = place.run(&["history", "delete", "--all", "--dry-run"]);
    assert_eq!(dry.stdout.lines().filter(|line| line.starts_with("would delete run_")).count(), 3);
    assert_eq!(list(&place, &[]).len(), 3);
    // Whoever forgets the unit means days, and seconds would be nearly all.
    place
        .run(&["history", "delete", "--all", "--older-than", "30", "--yes"])
        .fails(2, &["30d", "unit"]);
    place.run(&["history", "delete", "--all", "--older-than", "2w", "--yes"]).fails(0, &[]);
    let none = place
        .run(&["history", "delete", "--all", "--older-than", "1h", "--yes", "-o", "json"])
        .ok();
    assert_eq!(none["deleted"].as_array().unwrap().len(), 0);
    let done = place.run(&["history", "delete", "--state", "failed", "--yes", "--json"]).ok();
    assert_eq!(done["deleted"][0]["runId"], two.as_str());
    assert_eq!(list(&place, &[]), [three.clone(), one.clone()]);
    snapshot!(place.run(&["history", &two]).said(3), @"
    error: there is no run `run_1` in this database [run_unknown]
    all runs: smol-wf history
    ");
    let named = place.run(&["history", "delete", &one[..14], &one]);
    assert_eq!(named.stdout.lines().count(), 1, "named twice, deleted once");
    snapshot!(place.run(&["history", "delete", &one]).said(3), @"
    error: there is no run `run_1` in this database [run_unknown]
    all runs: smol-wf history
    ");
    place.run(&["history", "delete", "--vacuum"]).fails(0, &[]);
    let rest = place.run(&["history", "delete", "--all", "--yes", "--vacuum"]);
    assert_eq!(rest.stdout, format!("deleted {three}  two (paused)\n"));
    assert_eq!(list(&place, &[]), [""; 0]);
}

#[test]
fn a_run_that_a_process_works_on_is_not_deleted() {
    let place = Place::new();
    place.write("s.mjs", workflow("slow", 1));
    let mut child = place
        .command(&["run", "s.mjs", "--debug-rule", "*=delay:60s"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    let run = common::run_id_of(&line);
    snapshot!(place.run(&["history", "delete", &run]).said(3), @"
    error: run run_1 is being run by process 1; stop that process, or wait until it is done [run_held]
    its state: smol-wf history run_1
    ");
    let all = place.run(&["history", "delete", "--all", "--yes"]);
    snapshot!(all.said(0), @"not deleted, because a process is working on it: 1 run");
    assert_eq!(list(&place, &["--state", "running"]), std::slice::from_ref(&run));
    child.kill().unwrap();
    child.wait().unwrap();
    // What was killed is never said to be running.
    assert_eq!(list(&place, &["--state", "running"]), [""; 0]);
    assert_eq!(list(&place, &["--state", "interrupted"]), std::slice::from_ref(&run));
    place.run(&["history", "delete", &run]).fails(0, &[]);
    assert_eq!(list(&place, &[]), [""; 0]);
}

const AGENT: &str = "#!/bin/sh\nread -r prompt\necho \"reading $prompt\" >&2\nexec sleep 60\n";

#[test]
fn a_running_run_shows_what_its_agents_do() {
    let place = Place::new();
    let agent = place.write("home/.config/smol-workflows/agent.sh", AGENT);
    std::fs::set_permissions(agent, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = "[providers.mine]\nkind = 'command'\ncommand = ['./agent.sh']\n";
    place.write("home/.config/smol-workflows/config.toml", file);
    place.write("s.mjs", workflow("slow", 1));
    let at_home = |args: &[&str]| {
        let mut command = place.at_home(args);
        command.env("SMOL_WF_DB", place.db());
        command
    };
    let command = ["run", "s.mjs", "--agent-provider", "mine"];
    let mut child = at_home(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let shown = (0..600).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let shown = place.run(&["history", "latest", "-o", "json"]);
        let doing =
            (shown.code == 0).then(|| shown.report()["details"]["steps"][0]["doing"].clone());
        doing.filter(Value::is_string)
    });
    let text = place.run(&["history", "latest", "-o", "text"]).stdout;
    let replayed = place.run(&["replay", "latest"]).ok();
    let stopped = std::process::Command::new("kill").arg(child.id().to_string()).status();
    child.wait().unwrap();
    assert!(stopped.unwrap().success());
    assert_eq!(shown, Some(Value::from("agent.sh reading ask 0")));
    assert!(text.contains("DOING") && text.contains("agent.sh reading ask 0"), "{text}");
    assert_eq!(replayed["state"], "running", "as `history` says");
    let after = place.run(&["history", "latest", "-o", "json"]).ok();
    assert_eq!(after["state"], "cancelled");
    assert_eq!(after["details"]["steps"][0].get("doing"), None);
}

#[test]
fn counts_are_singular_for_one_and_nulls_name_their_agent() {
    let place = Place::new();
    let text = "export const meta = { name: 'n', description: 'd' }\n\
        return await pipeline(['x'], () => agent('a', { label: 'asker' }), () => { throw new Error('no') })\n";
    let run = place.script(text, &["--max-agents", "1"]).run_id();
    let shown = place.run(&["history", &run, "-o", "text"]).stdout;
    snapshot!(shown, "history-run-of-one");
    let fork = place.run(&["fork", &run]).run_id();
    let shown = place.run(&["history", &fork, "-o", "text"]).stdout;
    snapshot!(shown, "history-fork-of-one");
}

#[test]
fn usage_adds_up_over_runs() {
    let (place, _) = three();
    let by = |what: &str| place.run(&["history", "usage", "--by", what, "-o", "json"]).ok();
    let workflows = by("workflow");
    let names: Vec<_> =
        workflows["rows"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["two", "one"], "the most tokens first");
    assert_eq!(workflows["rows"][0]["agents"], 2);
    assert_eq!(workflows["rows"][1]["runs"], 2);
    let listed = place.run(&["history", "--json"]).ok();
    let tokens: u64 = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["tokenUsage"]["totalTokens"].as_u64().unwrap())
        .sum();
    for what in ["model", "workflow", "day", "provider"] {
        assert_eq!(by(what)["total"]["tokenUsage"]["totalTokens"], tokens, "{what}");
        assert_eq!(by(what)["total"]["runs"], 3);
    }
    assert_eq!(by("provider")["rows"][0]["name"], "debug");
    let day = by("day")["rows"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(day.len(), 10, "{day}");
    let of_two = place.run(&["history", "usage", "--name", "two", "--since", "1h"]);
    assert!(of_two.stdout.lines().last().unwrap().starts_with("total"), "{}", of_two.stdout);
    let none = place.run(&["history", "usage", "--until", "1h", "--json"]).ok();
    assert_eq!(none["rows"].as_array().unwrap().len(), 0);
}

#[test]
fn forks_stand_below_their_parent_and_are_charged_for_what_they_asked() {
    let (place, [one, two, three]) = three();
    let forked = place.run(&["fork", &one, "--from", "2"]);
    let fork = forked.run_id();
    assert_eq!(forked.ok()["reused"]["agents"], 1);
    let listed = place.run(&["history", "-o", "json"]).ok();
    assert_eq!(listed["runs"][0]["runId"], fork.as_str(), "newest first");
    assert_eq!(listed["runs"][0]["parent"], one.as_str());
    assert_eq!(listed["runs"][0]["tokenUsage"]["totalTokens"], 0, "nothing was asked again");
    let text = place.run(&["history"]).stdout;
    snapshot!(text, "history-forks");
    assert_eq!(list(&place, &[]), [fork.clone(), three, two, one.clone()]);
    snapshot!(place.run(&["history", "--limit", "1"]).stdout, "history-fork-alone");
    let details = place.run(&["history", &fork, "-o", "json"]).ok();
    assert_eq!(details["details"]["steps"][0]["reused"]["run"], one.as_str());
    snapshot!(place.run(&["history", &fork, "-o", "text"]).stdout, "history-run-reused");
    place.run(&["diff", &one, &fork]).fails(0, &[]);
    // Its answers are its own: the parent may go.
    place.run(&["history", "delete", &one]).fails(0, &[]);
    assert_eq!(place.run(&["replay", &fork]).code, 0);
    assert_eq!(place.run(&["history", &fork]).ok()["results"], "one");
}

#[test]
fn a_database_that_was_edited_is_not_believed() {
    for (change, code) in [
        (
            "DELETE FROM journal WHERE run = NUMBER AND seq = (SELECT max(seq) FROM journal WHERE run = NUMBER)",
            "journal_damaged",
        ),
        ("DELETE FROM journal WHERE run = NUMBER AND seq = 0", "journal_damaged"),
        ("DELETE FROM journal WHERE run = NUMBER", "journal_damaged"),
        (
            "UPDATE journal SET body = replace(body, 'ask 0', 'ask 7') WHERE run = NUMBER",
            "journal_changed",
        ),
        ("UPDATE journal SET kind = 'logged' WHERE run = NUMBER AND seq = 1", "journal_changed"),
        ("UPDATE runs SET name = 'other' WHERE run = ?1", "run_row_changed"),
        ("UPDATE runs SET created_at_us = 5 WHERE run = ?1", "run_row_changed"),
    ] {
        let (place, [_, two, three]) = three();
        // What lists keep beside the journals does not hide it.
        assert_eq!(list(&place, &[]).len(), 3);
        let connection = rusqlite::Connection::open(place.db()).unwrap();
        let number = "(SELECT number FROM numbers WHERE run = ?1)";
        let change = change.replace("NUMBER", number);
        assert!(connection.execute(&change, [&three]).unwrap() > 0, "{change}");
        drop(connection);
        for args in [
            &["history", &three][..],
            &["resume", &three],
            &["export", &three, "--format", "jsonl"],
            &["diff", &two, &three],
        ] {
            let ran = place.run(args);
            ran.fails(3, &[code, &three]);
            assert!(ran.stdout.is_empty(), "{args:?}: {}", ran.stdout);
        }
        let listed = place.run(&["history", "-o", "json"]).ok();
        let damaged: Vec<_> = listed["runs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["state"] == "damaged")
            .collect();
        assert_eq!(damaged.len(), 1, "{change}: {listed}");
        assert_eq!(damaged[0]["runId"], three.as_str());
        assert!(damaged[0]["damage"].as_str().unwrap().contains(&three));
        place.run(&["history", "usage"]).fails(0, &["1 run cannot be read and counts as"]);
        place.run(&["history", "delete", "--state", "damaged", "--yes"]).fails(0, &[]);
        assert_eq!(list(&place, &[]).len(), 2);
    }
}
