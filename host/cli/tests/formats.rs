//! Journals that several programs wrote, each in its own format, and one that a
//! newer program wrote.

mod common;

use std::path::{Path, PathBuf};

use common::{Place, journal, snapshot};
use serde_json::{Value, json};

/// Recorded by a program of format 2.
const OLDER: &str = "9264ab0";

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded").join(OLDER).join(name)
}

/// A run that a program of format 2 let go of when its budget was spent, with agents
/// that were asked for and not answered. Its script lies in this place.
fn taken_in() -> (Place, String) {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    std::fs::copy(recorded("scripts/wide.js"), place.path("wide.js")).unwrap();
    let archive = std::fs::read_to_string(recorded("journals/paused-budget.jsonl")).unwrap();
    let (folder, script) = (place.path("."), place.path("wide.js"));
    let moved = forge(&archive, |entries| {
        for (field, path) in [("project_root", &folder), ("cwd", &folder), ("script_path", &script)]
        {
            entries[0][field] = path.to_str().unwrap().into();
        }
    });
    let file = place.write("older.jsonl", moved);
    let imported = place.run(&["import", file.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let run = imported.stdout.trim().to_owned();
    (place, run)
}

fn resume(place: &Place, run: &str, budget: &str) -> common::Ran {
    let folder = place.dir.path().to_str().unwrap();
    let here = ["--project-root", folder, "--cwd", folder];
    place.run(&[&["resume", run, "--budget", budget][..], &here].concat())
}

/// Of the entries that begin an attempt, or say a format: their kinds and formats.
fn formats(entries: &[Value]) -> Vec<(&str, Option<u64>)> {
    let begins = |entry: &&Value| {
        ["run_started", "attempt_started"].contains(&entry["kind"].as_str().unwrap())
    };
    let of = |entry: &'_ Value| entry["format"].as_u64();
    entries
        .iter()
        .filter(begins)
        .map(|entry| (entry["kind"].as_str().unwrap(), of(entry)))
        .collect()
}

#[test]
fn a_run_of_an_older_program_is_resumed_twice_replays_and_moves() {
    let (place, run) = taken_in();
    let before = journal(&place.db(), &run);
    resume(&place, &run, "12").fails(5, &["[budget_spent]"]);
    place.run(&["replay", &run]).ok();
    let report = resume(&place, &run, "none").ok();
    assert_eq!(report["attempts"], 3);
    assert_eq!(place.run(&["replay", &run]).ok()["equal"], true);

    let entries = journal(&place.db(), &run);
    assert!(entries.starts_with(&before), "what was written stays as it was written");
    let (head, attempt) = ("run_started", "attempt_started");
    // The head is there again where the format grows, for programs that look for
    // it in heads alone, and nowhere else.
    let expected =
        [(head, Some(2)), (attempt, None), (head, Some(5)), (attempt, Some(5)), (attempt, Some(5))];
    assert_eq!(formats(&entries), expected);
    let is_of = |kind: &str| entries.iter().any(|entry| entry["kind"] == kind);
    assert!(is_of("agent_called") && is_of("step_asked"), "it is a mixed one");

    let events = place.run(&["export", &run, "--format", "jsonl"]).stdout;
    let elsewhere = Place::new();
    let archive = place.run(&["export", &run, "--format", "journal"]).stdout;
    let file = elsewhere.write("moved.jsonl", &archive);
    assert_eq!(elsewhere.run(&["import", file.to_str().unwrap()]).code, 0);
    elsewhere.run(&["replay", &run]).ok();
    assert_eq!(elsewhere.run(&["export", &run, "--format", "journal"]).stdout, archive);
    assert_eq!(elsewhere.run(&["export", &run, "--format", "jsonl"]).stdout, events);
}

#[test]
fn a_mixed_run_is_forked_and_becomes_a_fixture_that_passes() {
    let (place, run) = taken_in();
    let report = resume(&place, &run, "none").ok();
    let forked = place.run(&["fork", &run]).ok();
    assert_eq!(forked["results"], report["results"]);
    assert_eq!(forked["reused"]["agents"], report["agents"]["completed"]);

    let exported = place.run(&["export", &run, "--fixture", "wide.swf"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let tested = place.run(&["test", "wide.swf"]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
    // It says where the newer format begins, as the journal does.
    let fixture = std::fs::read_to_string(place.path("wide.swf")).unwrap();
    let lines: Vec<Value> =
        fixture.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let attempts = lines.iter().filter(|line| line["kind"] == "attempt_started");
    let formats: Vec<_> = attempts.map(|line| line["format"].as_u64()).collect();
    assert_eq!(formats, [Some(2), Some(5)]);
    let raised = lines.iter().rposition(|line| line["kind"] == "attempt_started").unwrap();
    let rest = journal(&place.db(), &run);
    let taken_up = rest.iter().rposition(|entry| entry["kind"] == "attempt_started").unwrap();
    let kind = |line: Option<&Value>| line.map(|line| line["kind"].clone());
    assert_eq!(
        kind(lines.get(raised + 1)),
        kind(rest[taken_up + 1..].iter().find(|entry| {
            !["agent_dispatched", "agent_answered"].contains(&entry["kind"].as_str().unwrap())
        }))
    );
}

/// A script that catches what it is refused, in a run that was cut off between
/// two refusals.
#[test]
fn what_a_run_was_refused_under_either_format_is_refused_again() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let files: Vec<_> = std::fs::read_dir(recorded("../796b2d9/refused")).unwrap().collect();
    assert!(!files.is_empty());
    for file in files {
        let file = file.unwrap().path();
        let imported = place.run(&["import", file.to_str().unwrap()]);
        let run = imported.stdout.trim();
        place.run(&["replay", run]).ok();
        let folder = place.dir.path().to_str().unwrap();
        let here = ["--project-root", folder, "--cwd", folder, "--agent-provider", "debug"];
        let forked = place.run(&[&["fork", run][..], &here].concat());
        let forked = forked.report()["runId"].as_str().unwrap().to_owned();
        let entries = journal(&place.db(), &forked);
        let refused = entries.iter().filter(|entry| entry["kind"] == "call_refused").count();
        assert!(refused > 0, "{}", file.display());
        place.run(&["replay", &forked]).ok();
    }
}

/// What is redacted in the part of a question that is not kept, nobody knows.
#[test]
fn a_refused_question_is_redacted_in_a_fixture_and_known_again() {
    let script = "export const meta = { name: 'n', description: 'd' }
const ask = prompt => agent(prompt, { model: '?' }).catch(error => error.code)
const home = '/home/ann/project'
return [await ask(`Look into ${home}.`), await ask(`${'x'.repeat(2000)} ${home}`), await agent('done')]
";
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let ran = place.script(script, &[]);
    assert_eq!(ran.ok()["results"], json!(["call_invalid", "call_invalid", "echo: done"]));
    let exported = place.run(&["export", &ran.run_id(), "--fixture", "n.swf"]);
    assert_eq!(exported.code, 0, "{}", exported.stderr);
    let fixture = std::fs::read_to_string(place.path("n.swf")).unwrap();
    assert!(!fixture.contains("/home/ann"), "{fixture}");
    let refused: Vec<Value> = fixture
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["kind"] == "call_refused")
        .collect();
    assert_eq!(refused[0]["text"], "Look into /home/[redacted]/project.");
    assert!(refused[0]["asked"].is_string() && refused[1]["asked"].is_null(), "{refused:?}");
    assert_eq!(refused[1]["text"], "");
    let tested = place.run(&["test", "n.swf"]);
    assert_eq!(tested.code, 0, "{}{}", tested.stdout, tested.stderr);
}

/// A refusal holds its words: a program that refuses in others replays it.
#[test]
fn a_refusal_is_replayed_in_the_words_of_its_time() {
    let script = "export const meta = { name: 'n', description: 'd' }
try { await agent('a', { model: '?' }) } catch (error) { return { code: error.code, said: error.message } }
";
    let place = Place::new();
    let ran = place.script(script, &[]);
    let said = ran.ok()["results"]["said"].as_str().unwrap().to_owned();
    let archive = place.run(&["export", &ran.run_id(), "--format", "journal"]).stdout;
    let others = forge(&archive, |entries| {
        for entry in entries {
            *entry = serde_json::from_str(&entry.to_string().replace(&said, "no")).unwrap();
        }
    });
    let elsewhere = Place::new();
    let file = elsewhere.write("other.jsonl", others);
    let imported = elsewhere.run(&["import", file.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let replayed = elsewhere.run(&["replay", imported.stdout.trim()]);
    // Shorter words cost the script less fuel; nothing else differs.
    snapshot!(replayed.said(7), @"
    error: run run_1 does not replay: the replay differs from the journal at entry 4: fuel is not what was recorded [replay_mismatch]
    fuel:
    - 12345
    + 12345
    ");
}

#[test]
fn what_a_newer_program_wrote_is_known_as_that() {
    let (place, run) = taken_in();
    let archive = place.run(&["export", &run, "--format", "journal"]).stdout;
    let begun = forge(&archive, |entries| entries[0]["format"] = 6.into());
    let taken_up = forge(&archive, |entries| {
        let attempt = json!({"at_us": 1, "kind": "attempt_started", "format": 6, "holder": {}});
        entries.extend([attempt, json!({"at_us": 1, "kind": "something_new"})]);
    });
    for text in [begun, taken_up] {
        let elsewhere = Place::new();
        let file = elsewhere.write("newer.jsonl", text);
        let imported = elsewhere.run(&["import", file.to_str().unwrap()]);
        insta::allow_duplicates!(
            snapshot!(imported.said(3), @"error: /folder/newer.jsonl: the journal has format 6, and this program reads up to 5; use a newer smol-wf [journal_newer]")
        );
        let listed = elsewhere.run(&["history", "--json"]).report();
        assert_eq!(listed["runs"], json!([]), "nothing of it is taken in");
    }
    let fixture = "{\"swf\":3,\"name\":\"n\",\"script\":\"s\",\"root\":\".\"";
    let digest = smol_wf_core::ids::Digest::of(format!("{fixture}}}").as_bytes());
    place.write("n.swf", format!("{fixture},\"digest\":\"{:.16}\"}}\n", digest.as_str()));
    snapshot!(place.run(&["test", "n.swf"]).printed(7), @"FAIL  n.swf  the fixture has format 3; this program reads formats up to 2; use a newer smol-wf [fixture_newer]");
}

/// Changes the entries of an archive and seals the whole anew.
fn forge(archive: &str, change: impl Fn(&mut Vec<Value>)) -> String {
    let mut lines = archive.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut head = lines.next().unwrap();
    let body = |line: Value| serde_json::from_str(line["body"].as_str().unwrap()).unwrap();
    let mut entries: Vec<Value> = lines.map(body).collect();
    change(&mut entries);
    let mut chain = String::new();
    let mut text = String::new();
    for entry in &entries {
        let body = entry.to_string();
        let digest = smol_wf_core::ids::Digest::of(format!("{chain}{body}").as_bytes());
        digest.as_str().clone_into(&mut chain);
        text += &json!({"kind": entry["kind"], "body": body, "chain": chain}).to_string();
        text.push('\n');
    }
    head["entries"] = entries.len().into();
    head["tip"] = chain.into();
    format!("{head}\n{text}")
}

/// Programs of format 3 look for the format of a run in its epochs as well.
#[test]
fn a_run_of_format_3_is_of_format_5_once_this_program_has_taken_it_up() {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/506e397-people");
    let file = recorded.join("journals/paused-people-mjs.jsonl");
    let imported = place.run(&["import", file.to_str().unwrap()]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let run = imported.stdout.trim();
    let folder = place.dir.path().to_str().unwrap();
    let here = ["--project-root", folder, "--cwd", folder, "--max-agents", "9"];
    place.run(&[&["resume", run][..], &here].concat()).ok();
    let entries = journal(&place.db(), run);
    let expected =
        [("run_started", Some(3)), ("attempt_started", Some(3)), ("attempt_started", Some(5))];
    assert_eq!(formats(&entries), expected);
    let surfaces: Vec<&Value> = entries.iter().filter_map(|entry| entry.get("surface")).collect();
    assert_eq!(surfaces, [&json!(3)], "it keeps its surface");
}
