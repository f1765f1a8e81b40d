//! Where runs end in the middle of something: children that end early, stops
//! with answers at hand, memory that ran out and was caught, deep results.

mod common;

use std::collections::HashMap;

use common::{Place, journal, snapshot};
use serde_json::json;

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

#[test]
fn a_child_that_ends_before_its_agents_leaves_them_behind_and_replays() {
    let place = Place::new();
    place.write(
        "child.mjs",
        format!("{META}agent('nobody waits')\nreturn await Promise.race([1, 2, 3, 4].map(n => agent(`racer ${{n}}`)))\n"),
    );
    let script = format!(
        "{META}const won = []
for (let i = 0; i < 5; i++) won.push(await workflow({{ scriptPath: './child.mjs' }}))
await agent('last')
return won.length\n"
    );
    for _ in 0..4 {
        let args =
            ["--debug-rule", "last=delay:1ms", "--debug-rule", "*=delay:5ms", "--max-agents", "25"];
        place.script(&script, &args).fails(5, &["[limit_agents]"]);
        let resumed = place.run(&["resume", "latest", "--max-agents", "26"]).ok();
        assert_eq!(resumed["results"], 5);
    }
}

#[test]
fn a_stop_keeps_the_answers_that_are_at_hand() {
    let place = Place::new();
    let script = format!(
        "{META}const items = Array.from({{ length: 16 }}, (_, i) => i)
return (await pipeline(items, i => agent(`one ${{i}}`), (seen, i) => agent(`two ${{i}}`))).length\n"
    );
    let stopped = place.script(&script, &["--max-agents", "17", "--debug-rule", "*=delay:40ms"]);
    stopped.fails(5, &["[limit_agents]"]);
    let run = stopped.run_id();
    // All sixteen were at work together; those that had answered by the stop are kept.
    let kept =
        journal(&place.db(), &run).iter().filter(|entry| entry["kind"] == "agent_answered").count();
    assert!(kept > 0, "answers were thrown away");
    let resumed = place.run(&["resume", &run, "--max-agents", "32"]).ok();
    assert_eq!(resumed["results"], 16);
    let mut dispatched: HashMap<u64, u32> = HashMap::new();
    for entry in journal(&place.db(), &run) {
        if entry["kind"] == "agent_dispatched" {
            *dispatched.entry(entry["step"].as_u64().unwrap()).or_default() += 1;
        }
    }
    let twice = dispatched.values().filter(|times| **times > 1).count();
    assert!(twice <= 16 - 1 - kept, "{twice} steps ran twice though {kept} answers were kept");
}

#[test]
fn memory_that_ran_out_stops_the_run_even_when_the_script_catches_it() {
    let place = Place::new();
    let script = format!(
        "{META}const slots = await parallel([() => new Uint8Array(100 * 2 ** 20).length, () => 1])
await agent('after')
return slots\n"
    );
    snapshot!(place.script(&script, &["--memory", "64"]).said(1), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    error: the script needs more than 64 MiB of memory; raise it with --memory 128 [limit_memory]
    resume: smol-wf resume run_1 --memory 128
    ");
    let resumed = place.run(&["resume", "latest", "--memory", "256"]).ok();
    assert_eq!(resumed["results"], json!([100 * 1024 * 1024, 1]));
}

#[test]
fn what_one_turn_hands_over_is_bounded() {
    let place = Place::new();
    let script = format!("{META}for (let i = 0; i < 100; i++) agent('x'.repeat(2 ** 21))\n");
    snapshot!(place.script(&script, &[]).said(1), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    error: the script handed over more than 134217728 bytes without waiting for a call; await some calls before making more [limit_turn_bytes]
    ");
}

#[test]
fn deep_results_are_reported() {
    let place = Place::new();
    let script =
        format!("{META}let deep = 1; for (let i = 0; i < 500; i++) deep = [deep]; return deep\n");
    let ran = place.script(&script, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains(&"[".repeat(500)), "{}", ran.stdout);
    let again = place.run(&["history", "latest"]);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn a_device_is_refused_as_a_file_of_arguments() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return 1\n"));
    let endless = place.run(&["run", "s.mjs", "--args-from-file", "/dev/zero"]);
    snapshot!(endless.said(3), @"error: --args-from-file: /dev/zero cannot be read: it is a pipe, a socket or a device, not a regular file of 4194304 bytes at the most; check the path [args_invalid]");
}

#[test]
fn an_unwritable_event_stream_is_not_a_success() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return await agent('x')\n"));
    let mut command = place.command(&["run", "s.mjs", "--events"]);
    command.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    snapshot!(common::finish(command.spawn().unwrap()).said(74), @"
    run run_1 in /folder
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    [agent] x
    [agent] x: done in 0.0 s, 2 tokens
    error: cannot write to stdout: No space left on device (os error 28) [stdout_unwritable]
    the report is stored: smol-wf history run_1 --json
    ");
}

#[test]
fn every_command_that_prints_rows_takes_the_same_words() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return await agent('x')\n"));
    place.run(&["run", "s.mjs"]).ok();
    for command in [
        &["config", "show"][..],
        &["config", "path"],
        &["trust", "--list"],
        &["doctor"],
        &["providers"],
        &["worktrees", "list"],
        &["worktrees", "prune", "--dry-run"],
        &["history"],
        &["history", "usage"],
    ] {
        let short = place.run(&[command, &["--json"]].concat());
        let long = place.run(&[command, &["--output", "json"]].concat());
        assert_eq!(short.report()["schemaVersion"], 1, "{command:?}");
        assert_eq!(short.report(), long.report(), "{command:?}");
        let table = place.run(&[command, &["--output", "table"]].concat());
        let text = place.run(&[command, &["--output", "text"]].concat());
        assert_eq!(table.stdout, text.stdout, "{command:?}: {}", table.stderr);
    }
    let listed = place.run(&["history", "--state", "pending", "--json"]).ok();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 0);
    let unclear = place.run(&["export", "latest", "--format", "jsonl", "-o", "json"]);
    snapshot!(unclear.said(2), @"error: -o names the file to write, and `json` is a format: --format jsonl -o FILE; to write a file with this name, use ./json");
    assert!(!place.path("json").exists());
}

#[test]
fn log_levels_have_all_their_names() {
    let place = Place::new();
    let text = format!("{META}log('said')\nreturn await agent('x', {{ mood: 'good' }})\n");
    for (level, lines) in [
        ("off", 1),
        ("none", 1),
        ("quiet", 1),
        ("error", 1),
        ("warn", 2),
        ("warning", 2),
        ("info", 5),
    ] {
        let ran = place.script(&text, &["--log-level", level]);
        assert_eq!(ran.stderr.lines().count(), lines, "{level}: {}", ran.stderr);
    }
    let traced = place.script(&text, &["--log-level", "trace"]).stderr;
    snapshot!(traced, @"
    run run_1 in /folder
    [log] said
    warning: agent() does not know the option `mood`; it is ignored
    [agent] x
    [agent 1] thinking
    [agent] x: done in 0.0 s, 2 tokens
    ");
    let null = place.script(&text, &["--debug-rule", "*=null", "--fail-on-null"]);
    snapshot!(null.said(8), @"
    run run_1 in /folder
    [log] said
    warning: agent() does not know the option `mood`; it is ignored
    [agent] x
    [agent] x: answered null in 0.0 s
    ");
}

#[test]
fn a_name_with_a_dot_is_found_as_in_a_script() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    place.write(".agents/workflows/a.b.mjs", format!("{META}return 'dotted'\n"));
    assert_eq!(place.run(&["run", "a.b"]).ok()["results"], "dotted");
    assert_eq!(
        place.script(&format!("{META}return await workflow('a.b')\n"), &[]).ok()["results"],
        "dotted"
    );
    snapshot!(place.run(&["run", "c.mjs"]).said(3), @"error: there is no file `c.mjs` [workflow_not_found]");
}
