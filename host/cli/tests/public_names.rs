//! The keys of every document, event and row that programs read, derived from what
//! the program prints and keeps.
//!
//! Owns: samples of each kind, and where names end and data begins. Never: the names;
//! `public-names/` lists them. Flags, variables, settings and codes are compared in
//! `src/public_names.rs`, which sees the parser.

mod common;
#[path = "common/listed.rs"]
mod listed;

use std::collections::BTreeSet;
use std::path::Path;

use common::Place;
use common::client::{Client, Era};
use rusqlite::Connection;
use serde_json::{Value, json};

/// Below these, keys are data: a user's, a script's or a schema's.
const DATA: [&str; 6] = ["results", "result", "args", "schema", "output", "answer"];

/// Objects whose keys are data: what is below them has names again.
const MAPS: [&str; 2] = ["byModel", "byProvider"];

/// Adds the path of each key.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let last = path.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Array(items) => items.iter().for_each(|item| keys(item, path, found)),
        Value::Object(fields) if MAPS.contains(&last) => {
            fields.values().for_each(|value| keys(value, &format!("{path}.*"), found));
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = format!("{path}.{key}");
                found.insert(path.clone());
                if !DATA.contains(&key.as_str()) {
                    keys(value, &path, found);
                }
            }
        }
        _ => {}
    }
}

fn recorded() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/9264ab0")
}

/// A project with the recorded runs and scripts.
fn project() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path(".git")).unwrap();
    std::fs::copy(recorded().join("database.db"), place.db()).unwrap();
    for (folder, to) in
        [("scripts", "scripts"), ("examples", "examples"), ("fixtures", "examples/fixtures")]
    {
        copy(&recorded().join(folder), &place.path(to));
    }
    place
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, to).unwrap();
        }
    }
}

/// The keys of what a command prints, below the name of the document.
#[track_caller]
fn document(place: &Place, name: &str, args: &[&str], found: &mut BTreeSet<String>) {
    let ran = place.run(args);
    let values = serde_json::Deserializer::from_str(&ran.stdout).into_iter::<Value>();
    let mut count = 0;
    for value in values {
        keys(&value.unwrap(), name, found);
        count += 1;
    }
    assert!(count > 0, "{args:?} printed no JSON: {}", ran.stderr);
}

/// The ids of all runs, the newest first.
fn runs(place: &Place) -> Vec<String> {
    let history: Value =
        serde_json::from_str(&place.run(&["history", "--json", "--limit", "1000"]).stdout).unwrap();
    let runs = history["runs"].as_array().unwrap().iter();
    runs.map(|run| run["runId"].as_str().unwrap().to_owned()).collect()
}

/// The list of workflows with one of each kind.
fn listed_workflows(place: &Place, found: &mut BTreeSet<String>) {
    let meta = "export const meta = { name: 'triage-tests', description: 'd', whenToUse: 'w' }\n";
    place.write(".agents/workflows/triage-tests.js", meta);
    place.write(".claude/workflows/broken.js", "export const meta = {}\n");
    place.write("sub/.claude/workflows", "");
    let mut command = place.command(&["list", "--json"]);
    let ran = common::finish(command.current_dir(place.path("sub")).spawn().unwrap());
    keys(&serde_json::from_str(&ran.stdout).unwrap(), "list", found);
}

#[test]
fn every_key_of_a_document_is_listed() {
    let place = project();
    let mut found = BTreeSet::new();
    document(&place, "history", &["history", "--json"], &mut found);
    document(&place, "usage", &["history", "usage", "--json"], &mut found);
    let recorded = runs(&place);
    for run in &recorded {
        document(&place, "report", &["history", run, "--json"], &mut found);
    }
    for code in LIMITS {
        limited(&place, code, &mut found);
    }
    given(&place, &mut found);
    place.write("asking.js", ASKING);
    document(&place, "report", &["run", "asking.js"], &mut found);
    document(&place, "plan", &["plan", "asking.js", "--json"], &mut found);
    let explore = ["explore", "asking.js", "--json", "--runs", "30"];
    document(&place, "explore", &explore, &mut found);
    let run = asked(&place);
    document(&place, "report", &["history", &run, "--json"], &mut found);
    document(&place, "questions", &["answer", &run, "--json"], &mut found);
    let posted = ["answer", &format!("{run}#2"), "a", "--no-start", "--json"];
    document(&place, "posted", &posted, &mut found);
    document(&place, "replay", &["replay", &recorded[0]], &mut found);
    for name in SCRIPTS {
        let script = format!("scripts/{name}");
        document(&place, "plan", &["plan", &script, "--json"], &mut found);
        document(&place, "check", &["check", &script, "--json"], &mut found);
        document(&place, "explore", &["explore", &script, "--json", "--runs", "30"], &mut found);
    }
    let diff = ["diff", &recorded[0], &recorded[1], "--json"];
    document(&place, "diff", &diff, &mut found);
    // Against its script, one without it, and another script.
    let hello = place.path("examples/hello.mjs");
    let text = std::fs::read_to_string(&hello).unwrap();
    std::fs::write(&hello, text.replace("agent(", "agent('more: ' + ")).unwrap();
    std::fs::remove_file(place.path("examples/sleep.mjs")).unwrap();
    document(&place, "test", &["test", "examples", "--json"], &mut found);
    held(&place, &mut found);
    listed_workflows(&place, &mut found);
    document(&place, "version", &["version", "--json"], &mut found);
    document(&place, "doctor", &["doctor", "--json"], &mut found);
    document(&place, "worktrees", &["worktrees", "list", "--json"], &mut found);
    document(&place, "providers", &["providers", "--json"], &mut found);
    document(&place, "config", &["config", "show", "--json"], &mut found);
    document(&place, "config-path", &["config", "path", "--json"], &mut found);
    mcp(&place, &mut found);
    listed::compare("documents.txt", &found);
}

/// The tools of the MCP server, their arguments, and the values that they return.
fn mcp(place: &Place, found: &mut BTreeSet<String>) {
    let script = "export const meta = { name: 'm', description: 'd' }\n\
        await SW.extra.ask('n?', { timeout: 0 }).catch(() => 0)\n\
        await Promise.all([SW.extra.ask('q', { schema: { type: 'string' } }), agent('a')])\n\
        return 'x'.repeat(70_000)\n";
    place.write("mcp.js", script);
    let cwd = place.dir.path().to_str().unwrap();
    let command = place.command(&["mcp", "--allow-answers", "--cwd", cwd]);
    let mut client = Client::start(command, Era::Older, json!({}));
    for tool in client.ask("tools/list", json!({}))["result"]["tools"].as_array().unwrap() {
        let name = format!("mcp.{}", tool["name"].as_str().unwrap());
        let arguments = tool["inputSchema"]["properties"].as_object().unwrap().keys();
        found.extend(arguments.map(|argument| format!("{name}({argument})")));
    }
    let mut call = |tool: &str, arguments: Value| {
        let value = client.value(tool, arguments);
        keys(&value, &format!("mcp.{tool}"), found);
        value
    };
    call("workflow_list", json!({}));
    call("workflow_check", json!({ "workflow": "mcp.js" }));
    call("workflow_plan", json!({ "workflow": "mcp.js" }));
    let run = call("workflow_run", json!({ "workflow": "mcp.js" }))["runId"].clone();
    // A wait ends at each question; the second one is that of step 2.
    for _ in 0..5 {
        let status = call("workflow_status", json!({ "runId": run, "wait": 60 }));
        if status["questions"][0]["step"] == 2 {
            break;
        }
    }
    // Its holder lets go when the agent is done, too; only then the status says why.
    common::until("it waits for the answer alone", || {
        call("workflow_status", json!({ "runId": run })).get("error").is_some()
    });
    call("workflow_answer", json!({ "runId": run, "step": 2, "value": "a" }));
    call("workflow_status", json!({ "runId": run, "wait": 60 }));
    call("workflow_status", json!({ "runId": run, "wait": 60 }));
    call("workflow_result", json!({ "runId": run }));
}

/// The list of runs that a process holds, with one in the background.
fn held(place: &Place, found: &mut BTreeSet<String>) {
    place.write(
        "held.js",
        "export const meta = { name: 'w', description: 'd' }\nreturn agent('a')\n",
    );
    let run = ["run", "held.js", "--detach", "--debug-rule", "*=delay:600s"];
    let run = place.run(&run).printed(0).trim_end().to_owned();
    let row = || place.run(&["ps", "--json"]).ok()["runs"][0].clone();
    common::until("its agent is at work", || row()["agentsAtWork"] == 1);
    document(place, "ps", &["ps", "--all", "--json"], found);
    assert_eq!(row()["runId"], *run);
    let process = row()["process"].to_string();
    assert!(std::process::Command::new("kill").arg(process).status().unwrap().success());
}

/// A script that asks people in every way, and waits for them.
const ASKING: &str = "export const meta = { name: 'a', description: 'd' }
const late = { timeout: 0, onTimeout: { value: 'x' } }
await SW.extra.ask('late', late)
try { await SW.extra.ask('never', { timeout: 0 }) } catch {}
const all = [SW.extra.waitFor('e', { match: {} }), SW.extra.approve('a', { label: 'l' })]
const options = { schema: { type: 'integer' }, default: 1, detail: 'd', timeout: '1h', onTimeout: { value: 2 } }
return await Promise.all([...all, SW.extra.ask('q', options)])
";

/// Scripts that between them do everything once.
const SCRIPTS: [&str; 5] = ["nulls.js", "schema.js", "children.js", "wide.js", "warned.js"];

/// A run whose call has every option that its details show.
fn given(place: &Place, found: &mut BTreeSet<String>) {
    let text = "export const meta = { name: 'w', description: 'd' }\nawait agent('a', { label: 'a' })\nreturn agent('b', { tools: [], disallowedTools: ['Bash'], bashCommandClamp: ['ls'], permissions: 'read', effort: 'low', maxTurns: 1, dirs: ['.'], images: ['i'], mcp: ['m'], session: 'a', system: 's' })\n";
    let ran = place.script(text, &[]);
    let run = ran.run_id();
    document(place, "report", &["history", &run, "--json"], found);
    document(place, "step", &["history", &run, "--step", "2", "--json"], found);
    document(place, "prompts", &["history", &run, "--prompts", "--json"], found);
}

/// A run that asks people in all ways.
fn asked(place: &Place) -> String {
    let text = "export const meta = { name: 'w', description: 'd' }\n\
        await SW.extra.ask('n?', { timeout: 0 }).catch(() => 0)\n\
        return Promise.all([SW.extra.ask('n?', { label: 'n', detail: 'd', schema: { enum: ['a'] }, default: 'a', timeout: '1h' }), \
        SW.extra.waitFor('e', { match: {} }), SW.extra.approve('ok?')])\n";
    place.write("asked.js", text);
    let ran = place.run(&["run", "asked.js"]);
    ran.printed(6);
    ran.run_id()
}

/// Flags that stop a run at a limit.
const LIMITS: [&[&str]; 3] =
    [&["--max-agents", "1"], &["--memory", "16"], &["--budget", "$1", "--debug-rule", "*=cost:2"]];

/// The report of a run that a limit stopped.
fn limited(place: &Place, flags: &[&str], found: &mut BTreeSet<String>) {
    let text = "export const meta = { name: 'w', description: 'd' }\nawait agent('a')\nconst all = []\nif (args === 'much') for (;;) all.push('x'.repeat(1e6) + all.length)\nreturn agent('b')\n";
    place.write("limited.js", text);
    let much: &[&str] = if flags[0] == "--memory" { &["--args", "\"much\""] } else { &[] };
    document(place, "report", &[&["run", "limited.js"], flags, much].concat(), found);
}

#[test]
fn every_key_of_an_event_is_listed() {
    let place = project();
    let mut found = BTreeSet::new();
    let mut take = |text: &str| {
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let kind = event["type"].as_str().unwrap().to_owned();
            keys(&event, &kind, &mut found);
        }
    };
    for entry in std::fs::read_dir(recorded().join("events")).unwrap() {
        take(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for name in SCRIPTS {
        let script = format!("scripts/{name}");
        take(&place.run(&["run", &script, "--events", "--max-agents", "9"]).stdout);
    }
    limited(&place, LIMITS[0], &mut BTreeSet::new());
    let cut = place.run(&["run", "limited.js", "--events", "--max-agents", "1"]);
    take(&cut.stdout);
    place.write("asking.js", ASKING);
    take(&place.run(&["run", "asking.js", "--events"]).stdout);
    let run = asked(&place);
    let answer = ["answer", &format!("{run}#4"), "--yes", "--comment", "c", "--no-start"];
    place.run(&answer).said(0);
    take(&place.run(&["resume", &run, "--events"]).stdout);
    listed::compare("event-keys.txt", &found);
}

#[test]
fn every_column_of_the_database_is_listed() {
    let place = Place::new();
    place.script("export const meta = { name: 'w', description: 'd' }\nreturn 1\n", &[]).ok();
    let database = Connection::open(place.db()).unwrap();
    let mut tables = database
        .prepare("SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%'")
        .unwrap();
    let columns = tables.query_map([], |row| row.get(0)).unwrap();
    listed::compare("columns.txt", &columns.map(Result::unwrap).collect());
}
