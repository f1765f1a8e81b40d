//! The MCP server, as a client meets it: tools, runs that outlive everyone, questions,
//! tasks, and clients that misbehave. `scripts/mcp-clients` has official clients.

#![cfg(unix)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::background::Background;
use common::client::{Client, Era, text};
use common::{Place, finish, signal, until};
use rustix::process::Signal;
use serde_json::{Value, json};

const META: &str = "export const meta = { name: 'n', description: 'd' }\n";

fn server(place: &Place, flags: &[&str], era: Era, can: Value) -> Client {
    Client::start(place.command(&[&["mcp"], flags].concat()), era, can)
}

#[test]
fn a_run_is_planned_and_started_waited_for_and_read() {
    let place = Place::new();
    let body = "const given = await agent('Greet ' + args.who)\n\
        const none = await SW.extra.ask('Who?', { timeout: '10ms' }).catch((error) => error.code)\n\
        return { given, none }";
    place.write("s.mjs", format!("{META}{body}\n"));
    place.write("bad.mjs", format!("{META}return await agent(\n"));
    let mut client = server(&place, &[], Era::Newer, json!({}));
    let wanted = [
        "workflow_list",
        "workflow_check",
        "workflow_plan",
        "workflow_status",
        "workflow_result",
        "workflow_run",
        "workflow_stop",
        "workflow_message",
    ];
    assert_eq!(client.tools(), wanted);
    let said = client.refused("workflow_run", json!({ "workflow": "s.mjs" }));
    assert!(said.contains("pass `cwd`, the absolute path of the project"), "{said}");
    let cwd = place.dir.path().to_owned();
    let said = client.refused("workflow_run", json!({ "workflow": "bad.mjs", "cwd": cwd }));
    assert!(said.contains("[syntax]"), "{said}");
    let said = client.refused("workflow_run", json!({ "workflow": "--help", "cwd": cwd }));
    assert!(said.contains("cannot begin with `-`"), "{said}");
    let said = client.refused("workflow_run", json!({ "workflow": "s.mjs", "cwd": cwd, "x": 1 }));
    assert!(said.contains("unknown field `x`"), "{said}");
    let said = client.refused("workflow_status", json!({ "runId": "run_x" }));
    assert!(said.contains("[run_unknown]"), "{said}");

    let args = json!({ "who": "Ada" });
    let started =
        client.call("workflow_run", json!({ "workflow": "s.mjs", "cwd": cwd, "args": args }));
    let said = text(&started);
    assert!(said.starts_with("n: plan: 1 agent, at most 1 at once, cost "), "{said}");
    let value = &started["structuredContent"];
    assert_eq!(value.as_object().unwrap().keys().next().unwrap(), "plan");
    assert_eq!((&value["plan"]["agents"], &value["status"]), (&json!(1), &json!("running")));
    let run = value["runId"].as_str().unwrap();
    let status = client.stopped(run);
    assert_eq!(status["status"], "completed", "{status}");
    assert_eq!(status["failedSteps"][0]["code"], "ask_timed_out", "{status}");
    assert!(!status.to_string().contains("echo: Greet"), "{status}");
    let result = client.value("workflow_result", json!({ "runId": run }));
    assert_eq!(result["result"]["given"], "echo: Greet Ada");
    assert_eq!(result["failedSteps"][0]["step"], 2);

    let args = json!({ "who": "Ada" });
    let plan =
        client.value("workflow_plan", json!({ "workflow": "s.mjs", "cwd": cwd, "args": args }));
    assert_eq!(plan["agents"], 1);
    let found = client.value("workflow_check", json!({ "workflow": cwd.join("bad.mjs") }));
    assert_eq!(found["errors"], 1, "{found}");
    let list = client.value("workflow_list", json!({}));
    assert!(list["note"].as_str().unwrap().contains("no project is listed"), "{list}");
    client.leave(0);
}

#[test]
fn a_long_result_comes_in_parts() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return {{ long: 'é'.repeat(args.long) }}\n"));
    place.write("bad.mjs", format!("{META}throw new Error('nothing to do')\n"));
    let mut client = server(&place, &[], Era::Newer, json!({}));
    let failed = client.run(&place, "bad.mjs");
    assert_eq!(client.status(&failed)["status"], "failed");
    let said = client.refused("workflow_result", json!({ "runId": failed }));
    assert!(said.ends_with("\nnothing to do [thrown]"), "{said}");
    let cwd = place.dir.path();
    let args = json!({ "long": 60_000 });
    let started =
        client.value("workflow_run", json!({ "workflow": "s.mjs", "cwd": cwd, "args": args }));
    let run = started["runId"].as_str().unwrap();
    assert_eq!(client.status(run)["status"], "completed");
    let (mut whole, mut offset) = (String::new(), json!(0));
    while offset.is_u64() {
        let part = client.value("workflow_result", json!({ "runId": run, "offset": offset }));
        whole.push_str(part["resultPart"].as_str().unwrap());
        offset = part["nextOffset"].clone();
    }
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["long"].as_str().map(str::len), Some(120_000));
    client.leave(0);
}

#[test]
fn a_client_that_sends_garbage_and_vanishes_leaves_its_run_alone() {
    let here = Background::new("return await agent('Look.')");
    let can = json!({ "roots": {} });
    let mut client = Client::start(here.command(&["mcp"]), Era::Older, can);
    client.begin(
        "tools/call",
        json!({ "name": "workflow_run", "arguments": { "workflow": "s.mjs" } }),
    );
    // The only root of the client is where it works.
    let asked = client.next();
    assert_eq!(asked["method"], "roots/list", "{asked}");
    let root = format!("file://{}", here.place.dir.path().display());
    let roots = json!({ "roots": [{ "uri": root }] });
    client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": roots }));
    let started = client.next();
    let run = started["result"]["structuredContent"]["runId"].as_str().unwrap().to_owned();
    until("the agent is at work", || here.place.path("go.pids").exists());
    let told = json!({ "runId": run, "text": "Faster." });
    let said = client.refused("workflow_message", told);
    assert!(said.contains("[agent_takes_no_messages]"), "{said}");
    // Another run of its is stopped.
    let other = client.run(&here.place, "s.mjs");
    here.at_work(&other);
    client.value("workflow_stop", json!({ "runId": other }));
    assert_eq!(client.status(&other)["status"], "cancelled");

    for garbage in ["garbage", "\u{0}{["] {
        client.raw(garbage);
        let refused = client.next();
        assert_eq!(
            (&refused["error"]["code"], refused.get("id")),
            (&json!(-32700), Some(&Value::Null))
        );
    }
    for params in [json!({ "name": 5 }), json!([5])] {
        let refused = client.ask("tools/call", params);
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    assert_eq!(client.ask("nothing", json!({}))["error"]["code"], -32601);
    client.raw("{\"jsonrpc\":\"2.0\",\"id\":7}");
    assert_eq!(client.next()["error"]["code"], -32600);
    client.raw(&"x".repeat(5 * 1024 * 1024));
    assert_eq!(client.next()["error"]["code"], -32600);
    let status = client.value("workflow_status", json!({ "runId": run }));
    assert_eq!(status["status"], "running");
    // In the middle of a line, and while a call waits.
    client.begin(
        "tools/call",
        json!({ "name": "workflow_status", "arguments": { "runId": run, "wait": 60 } }),
    );
    client.stdin.as_mut().unwrap().write_all(b"{\"jsonrpc\":").unwrap();
    let said = client.leave(0);
    assert!(said.contains("this is not JSON: "), "{said}");
    assert!(said.contains("a message is over 4194304 bytes"), "{said}");
    assert!(said.contains(&format!("runs that were started here go on: {run}")), "{said}");

    here.place.write("go", "");
    let ran = here.run(&["attach", &run, "--json"]);
    assert_eq!(ran.ok()["result"], "answer to Look.");

    // A signal ends the server as well.
    let client = Client::start(here.command(&["mcp"]), Era::Older, json!({}));
    signal(&client.child, Signal::TERM);
    let ended = finish(client.child);
    assert_eq!(ended.code, 143, "{}", ended.stderr);
}

const ASKS: &str = "const who = await SW.extra.ask('Who?')\n\
    const ok = await SW.extra.approve('Deploy for ' + who + '?')\n\
    return { who, ok: ok.approved, by: ok.by, comment: ok.comment }";

#[test]
fn a_model_answers_when_it_may_and_only_a_person_approves() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}{ASKS}\n"));
    let mut plain = server(&place, &[], Era::Older, json!({}));
    let run = plain.run(&place, "s.mjs");
    let status = plain.status(&run);
    assert_eq!(
        (&status["status"], &status["questions"][0]["step"]),
        (&json!("waiting"), &json!(1))
    );
    assert!(status["next"].as_str().unwrap().contains("smol-wf answer"), "{status}");
    let answer = json!({ "runId": run, "step": 1, "value": "Ada" });
    let said = plain.refused("workflow_answer", answer.clone());
    assert!(said.contains("--allow-answers"), "{said}");
    plain.leave(0);

    let mut mute = server(&place, &["--allow-answers"], Era::Older, json!({}));
    let said = mute.refused("workflow_answer", json!({ "runId": run, "step": 1, "value": 5 }));
    assert!(said.contains("[answer_invalid]"), "{said}");
    assert_eq!(mute.value("workflow_answer", answer)["taken"], true);
    assert_eq!(mute.status(&run)["questions"][0]["kind"], "approve");
    let forged = json!({ "runId": run, "step": 2, "value": true });
    let said = mute.refused("workflow_answer", forged);
    assert!(said.contains("only a person answers"), "{said}");
    let approve = json!({ "runId": run, "step": 2 });
    let said = mute.refused("workflow_answer", approve.clone());
    assert!(said.contains("cannot show a form"), "{said}");
    mute.leave(0);

    let can = json!({ "elicitation": {} });
    let mut client = server(&place, &["--allow-answers"], Era::Older, can);
    let request = json!({ "name": "workflow_answer", "arguments": approve });
    // Who closes the form leaves the question open.
    for (action, answered) in [("cancel", false), ("decline", false), ("accept", true)] {
        client.begin("tools/call", request.clone());
        let asked = client.next();
        assert_eq!(asked["method"], "elicitation/create", "{asked}");
        let message = asked["params"]["message"].as_str().unwrap();
        assert!(message.ends_with("approve asks in step 2: Deploy for Ada?"), "{message}");
        let result = json!({ "action": action, "content": { "answer": true, "comment": "go" } });
        client.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": result }));
        let answer = client.next();
        assert_eq!(answer["result"]["structuredContent"]["answered"], answered, "{answer}");
    }
    assert_eq!(client.status(&run)["status"], "completed");
    let result = client.value("workflow_result", json!({ "runId": run }));
    let result = &result["result"];
    assert_eq!((&result["ok"], &result["comment"]), (&json!(true), &json!("go")));
    assert!(result["by"].as_str().unwrap().ends_with(" through MCP client tester"), "{result}");
    client.leave(0);
}

#[test]
fn a_newer_client_has_runs_as_tasks_and_is_asked_in_results() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}{ASKS}\n"));
    let can = json!({
        "elicitation": {}, "roots": {},
        "extensions": { "io.modelcontextprotocol/tasks": {} },
    });
    let mut client = server(&place, &["--allow-answers"], Era::Newer, can.clone());
    let mut request = json!({ "name": "workflow_run", "arguments": { "workflow": "s.mjs" } });
    let asked = client.ask("tools/call", request.clone())["result"].clone();
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    assert_eq!(asked["inputRequests"]["roots"]["method"], "roots/list", "{asked}");
    let root = format!("file://{}", place.dir.path().display());
    request["inputResponses"] = json!({ "roots": { "roots": [{ "uri": root }] } });
    let task = client.ask("tools/call", request)["result"].clone();
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")));
    assert!(task["statusMessage"].as_str().unwrap().starts_with("n: plan: 0 agents"), "{task}");
    let run = task["taskId"].as_str().unwrap().to_owned();
    let get = json!({ "taskId": run });
    let due = |client: &mut Client, wanted: &str| {
        let mut task = Value::Null;
        until(wanted, || {
            task = client.ask("tasks/get", get.clone())["result"].clone();
            task["status"] == wanted
        });
        task
    };
    let task = due(&mut client, "input_required");
    let name = format!("{run}#1");
    assert_eq!(task["inputRequests"][&name]["method"], "elicitation/create", "{task}");
    let answer = json!({ "action": "accept", "content": { "answer": "Ada" } });
    let update = json!({ "taskId": run, "inputResponses": { &name: answer, "other": {} } });
    assert!(client.ask("tasks/update", update)["result"].is_object());

    client.leave(0);
    // Who shows no forms cannot say what a person said.
    let mute = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let mut client = server(&place, &["--allow-answers"], Era::Newer, mute);
    client.status(&run);
    let yes = json!({ "action": "accept", "content": { "answer": true } });
    let update = json!({ "taskId": run, "inputResponses": { format!("{run}#2"): yes } });
    let refused = client.ask("tasks/update", update);
    assert!(
        refused["error"]["message"].as_str().unwrap().contains("cannot show a form"),
        "{refused}"
    );

    // Another server, which has nothing but the journal.
    client.leave(0);
    let mut client = server(&place, &["--allow-answers"], Era::Newer, can);
    client.status(&run);
    let mut request =
        json!({ "name": "workflow_answer", "arguments": { "runId": run, "step": 2 } });
    let asked = client.ask("tools/call", request.clone())["result"].clone();
    let name = format!("{run}#2");
    assert_eq!(asked["inputRequests"][&name]["method"], "elicitation/create", "{asked}");
    request["inputResponses"] =
        json!({ &name: { "action": "accept", "content": { "answer": false } } });
    assert_eq!(client.ask("tools/call", request)["result"]["structuredContent"]["answered"], true);
    let task = due(&mut client, "completed");
    let result = &task["result"];
    assert_eq!(result["isError"], false, "{task}");
    assert_eq!(result["structuredContent"]["result"]["ok"], false, "{task}");
    let unknown = client.ask("tasks/get", json!({ "taskId": "run_x" }));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    client.leave(0);
}

#[test]
fn an_agent_of_a_run_may_run_and_read_but_post_nothing() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}{ASKS}\n"));
    let mut command = place.command(&["mcp", "--allow-answers"]);
    command.env("SMOL_WF_PROCESS", "x");
    let mut client = Client::start(command, Era::Older, json!({ "elicitation": {} }));
    let run = client.run(&place, "s.mjs");
    assert_eq!(client.status(&run)["status"], "waiting");
    let posts = [
        ("workflow_stop", json!({ "runId": run })),
        ("workflow_message", json!({ "runId": run, "text": "x" })),
        ("workflow_answer", json!({ "runId": run, "step": 1, "value": "x" })),
        ("workflow_answer", json!({ "runId": run, "step": 1 })),
    ];
    for (tool, arguments) in posts {
        let said = client.refused(tool, arguments);
        assert!(said.contains("[post_from_agent]"), "{tool}: {said}");
    }
    client.leave(0);
}

#[test]
fn workflows_are_tools_and_a_server_that_reads_has_none_that_act() {
    let place = Place::new();
    let meta = "export const meta = { name: 'greet', description: 'Greets.', args: { type: 'object', \
        properties: { who: { type: 'string' } }, required: ['who'] } }\n";
    place.write(
        ".agents/workflows/greet.js",
        format!("{meta}return await agent('Greet ' + args.who)\n"),
    );
    let meta = "export const meta = { name: 'pick', description: 'Picks.', args: { type: 'array', \
        items: { $ref: '#/$defs/one' }, $defs: { one: { type: 'string' } } } }\n";
    place.write(".agents/workflows/pick.js", format!("{meta}return args[args.length - 1]\n"));
    let cwd = place.dir.path().to_str().unwrap();
    let mut client = server(&place, &["--workflow-tools", "--cwd", cwd], Era::Older, json!({}));
    let listed = client.ask("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let greet = tools.iter().find(|tool| tool["name"] == "run_greet").unwrap();
    assert_eq!(greet["inputSchema"]["required"], json!(["who"]), "{greet}");
    // An object is around arguments that are none, and definitions stay at the top.
    let pick = tools.iter().find(|tool| tool["name"] == "run_pick").unwrap();
    let schema = &pick["inputSchema"];
    assert_eq!(
        (&schema["type"], &schema["$defs"]["one"]["type"]),
        (&json!("object"), &json!("string"))
    );
    assert_eq!(schema["properties"]["args"]["type"], "array", "{schema}");
    let said = client.refused("run_pick", json!({ "args": [5] }));
    assert!(said.contains("[args_invalid]"), "{said}");
    let run = client.value("run_pick", json!({ "args": ["b", "c"] }))["runId"].clone();
    let run = run.as_str().unwrap();
    assert_eq!(client.stopped(run)["status"], "completed");
    assert_eq!(client.value("workflow_result", json!({ "runId": run }))["result"], "c");
    let said = client.refused("run_greet", json!({ "who": 5 }));
    assert!(said.contains("[args_invalid]"), "{said}");
    let started = client.value("run_greet", json!({ "who": "Ada" }));
    let run = started["runId"].as_str().unwrap().to_owned();
    assert_eq!(client.status(&run)["status"], "completed");
    let said = client.refused("run_nothing", json!({}));
    assert!(said.contains("no tool `run_nothing`"), "{said}");
    client.leave(0);

    let mut client = server(&place, &["--read-only"], Era::Older, json!({}));
    let wanted =
        ["workflow_list", "workflow_check", "workflow_plan", "workflow_status", "workflow_result"];
    assert_eq!(client.tools(), wanted);
    for tool in ["workflow_run", "workflow_stop"] {
        let said = client.refused(tool, json!({ "workflow": "greet", "runId": run }));
        assert!(said.contains("--read-only"), "{said}");
    }
    assert_eq!(
        client.value("workflow_result", json!({ "runId": run }))["result"],
        "echo: Greet Ada"
    );
    client.leave(0);
}

#[test]
fn http_needs_the_token_and_stays_on_the_loopback() {
    let place = Place::new();
    let refused = place.run(&["mcp", "--http", "0.0.0.0:0"]);
    assert!(refused.said(2).contains("not an address of the loopback"), "{}", refused.stderr);
    let mut command = place.command(&["mcp", "--http", "127.0.0.1:0"]);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = || lines.next().unwrap().unwrap();
    let address = said().strip_prefix("serving MCP at http://").unwrap().replace("/mcp", "");
    let token = said().strip_prefix("clients send the header: ").unwrap().to_owned();
    let post = |path: &str, headers: &str| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
        let body = body.to_string();
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json, text/event-stream\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut first = String::new();
        BufReader::new(stream).read_line(&mut first).unwrap();
        first.trim_end().to_owned()
    };
    assert_eq!(post("/mcp", ""), "HTTP/1.1 401 Unauthorized");
    assert_eq!(post("/mcp", "Authorization: Bearer wrong\r\n"), "HTTP/1.1 401 Unauthorized");
    assert_eq!(post("/", &format!("{token}\r\n")), "HTTP/1.1 404 Not Found");
    assert_eq!(post("/mcp", &format!("{token}\r\n")), "HTTP/1.1 200 OK");
    let page = format!("{token}\r\nOrigin: https://example.org\r\n");
    assert_eq!(post("/mcp", &page), "HTTP/1.1 403 Forbidden");
    // Who finds no room is told so, and not left alone.
    let connect = || std::net::TcpStream::connect(&address).unwrap();
    let silent: Vec<_> = (0..64).map(|_| connect()).collect();
    let refused = || post("/mcp", &format!("{token}\r\n"));
    until("there is no room", || refused() == "HTTP/1.1 503 Service Unavailable");
    drop(silent);
    until("there is room again", || refused() == "HTTP/1.1 200 OK");
    signal(&child, Signal::TERM);
    assert_eq!(finish(child).code, 143);
}

#[test]
fn a_run_with_the_debug_provider_asks_no_other() {
    let place = Place::new();
    place.write("s.mjs", format!("{META}return await agent('p', {{ provider: 'codex' }})\n"));
    place.write("null.mjs", format!("{META}return args === null\n"));
    let mut client = server(&place, &[], Era::Older, json!({}));
    let cwd = place.dir.path();
    let run = |script: &str| json!({ "workflow": script, "cwd": cwd, "debug": true, "args": null });
    let said = client.refused("workflow_run", run("s.mjs"));
    assert!(said.contains("names the provider `codex` itself"), "{said}");
    let started = client.value("workflow_run", run("null.mjs"));
    let run = started["runId"].as_str().unwrap();
    assert_eq!(client.stopped(run)["status"], "completed");
    assert_eq!(client.value("workflow_result", json!({ "runId": run }))["result"], true);
    client.leave(0);
}

#[test]
fn a_client_that_reads_nothing_does_not_keep_the_server() {
    let place = Place::new();
    let mut command = place.command(&["mcp"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let begin = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "t", "version": "1" } } });
    writeln!(stdin, "{begin}").unwrap();
    writeln!(stdin, r#"{{"jsonrpc":"2.0","method":"notifications/initialized"}}"#).unwrap();
    // More than a pipe holds.
    for id in 1..60 {
        writeln!(stdin, r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#).unwrap();
    }
    drop(stdin);
    let _unread = child.stdout.take();
    until("the server ends", || child.try_wait().unwrap().is_some());
}

#[test]
fn a_wait_ends_at_a_question_that_is_open_already() {
    let place = Place::new();
    let body = "await Promise.all([SW.sleep(600_000), SW.extra.ask('q?')])";
    place.write("s.mjs", format!("{META}{body}\n"));
    let mut client = server(&place, &[], Era::Older, json!({}));
    let run = client.run(&place, "s.mjs");
    let look = json!({ "runId": run });
    until("it asks", || !client.value("workflow_status", look.clone())["questions"].is_null());
    let began = Instant::now();
    let status = client.status(&run);
    assert_eq!(status["questions"][0]["question"], "q?", "{status}");
    // Half of the longest wait.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    client.value("workflow_stop", json!({ "runId": run }));
    assert_eq!(client.stopped(&run)["status"], "cancelled");
    client.leave(0);
}
