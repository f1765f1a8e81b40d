//! A client of the MCP server that sees each line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Place, finish};

/// Longest wait for a message.
const HUNG: Duration = Duration::from_secs(120);

/// How a client speaks.
#[derive(Clone, Copy, PartialEq)]
pub enum Era {
    /// 2025-11-25, with a handshake.
    Older,
    /// 2026-07-28, where each request says who asks.
    Newer,
}

/// A client.
pub struct Client {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    era: Era,
    can: Value,
    last: u64,
}

impl Client {
    pub fn start(mut command: Command, era: Era, can: Value) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (says, lines) = channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).for_each(|line| drop(says.send(line)));
        });
        let stdin = child.stdin.take();
        let mut client = Self { child, stdin, lines, era, can, last: 0 };
        if era == Era::Older {
            let params = json!({ "protocolVersion": "2025-11-25", "capabilities": client.can,
                "clientInfo": { "name": "tester", "version": "1" } });
            let began = client.ask("initialize", params);
            assert_eq!(began["result"]["protocolVersion"], "2025-11-25", "{began}");
            client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        }
        client
    }

    pub fn raw(&mut self, line: &str) {
        self.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub fn send(&mut self, message: &Value) {
        self.raw(&message.to_string());
    }

    /// The next message; stdout has nothing else.
    #[track_caller]
    pub fn next(&self) -> Value {
        let line = self.lines.recv_timeout(HUNG).expect("a message");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    pub fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.last += 1;
        if self.era == Era::Newer {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "tester", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": self.can,
            });
        }
        let message =
            json!({ "jsonrpc": "2.0", "id": self.last, "method": method, "params": params });
        self.send(&message);
        self.last
    }

    /// The answer to a request.
    #[track_caller]
    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        let answer = self.next();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// The result of a tool.
    #[track_caller]
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// The value of a tool that succeeds.
    #[track_caller]
    pub fn value(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].clone()
    }

    /// The sentence of a tool that refuses.
    #[track_caller]
    pub fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        text(&result)
    }

    pub fn tools(&mut self) -> Vec<String> {
        let listed = self.ask("tools/list", json!({}));
        let tools = listed["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Starts a script and returns the id of its run.
    #[track_caller]
    pub fn run(&mut self, place: &Place, script: &str) -> String {
        let arguments = json!({ "workflow": script, "cwd": place.dir.path() });
        let value = self.value("workflow_run", arguments);
        value["runId"].as_str().unwrap().to_owned()
    }

    /// Waits until a run is over or stops; each wait ends at a question, too.
    #[track_caller]
    pub fn stopped(&mut self, run: &str) -> Value {
        let mut status = self.status(run);
        for _ in 0..5 {
            if ["running", "waiting"].contains(&status["status"].as_str().unwrap()) {
                status = self.status(run);
            }
        }
        status
    }

    /// Waits for news of a run.
    #[track_caller]
    pub fn status(&mut self, run: &str) -> Value {
        self.value("workflow_status", json!({ "runId": run, "wait": 60 }))
    }

    /// Closes stdin; what the server said, and its exit code is this.
    #[track_caller]
    pub fn leave(mut self, code: i32) -> String {
        drop(self.stdin.take());
        let ran = finish(self.child);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        ran.stderr
    }
}

/// The text of a result.
pub fn text(result: &Value) -> String {
    result["content"][0]["text"].as_str().unwrap_or_default().to_owned()
}
