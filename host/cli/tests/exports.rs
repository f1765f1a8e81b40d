//! `diff`, `export` and `import`, on runs of the program itself.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Place, Ran, snapshot};
use serde_json::Value;
use smol_wf_engine::{Engine, EngineOptions, Imported, SqliteStore};

const META: &str = "export const meta = { name: 'exported', description: 'd' }\n";

/// Eight agents in two phases, a sleep and a failure that becomes a null.
const SCRIPT: &str = "phase('One')\n\
    const all = await parallel([0, 1, 2, 3, 4, 5].map(n => () => agent('the secret prompt ' + n, { label: 'agent ' + n, model: 'm' })))\n\
    log('half way')\n\
    phase('Two')\n\
    const { sleep } = SW\n\
    await sleep(5)\n\
    const last = await agent('a question with an answer', { schema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] } })\n\
    return { all, last }\n";

fn run(place: &Place, flags: &[&str]) -> Ran {
    let rules = ["--debug-rule", "#3=fail", "--max-parallel-agents", "2"];
    let flags: Vec<&str> = rules.iter().chain(flags).copied().collect();
    let ran = place.script(&format!("{META}{SCRIPT}"), &flags);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

#[test]
fn the_exported_stream_is_the_one_that_was_shown() {
    let place = Place::new();
    let live = run(&place, &["--events"]);
    let stored: Vec<_> =
        live.events().into_iter().filter(|event| event["type"] != "workflow.agent_event").collect();
    let exported = place.run(&["export", "latest", "--format", "jsonl"]);
    assert_eq!(exported.events(), stored);
    let file = place.path("events.jsonl");
    let written = place.run(&["export", "latest", "-f", "jsonl", "-o", file.to_str().unwrap()]);
    written.fails(0, &[]);
    assert!(written.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(file).unwrap(), exported.stdout);
    let nowhere = place.path("no/such/folder");
    place
        .run(&["export", "latest", "-f", "jsonl", "-o", nowhere.to_str().unwrap()])
        .fails(3, &["file_unwritable", "folder"]);
}

#[test]
fn a_chrome_trace_has_a_lane_for_each_slot_and_the_queue_apart() {
    let place = Place::new();
    let ran = run(&place, &["--debug-rule", "*=delay:20ms"]);
    let trace = place.run(&["export", &ran.run_id(), "--format", "chrome-trace"]);
    let document = trace.ok();
    assert!(!trace.stdout.contains("secret prompt"), "a trace has no content");
    let events = document["traceEvents"].as_array().unwrap();
    let of = |phase: &str, category: &str| -> Vec<&Value> {
        events.iter().filter(|e| e["ph"] == phase && e["cat"] == category).collect()
    };
    let agents = of("X", "agent");
    assert_eq!(agents.len(), 7);
    // Two at once were allowed, and no lane holds two things at one time.
    let mut lanes: BTreeMap<u64, Vec<(i64, i64)>> = BTreeMap::new();
    for agent in &agents {
        let from = agent["ts"].as_i64().unwrap();
        let lane = lanes.entry(agent["tid"].as_u64().unwrap()).or_default();
        lane.push((from, from + agent["dur"].as_i64().unwrap()));
    }
    assert_eq!(lanes.keys().copied().collect::<Vec<_>>(), [1, 2]);
    for lane in lanes.values_mut() {
        lane.sort_unstable();
        assert!(lane.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{lane:?}");
    }
    let begun: BTreeSet<_> = of("b", "queued").iter().map(|e| e["id"].to_string()).collect();
    let ended: BTreeSet<_> = of("e", "queued").iter().map(|e| e["id"].to_string()).collect();
    assert_eq!(begun, ended);
    assert!(begun.len() >= 4, "four of six had to wait: {begun:?}");
    let phases: Vec<_> = of("i", "phase").iter().map(|e| e["name"].clone()).collect();
    assert_eq!(phases, ["One", "Two"]);
    assert_eq!(of("X", "sleep").len(), 1);
    assert_eq!(of("X", "attempt").len(), 1);
}

/// Attributes of a span, by key.
fn attributes(span: &Value) -> BTreeMap<String, Value> {
    let pairs = span["attributes"].as_array().unwrap().iter().map(|pair| {
        let value = pair["value"].as_object().unwrap().values().next().unwrap().clone();
        (pair["key"].as_str().unwrap().to_owned(), value)
    });
    pairs.collect()
}

#[test]
fn spans_follow_the_conventions_and_hold_content_only_when_asked() {
    let place = Place::new();
    let ran = run(&place, &[]);
    let id = ran.run_id();
    let plain = place.run(&["export", &id, "--format", "otlp-json"]);
    let again = place.run(&["export", &id, "--format", "otlp-json"]);
    assert_eq!(plain.stdout, again.stdout, "ids are the run's own");
    assert!(!plain.stdout.contains("secret prompt"));
    let document = plain.ok();
    let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 9, "the run, seven agents, a sleep");
    let root = &spans[0];
    assert_eq!(root["name"], "invoke_workflow exported");
    assert_eq!(root.get("parentSpanId"), None);
    assert_eq!(attributes(root)["workflow.run_id"], id.as_str());
    assert_eq!(root["events"].as_array().unwrap().len(), 2);
    let mut ids = BTreeSet::new();
    for span in spans {
        assert_eq!(span["traceId"], root["traceId"]);
        assert_eq!(span["traceId"].as_str().unwrap().len(), 32);
        assert!(ids.insert(span["spanId"].as_str().unwrap().to_owned()));
        let time = |name: &str| span[name].as_str().unwrap().parse::<i128>().unwrap();
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span}");
        assert!(time("startTimeUnixNano") >= 1_600_000_000_000_000_000);
    }
    for span in &spans[1..] {
        assert_eq!(span["parentSpanId"], root["spanId"]);
    }
    let agent = spans.iter().find(|span| span["name"] == "invoke_agent agent 0").unwrap();
    let known = attributes(agent);
    assert_eq!(known["gen_ai.operation.name"], "invoke_agent");
    assert_eq!(known["gen_ai.provider.name"], "debug");
    assert_eq!(known["gen_ai.request.model"], "m");
    assert_eq!(known["gen_ai.output.type"], "text");
    assert_eq!(known["smol_wf.phase"], "One");
    assert!(known["gen_ai.usage.input_tokens"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    let failed: Vec<_> = spans.iter().filter(|span| span["status"]["code"] == 2).collect();
    assert_eq!(failed.len(), 1);
    assert!(attributes(failed[0]).contains_key("error.type"));
    let full = place.run(&["export", &id, "--format", "otlp-json", "--content"]);
    let agent = full.ok()["resourceSpans"][0]["scopeSpans"][0]["spans"][1].clone();
    let asked = attributes(&agent)["gen_ai.input.messages"].as_str().unwrap().to_owned();
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(asked[0]["parts"][0]["content"], "the secret prompt 0");
    assert!(attributes(&agent)["gen_ai.output.messages"].as_str().unwrap().contains("echo"));
    snapshot!(place.run(&["export", &id, "-f", "jsonl", "--content"]).said(2), @"error: --content is for otlp-json; jsonl and journal hold prompts and answers, chrome-trace never does");
}

#[test]
fn large_prompts_and_answers_stand_whole_in_their_spans() {
    let place = Place::new();
    let script = format!(
        "{META}return await parallel([1, 2, 3].map((n) => () => agent(`${{n}}`.repeat(10_000))))\n"
    );
    let ran = place.script(&script, &[]);
    ran.ok();
    let export = ["export", &ran.run_id(), "--format", "otlp-json"];
    let document = place.run(&[&export[..], &["--content"]].concat()).ok();
    let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    for (span, n) in spans[1..].iter().zip(["1", "2", "3"]) {
        let prompt = n.repeat(10_000);
        for (key, role, content) in [
            ("gen_ai.input.messages", "user", prompt.clone()),
            ("gen_ai.output.messages", "assistant", format!("echo: {prompt}")),
        ] {
            let messages: Value =
                serde_json::from_str(attributes(span)[key].as_str().unwrap()).unwrap();
            assert_eq!(messages[0]["role"], role);
            assert_eq!(messages[0]["parts"][0]["content"], content, "{n} {key}");
        }
    }
    let without = place.run(&export).ok();
    let spans = without["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert!(spans.iter().all(|span| !attributes(span).contains_key("gen_ai.input.messages")));
}

#[test]
fn a_child_is_a_span_of_its_own() {
    let place = Place::new();
    place.write("child.mjs", "export const meta = { name: 'child', description: 'd' }\nreturn await agent('in the child')\n");
    let script = format!("{META}return await workflow({{ scriptPath: './child.mjs' }})\n");
    let ran = place.script(&script, &[]);
    ran.ok();
    let document = place.run(&["export", &ran.run_id(), "--format", "otlp-json"]).ok();
    let spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 3);
    assert_eq!(spans[1]["name"], "invoke_workflow ./child.mjs");
    assert_eq!(spans[2]["parentSpanId"], spans[1]["spanId"]);
}

#[test]
fn a_run_moves_to_another_database_and_goes_on_there() {
    let from = Place::new();
    let script = format!(
        "{META}const a = await agent('first')\nconst b = await agent('é\\u202e second')\nreturn [a, b]\n"
    );
    from.write("script.mjs", &script);
    let paused = from.run(&["run", "script.mjs", "--max-agents", "1"]);
    assert_eq!(paused.code, 5);
    let run = paused.run_id();
    let file = from.path("run.journal");
    let file = file.to_str().unwrap();
    from.run(&["export", "latest", "--format", "journal", "--out", file]).fails(0, &[]);
    let to = Place::new();
    let imported = to.run(&["import", file]);
    snapshot!(imported.said(0), @"
    made a new database: /folder/runs.db (named by SMOL_WF_DB)
    imported run_1, 8 records
    ");
    assert_eq!(imported.stdout.trim(), run);
    assert_eq!(common::journal(&to.db(), &run), common::journal(&from.db(), &run));
    snapshot!(to.run(&["import", file]).said(0), @"run_1 is here already, with the same journal");
    let listed = to.run(&["history", "-o", "json"]).ok();
    let original = from.run(&["history", "-o", "json"]).ok();
    assert_eq!(listed["runs"], original["runs"]);
    let resumed = to.run(&["resume", &run, "--max-agents", "9"]).ok();
    assert_eq!(resumed["results"][1], "echo: é\u{202e} second");
    // The run there has gone on: the file is no longer what it is.
    snapshot!(to.run(&["import", file]).said(3), @"
    error: run run_1 is here already, with another journal, and was left as it is [import_conflict]
    to import it anyway, first delete the run that is here: smol-wf history delete run_1
    ");
    assert_eq!(to.run(&["history", &run]).ok()["state"], "completed");
    let binary = env!("CARGO_BIN_EXE_smol-wf");
    let third = Place::new();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{binary} import - < {file}")]).env("SMOL_WF_DB", third.db());
    assert!(shell.output().unwrap().status.success());
    assert_eq!(third.run(&["history", "latest"]).ok()["state"], "paused");
}

#[test]
fn a_file_that_was_changed_anywhere_is_not_taken_in() {
    let place = Place::new();
    place.script(&format!("{META}return await agent('a')\n"), &[]).ok();
    let whole = place.run(&["export", "latest", "--format", "journal"]).stdout;
    let lines: Vec<&str> = whole.lines().collect();
    let last = lines.len() - 1;
    let without = |at: usize| {
        let kept = lines.iter().enumerate().filter(|(index, _)| *index != at);
        kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
    };
    let with = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        whole.replacen(from, to, 1)
    };
    let id = lines[0].split('"').find(|part| part.starts_with("run_")).unwrap();
    let cases = [
        (String::new(), "import_not_a_journal"),
        ("some text".to_owned(), "import_not_a_journal"),
        (without(0), "import_not_a_journal"),
        (without(1), "journal_changed"),
        (without(3), "journal_changed"),
        (without(last), "import_incomplete"),
        (with("echo: a", "echo: b"), "journal_changed"),
        (with("\"smolWfJournal\":1", "\"smolWfJournal\":9"), "import_newer"),
        (with(id, "run_00000000000000000000000000"), "import_other_run"),
        (with("\"kind\":\"settled\"", "\"kind\":\"logged\""), "journal_changed"),
        (lines[..1].join("\n"), "import_incomplete"),
        (format!("{whole}{}\n", lines[last]), "journal_changed"),
        (whole.replace("\"entries\":", "\"entries\":1"), "import_incomplete"),
    ];
    let mut said = String::new();
    for (text, code) in cases {
        let path = place.write("bad.journal", text);
        let to = Place::new();
        let refused = to.run(&["import", path.to_str().unwrap()]);
        refused.fails(3, &[code]);
        said += &refused.stderr;
        assert!(!to.db().exists(), "nothing was opened for {code}");
    }
    snapshot!(said, "import-changed-files");
    snapshot!(place.run(&["import", "no-such-file"]).said(3), @"error: no-such-file cannot be read: No such file or directory (os error 2); check the path [file_unreadable]");
}

/// What `import` makes of this file, when this happens to the database once its
/// first lines are read.
fn taken_in_while(
    place: &Place,
    file: &std::path::Path,
    happens: impl Fn() + Send + 'static,
) -> Imported {
    let text = std::fs::read_to_string(file).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let lines = lines.into_iter().enumerate().map(move |(number, line)| {
        if number == 1 {
            happens();
        }
        Ok(line)
    });
    let store = Box::new(SqliteStore::open(&place.db()).unwrap());
    let engine = Engine::new(EngineOptions::over(store)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(engine.import(Box::new(lines))).unwrap().1
}

#[test]
fn an_import_that_another_process_was_quicker_with_finds_the_same_run() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let ran = run(&elsewhere, &[]);
    let file = elsewhere.path("run.jsonl");
    let name = file.to_str().unwrap().to_owned();
    elsewhere.run(&["export", &ran.run_id(), "-f", "journal", "-o", &name]).fails(0, &[]);
    let other = std::sync::Mutex::new(place.command(&["import", &name]));
    let imported = taken_in_while(&place, &file, move || {
        assert!(other.lock().unwrap().status().unwrap().success());
    });
    assert_eq!(imported, Imported::Same);
    assert_eq!(place.run(&["replay", &ran.run_id()]).ok()["equal"], true);
}

#[test]
fn an_import_counts_even_if_its_columns_cannot_be_updated() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let ran = run(&elsewhere, &[]);
    let file = elsewhere.path("run.jsonl");
    let name = file.to_str().unwrap();
    elsewhere.run(&["export", &ran.run_id(), "-f", "journal", "-o", name]).fails(0, &[]);
    let db = place.db();
    let change = move |sql| rusqlite::Connection::open(&db).unwrap().execute_batch(sql).unwrap();
    let refuse = change.clone();
    let imported = taken_in_while(&place, &file, move || {
        refuse(
            "CREATE TRIGGER t BEFORE UPDATE OF place ON runs
             BEGIN SELECT RAISE(ABORT, 'not now'); END",
        );
    });
    assert_eq!(imported, Imported::New);
    change("DROP TRIGGER t");
    assert_eq!(place.run(&["replay", &ran.run_id()]).ok()["equal"], true);
    let completed = place.run(&["history", "--state", "completed", "-o", "json"]).ok();
    assert_eq!(completed["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn runs_that_are_the_same_and_runs_that_differ() {
    let place = Place::new();
    let script = |question: &str| {
        format!(
            "{META}const a = await agent('one\\n{question}\\nthree', {{ label: 'q' }})\nconst b = await agent('both ask')\nreturn {{ a, b }}\n"
        )
    };
    let first = place.script(&script("two"), &[]).run_id();
    let same = place.script(&script("two"), &[]).run_id();
    let asked = place.script(&script("2"), &[]).run_id();
    let answered = place.script(&script("two"), &["--debug-rule", "#2=answer:other"]).run_id();
    let stopped = place.script(&script("two"), &["--max-agents", "1"]).run_id();

    let equal = place.run(&["diff", &first, &same]);
    equal.fails(0, &[]);
    snapshot!(equal.stdout, "diff-equal");
    let document = place.run(&["diff", &first, "latest", "-o", "json"]);
    assert_eq!(document.code, 1, "the latest stopped at a limit");

    let other = place.run(&["diff", &first, &asked]);
    other.fails(1, &[]);
    // Equal lines are left out.
    snapshot!(other.stdout, "diff-prompt");
    let document = place.run(&["diff", &first, &asked, "--json"]).report();
    assert_eq!(document["equal"], false);
    assert_eq!(document["same"], 1);
    assert_eq!(document["onlyInA"][0]["step"], 1);
    assert_eq!(document["onlyInB"][0]["title"], "q");
    assert_eq!(document["firstDivergence"]["fields"][0]["name"], "prompt");
    assert_eq!(document["result"][0]["path"], "$.a");

    let document = place.run(&["diff", &first, &answered, "-o", "json"]).report();
    assert_eq!(document["same"], 1);
    assert_eq!(document["answeredOtherwise"][0]["b"], 2);
    assert_eq!(document["answeredOtherwise"][0]["answers"]["b"], "\"other\"");
    snapshot!(place.run(&["diff", &first, &answered]).stdout, "diff-answer");
    assert_eq!(document["firstDivergence"]["fields"][0]["name"], "answer");
    assert_eq!(document["firstDivergence"]["fields"][0]["b"], "\"other\"");

    let document = place.run(&["diff", &first, &stopped, "-o", "jsonl"]).report();
    assert_eq!(document["b"]["ended"], Value::Null);
    assert_eq!(document["equal"], false);
    // Stopped between the two steps: the second has no answer yet.
    let spent = ["--budget", "$0.01", "--debug-rule", "*=cost:0.02"];
    let paused = place.script(&script("two"), &spent).run_id();
    for (a, b, missing) in [(&first, &paused, "b"), (&paused, &first, "a")] {
        let document = place.run(&["diff", a, b, "-o", "json"]).report();
        assert_eq!(document["answeredOtherwise"], Value::Array(Vec::new()));
        assert_eq!(document["notAnswered"][0]["in"], missing, "{document}");
        assert_eq!(document["notAnswered"][0]["title"], "both ask", "{document}");
    }
    snapshot!(place.run(&["diff", &first, &paused]).printed(1), "diff-not-answered");
    snapshot!(place.run(&["diff", &paused, &first]).printed(1), "diff-not-answered-first");
    assert_eq!(place.run(&["diff", &paused, &paused]).code, 0);
    snapshot!(place.run(&["diff", &first, "nonsense"]).said(3), @"
    error: there is no run `nonsense` in this database [run_unknown]
    runs of the workflow `nonsense`: smol-wf history --name nonsense
    all runs: smol-wf history
    ");
    place.run(&["diff", &first]).fails(2, &[]);
}
