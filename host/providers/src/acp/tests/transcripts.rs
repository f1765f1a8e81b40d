//! Every recorded conversation with an ACP agent, and its expected result.
//!
//! A file holds both sides, a line each. The agent's side is replayed to a
//! conversation of ours; the number of a response is made to fit the request of
//! ours that has the same method.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::acp::conversation::{AgentSetup, Conversation, Next};
use crate::conformance::{Notes, task};
use crate::{AgentReply, Answer, ProviderError, ProviderErrorKind as Kind};

/// The result of a conversation: a text, with tokens in and out, millionths of a dollar,
/// and the model; or an error.
enum Expected {
    Text(&'static str, u64, u64, u64, Option<&'static str>),
    Error(Kind, &'static str),
}

use Expected::{Error, Text};

const OPUS: Option<&str> = Some("claude-opus-5-5");
/// For agents that do not report who answered: the model that the session began with.
const MOCK: Option<&str> = Some("mock/mock-model");

const ALL: [(&str, Expected); 13] = [
    ("claude-err400", Error(Kind::Failed, "API Error: 400 mock: bad request")),
    ("claude-mcp", Text("structured output", 376, 44, 2_221, OPUS)),
    ("claude-plain", Text("mock reply: say hello (chars=9)", 188, 22, 1_111, OPUS)),
    // One of the three answers names the session; the turn's own figures have two.
    ("claude-tool", Text("tool said: File created", 564, 66, 3_332, OPUS)),
    // The error has the form of an answer, in a turn that ends well.
    ("codex-err400", Error(Kind::Failed, "mock: bad request")),
    ("codex-plain", Text("mock reply: say hello (chars=9)", 188, 22, 0, Some("mock-model"))),
    ("opencode-cancel", Error(Kind::Killed, "cancelled")),
    ("opencode-err400", Error(Kind::Failed, "mock: bad request")),
    ("opencode-mcp", Text("structured output done", 188, 22, 431, MOCK)),
    ("opencode-plain", Text("mock reply: say hello (chars=9)", 188, 22, 216, MOCK)),
    ("opencode-tool", Text("tool said: Wrote file", 188, 22, 431, MOCK)),
    ("pi-err400", Error(Kind::Failed, "without an answer")),
    ("pi-plain", Text("mock reply: say hello (chars=9)", 0, 0, 0, MOCK)),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/acp")
}

/// Replays the agent's side. Returns the result, and the messages that the client sent.
fn replay(name: &str) -> (Result<AgentReply, ProviderError>, Vec<Value>) {
    let text = std::fs::read_to_string(folder().join(format!("{name}.jsonl"))).unwrap();
    let (mut conversation, first) = Conversation::open(
        "acp",
        task("say hello"),
        PathBuf::from("/project"),
        AgentSetup::default(),
    );
    let mut said = vec![first];
    // Ids of requests in the recording, by method.
    let mut recorded: BTreeMap<String, String> = BTreeMap::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut message = line["msg"].clone();
        let is_request = message["method"].is_string() && !message["id"].is_null();
        if line["dir"] == "->" {
            if is_request {
                let method = message["method"].as_str().unwrap().to_owned();
                recorded.insert(message["id"].to_string(), method);
            }
            continue;
        }
        if !is_request && !message["id"].is_null() {
            let method = recorded.get(&message["id"].to_string()).unwrap();
            let Some(ours) = said.iter().find(|one| one["method"] == **method) else { continue };
            message["id"] = ours["id"].clone();
        }
        match conversation.take(&message.to_string(), &Notes::default()) {
            Ok(Next::Send(more)) => said.extend(more),
            Ok(Next::Ask(..)) => panic!("{name} asks a person"),
            Ok(Next::Done(reply)) => return (Ok(*reply), said),
            Err(failed) => return (Err(failed), said),
        }
    }
    panic!("{name} does not end");
}

#[test]
fn every_conversation_has_its_expected_result() {
    let files = std::fs::read_dir(folder()).unwrap();
    let files: BTreeSet<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let named: BTreeSet<_> = ALL.iter().map(|(name, _)| format!("{name}.jsonl")).collect();
    assert_eq!(files, named);
    for (name, comes) in &ALL {
        match (comes, replay(name).0) {
            (Text(part, input, output, cost, model), Ok(reply)) => {
                let Answer::Text(text) = &reply.answer else { panic!("{name}: {reply:?}") };
                assert!(text.starts_with(part), "{name}: {text}");
                let tokens = (reply.usage.input_tokens, reply.usage.output_tokens);
                assert_eq!(tokens, (*input, *output), "{name}");
                let millionths = (reply.cost_usd.unwrap_or_default() * 1e6).round();
                assert!((millionths - *cost as f64).abs() < 0.5, "{name}: {millionths}");
                assert_eq!(reply.model.as_deref(), *model, "{name}");
            }
            (Error(kind, part), Err(error)) => {
                assert_eq!(error.kind, *kind, "{name}: {error}");
                assert!(error.message.contains(part), "{name}: {error}");
            }
            (_, other) => panic!("{name} comes to {other:?}"),
        }
    }
}

#[test]
fn a_write_outside_of_the_directory_is_not_allowed() {
    let (_, said) = replay("opencode-tool");
    let answer = said.iter().find(|one| one["id"] == 0).unwrap();
    let rejected = json!({"outcome": {"outcome": "selected", "optionId": "reject"}});
    assert_eq!(answer["result"], rejected);
}
