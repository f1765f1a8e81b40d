//! `history RUN`: its arguments, log, prompts and answers; beginnings, and whole.

mod common;

use common::{Place, snapshot};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// A run with arguments, a log, options, a schema, a failure and a child's sleep.
fn place() -> Place {
    let place = Place::new();
    let text = "phase('Look')\nlog('first\\u001b[31m line')\n\
        await agent('Read this:\\n\\tone\\n\\ttwo', { label: 'reader', effort: 'low', tools: ['Read'], retry: { maxAttempts: 2 } })\n\
        await agent('Judge', { label: 'judge', schema: { type: 'object', properties: { snake_case: { type: 'integer' } }, required: ['snake_case'] } })\n\
        try { await agent('Fail', { label: 'broken', onFailure: 'throw' }) } catch {}\n\
        log('last')\nreturn { by: args.name, text: 'a\\nb' }\n";
    place.write("s.js", format!("{META}{text}"));
    let rules = [
        "--debug-rule",
        "prompt:Fail=fail",
        "--debug-rule",
        "prompt:Judge=answer:{\"snake_case\":7}",
    ];
    let ran = place.run(&[&["run", "s.js", "--args-name", "Ada"][..], &rules].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    place
}

fn json_of(place: &Place, args: &[&str]) -> Value {
    place.run(&[&["history", "latest"][..], args].concat()).ok()
}

fn text_of(place: &Place, args: &[&str]) -> String {
    let args = [&["history", "latest", "-o", "text"][..], args].concat();
    place.run(&args).printed(0).to_owned()
}

#[test]
fn a_run_shows_its_arguments_log_and_the_first_lines_of_what_was_said() {
    let place = place();
    snapshot!(text_of(&place, &[]), "history-whole-brief");
    let details = &json_of(&place, &["--json"])["details"];
    assert_eq!(details["args"], json!({ "name": "Ada" }));
    let log: Vec<_> = details["log"].as_array().unwrap().iter().collect();
    let said = |index: usize| (&log[index]["kind"], &log[index]["text"]);
    assert_eq!(said(0), (&json!("phase"), &json!("Look")));
    assert_eq!(said(1), (&json!("log"), &json!("first\u{1b}[31m line")));
    assert_eq!(log.len(), 3);
    let steps = &details["steps"];
    assert_eq!(steps[0]["promptBegins"], "Read this:");
    assert_eq!(steps[0]["answerBegins"], "echo: Read this:");
    assert_eq!(steps[1]["answerBegins"], "{\"snake_case\":7}");
    assert_eq!(steps[2].get("answerBegins"), None);
    assert_eq!(steps[0].get("prompt"), None);
}

#[test]
fn one_step_is_shown_whole() {
    let place = place();
    for (step, name) in [("1", "reader"), ("2", "judge"), ("3", "broken")] {
        snapshot!(text_of(&place, &["--step", step]), format!("history-whole-step-{name}"));
    }
    let judge = &json_of(&place, &["--step", "2"])["step"];
    assert_eq!(judge["request"]["prompt"], "Judge");
    assert_eq!(judge["request"]["schema"]["required"], json!(["snake_case"]));
    assert_eq!(judge["answer"], json!({ "snake_case": 7 }));
    let reader = json_of(&place, &["--step", "1", "--json"]);
    assert_eq!(reader["step"]["request"]["retry"]["maxAttempts"], 2);
    assert_eq!(reader["step"]["attempts"], 1);
    let line = place.run(&["history", "latest", "--step", "1", "-o", "jsonl"]);
    assert_eq!((line.stdout.lines().count(), line.report()), (1, reader));
}

#[test]
fn a_step_that_is_not_there_is_an_error_that_says_how_many_there_are() {
    let place = place();
    snapshot!(place.run(&["history", "latest", "--step", "4"]).said(2), @"
    latest is run_1, the last run of /folder
    error: --step 4: run run_1 has steps 1 to 3 [request_invalid]
    its steps: smol-wf history run_1 -o text
    ");
    place.script(&format!("{META}return 1\n"), &[]).ok();
    snapshot!(place.run(&["history", "latest", "--step", "1"]).said(2), @"
    latest is run_1, the last run of /folder
    error: --step 1: run run_1 has no steps [request_invalid]
    its steps: smol-wf history run_1 -o text
    ");
    place.run(&["history", "latest", "--step", "0"]).fails(2, &["a step is a number, from 1"]);
    place.run(&["history", "--step", "1"]).fails(2, &["<RUN>"]);
    place.run(&["history", "latest", "--step", "1", "--prompts"]).fails(2, &["--prompts"]);
}

#[test]
fn all_prompts_and_answers_come_in_order() {
    let place = place();
    snapshot!(text_of(&place, &["--prompts"]), "history-whole-prompts");
    let said = json_of(&place, &["--prompts"]);
    let labels: Vec<_> =
        said["steps"].as_array().unwrap().iter().map(|one| &one["label"]).collect();
    assert_eq!(labels, ["reader", "judge", "broken"]);
    assert_eq!(said["steps"][0]["prompt"], "Read this:\n\tone\n\ttwo");
    assert_eq!(said["steps"][2]["error"]["code"], "provider_failed");
    let lines = place.run(&["history", "latest", "--prompts", "-o", "jsonl"]).events();
    assert_eq!(lines, *said["steps"].as_array().unwrap());
}

#[test]
fn full_leaves_nothing_out() {
    let place = place();
    snapshot!(text_of(&place, &["--full"]), "history-whole-full");
    let full = json_of(&place, &["--full"]);
    for (index, step) in ["1", "2", "3"].into_iter().enumerate() {
        let alone = json_of(&place, &["--step", step])["step"].clone();
        assert_eq!(full["details"]["steps"][index], alone, "{step}");
    }
    let line = place.run(&["history", "latest", "--full", "-o", "jsonl"]);
    assert_eq!((line.stdout.lines().count(), line.report()), (1, full));
}

/// Longer than what a reader keeps in memory.
const LONG: usize = 100_000;

#[test]
fn long_texts_are_shortened_by_default_and_whole_where_asked_for() {
    let place = Place::new();
    let text = format!(
        "const all = [args.text]\nfor (let i = 0; i < 2; i++) all.push(await agent('é'.repeat({LONG}) + i))\n\
         await workflow('kid', {{ long: 'k'.repeat({LONG}) }})\nreturn all.length\n"
    );
    place.write("s.js", format!("{META}{text}"));
    let kid = META.replace("'n'", "'kid'");
    place.write(".claude/workflows/kid.js", format!("{kid}return args.long + 'é'\n"));
    std::fs::create_dir(place.path(".git")).unwrap();
    let args = format!("{{\"text\": \"{}\"}}", "ä".repeat(LONG / 2));
    place.write("args.json", &args);
    place.run(&["run", "s.js", "--args-from-file", "args.json"]).ok();
    let brief = text_of(&place, &[]);
    assert!(brief.len() < 10_000 && brief.contains("> éé"), "{}", brief.len());
    let full = json_of(&place, &["--full"]);
    let prompt = |step: usize| format!("{}{step}", "é".repeat(LONG));
    let steps = &full["details"]["steps"];
    for step in 0..2 {
        assert!(steps[step]["request"]["prompt"] == prompt(step), "{step}");
        assert!(steps[step]["answer"].as_str().unwrap().starts_with("echo: éé"), "{step}");
    }
    assert!(steps[2]["request"]["args"].as_str().unwrap().len() > LONG);
    assert!(steps[2]["answer"].as_str().unwrap().ends_with("ké"));
    assert!(full["details"]["args"]["text"].as_str().unwrap() == "ä".repeat(LONG / 2));
    let said = text_of(&place, &["--prompts"]);
    assert!(said.contains(&prompt(0)) && said.contains(&prompt(1)));
    let text = text_of(&place, &["--full"]);
    assert!(text.contains(&prompt(1)) && text.contains(&"ä".repeat(LONG / 2)));
}

#[test]
fn what_agents_wrote_does_nothing_to_a_terminal_and_is_no_title() {
    let place = Place::new();
    let text = "await agent('x\\u0007\\nANSWER\\n\\u001b]0;t\\u0007 ##[group]y', { label: 'l\\u009b' })\nlog('\\u202e')\nreturn 1\n";
    place.script(&format!("{META}{text}"), &[]).ok();
    for args in [&[][..], &["--step", "1"], &["--prompts"], &["--full"]] {
        for format in ["text", "json", "jsonl"] {
            let args = [&["history", "latest", "-o", format][..], args].concat();
            let shown = place.run(&args).printed(0).to_owned();
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{args:?}: {shown:?}");
            assert!(!shown.contains('\u{202e}') && !shown.contains("##["), "{args:?}: {shown:?}");
            assert!(shown.lines().filter(|line| *line == "ANSWER").count() <= 1, "{shown}");
        }
    }
}
