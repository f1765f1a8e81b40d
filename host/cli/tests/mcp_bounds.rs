//! What the MCP server gives to one client, and keeps for the others: how much of a run one
//! answer has, and that who waits keeps nobody from working.

#![cfg(unix)]

mod common;

use common::Place;
use common::background::Background;
use common::client::{Client, Era, text};
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

/// Most bytes of a status: a model reads all of it.
const STATUS_BYTES_MAX: usize = 128 * 1024;

#[test]
fn many_long_questions_are_cut_and_the_command_that_has_them_all_is_named() {
    let place = Place::new();
    let body = "const label = 'l'.repeat(1_000), big = { enum: ['x'.repeat(60_000)] }\n\
        await Promise.all([SW.extra.ask('first', { label, schema: big }),\n\
        ...Array.from({ length: 300 }, (_, n) => SW.extra.ask(n + ' ' + 'q'.repeat(4_000)))])";
    place.write("s.mjs", format!("{META}{body}\n"));
    let can = json!({
        "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} },
    });
    let command = place.command(&["mcp", "--allow-answers"]);
    let mut client = Client::start(command, Era::Newer, can);
    let arguments = json!({ "workflow": "s.mjs", "cwd": place.dir.path() });
    let begun = client.call("workflow_run", arguments);
    let run = begun["taskId"].as_str().unwrap().to_owned();
    let whole = client.call("workflow_status", json!({ "runId": run, "wait": 60 }));
    assert!(whole.to_string().len() < STATUS_BYTES_MAX, "{}", whole.to_string().len());
    let status = &whole["structuredContent"];
    let questions = status["questions"].as_array().unwrap_or_else(|| panic!("{whole}"));
    assert!(
        questions[0]["schema"].is_null() && questions[0]["schemaBytes"].as_u64() > Some(60_000)
    );
    assert!(questions[0]["label"].as_str().unwrap().ends_with('…'));
    let left_out = status["questionsNotListed"].as_u64().unwrap();
    assert_eq!(questions.len() as u64 + left_out, 301);
    let all = format!("smol-wf history {run} --json");
    assert!(status["whole"].as_str().unwrap().contains(&all), "{status}");
    assert!(text(&whole).contains("more questions are not listed"), "{}", text(&whole));

    let task = client.ask("tasks/get", json!({ "taskId": run }))["result"].clone();
    let asked = task["inputRequests"].as_object().unwrap();
    assert!(asked.len() <= 20 && !asked.contains_key(&format!("{run}#1")), "{}", asked.len());
    assert!(task.to_string().len() < 2 * STATUS_BYTES_MAX, "{}", task.to_string().len());
    // The command that is named does have all.
    let history = place.run(&["history", &run, "--json"]).ok();
    assert_eq!(history["asks"]["open"].as_array().map(Vec::len), Some(301), "{}", history["asks"]);
    client.value("workflow_stop", json!({ "runId": run }));
    client.leave(0);
}

#[test]
fn calls_that_wait_keep_no_other_from_working() {
    let here = Background::new("return await agent('Look.')");
    let mut client = Client::start(here.command(&["mcp"]), Era::Older, json!({}));
    let run = client.run(&here.place, "s.mjs");
    here.at_work(&run);
    let look = json!({ "runId": run, "wait": 60 });
    // More than may work at the same time, and more than may wait.
    let waits = 70;
    for _ in 0..waits {
        let call = json!({ "name": "workflow_status", "arguments": look });
        client.begin("tools/call", call);
    }
    let refused: Vec<Value> = (0..waits - 64).map(|_| client.next()).collect();
    for one in &refused {
        assert!(text(&one["result"]).contains("too many calls wait already"), "{one}");
    }
    let cwd = here.place.dir.path();
    let checked = client.value("workflow_check", json!({ "workflow": "s.mjs", "cwd": cwd }));
    assert_eq!(checked["errors"], 0, "{checked}");
    here.place.write("go", "");
    for _ in 0..64 {
        let status = client.next()["result"]["structuredContent"]["status"].clone();
        assert_eq!(status, "completed");
    }
    client.leave(0);
}

#[test]
fn a_tool_of_a_workflow_is_looked_for_in_the_folder_of_its_call() {
    let place = Place::new();
    for (folder, name) in [("a", "one"), ("b", "two")] {
        let meta = format!("export const meta = {{ name: '{name}', description: 'd' }}\n");
        let file = format!("{folder}/.agents/workflows/{name}.js");
        place.write(&file, format!("{meta}return '{name}'\n"));
    }
    let command = place.command(&["mcp", "--workflow-tools"]);
    let mut client = Client::start(command, Era::Older, json!({ "roots": {} }));
    let mut ask = |folder: &str, method: &str, params: Value| {
        client.begin(method, params);
        let asked = client.next();
        assert_eq!(asked["method"], "roots/list", "{asked}");
        let root = format!("file://{}", place.path(folder).display());
        let roots = json!({ "roots": [{ "uri": root }] });
        client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": roots }));
        client.next()["result"].clone()
    };
    let of_a = ask("a", "tools/list", json!({})).to_string();
    assert!(of_a.contains("run_one") && !of_a.contains("run_two"), "{of_a}");
    let of_b = ask("b", "tools/list", json!({})).to_string();
    assert!(of_b.contains("run_two") && !of_b.contains("run_one"), "{of_b}");
    let call = json!({ "name": "run_one", "arguments": {} });
    let begun = ask("a", "tools/call", call.clone());
    assert_eq!(begun["structuredContent"]["plan"]["name"], "one", "{begun}");
    let refused = ask("b", "tools/call", call);
    assert!(text(&refused).contains("there is no tool `run_one` for "), "{refused}");
    // A folder is no script, however far it could be searched.
    let root = json!({ "workflow": "/", "cwd": "/" });
    for tool in ["workflow_check", "workflow_plan", "workflow_run"] {
        let said = client.refused(tool, root.clone());
        assert!(said.contains("`workflow` is /, which is a folder"), "{tool}: {said}");
    }
    client.leave(0);
}
