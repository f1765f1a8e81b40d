//! Every recorded transcript of opencode, and its expected result.
//!
//! `opencode-serve` holds the server's answers and its stream of events, as the
//! provider reads them. `opencode` holds what `opencode run --format json` prints:
//! the same parts and errors one by one, which are put together here into the
//! messages that the server would have answered with.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::conformance::Notes;
use crate::opencode::hub::Event;
use crate::opencode::progress::{EventOutcome, Progress};
use crate::opencode::reply::{Message, spent};
use crate::opencode::sse::Parser;
use crate::opencode::told::Told;
use crate::{AgentActivity, Answer, AskPolicy, ProviderErrorKind as Kind};

/// The result of a transcript.
enum Expected {
    /// A text that contains this, after this many tokens in and out.
    Text(&'static str, u64, u64),
    /// This JSON.
    Json(&'static str),
    /// No answer.
    Null,
    /// An error of this kind, whose message contains this.
    Error(Kind, &'static str),
}

use Expected::{Error, Json, Null, Text};

const SERVE: [(&str, Expected); 9] = [
    ("bad-agent", Error(Kind::Failed, "err_6e76fd90")),
    ("error-400", Error(Kind::Failed, "mock: bad request (HTTP 400)")),
    ("invalid-model", Error(Kind::Failed, "err_aa50856b")),
    ("plain", Text("mock reply: say hello (chars=9)", 188, 22)),
    ("structured", Json(r#"{"name":"mock","n":42}"#)),
    ("structured-array", Json(r#"["mock"]"#)),
    ("structured-bad", Json(r#"{"unexpected":1}"#)),
    // The JSON may be in the text; the engine decides.
    ("structured-ignored", Text("mock reply: describe [[mock:nostructured]]", 188, 22)),
    ("system", Text("mock reply: x (chars=1)", 188, 22)),
];

/// Without output, no end was seen, and that is not a success, whatever the exit code
/// was.
const RUN: [(&str, Expected); 40] = [
    ("agent-plan", Text("mock reply: x (chars=1)", 188, 22)),
    ("anthropic-provider", Text("mock reply: x (chars=1)", 188, 22)),
    ("argv-and-stdin", Text("from stdin (chars=22)", 188, 22)),
    ("argv-quotes", Text("to $HOME and it's fine", 188, 22)),
    ("bad-agent", Text("mock reply: x (chars=1)", 188, 22)),
    ("bad-variant", Text("mock reply: x (chars=1)", 188, 22)),
    ("badjson", Error(Kind::CutStream, "JSON parsing failed")),
    ("config-permission", Text("tool said: The user has specified a rule", 376, 44)),
    ("dash-prompt", Text("--dash prompt", 188, 22)),
    ("empty", Null),
    ("empty-prompt", Error(Kind::CutStream, "before its end")),
    ("error-400", Error(Kind::Failed, "mock: bad request (HTTP 400)")),
    (
        "error-401",
        Error(Kind::Auth, "mock: invalid api key (HTTP 401); type `opencode auth login`"),
    ),
    ("error-429", Error(Kind::RateLimit, "mock: rate limited (HTTP 429)")),
    ("error-500", Error(Kind::Unavailable, "mock: internal error (HTTP 500)")),
    ("error-500-then-ok", Text("recovered", 188, 22)),
    ("hang-sigint", Error(Kind::CutStream, "before its end")),
    ("hang-sigkill", Error(Kind::CutStream, "before its end")),
    ("hang-sigterm", Error(Kind::CutStream, "before its end")),
    ("invalid-model", Error(Kind::Failed, "err_70291e36")),
    ("invalid-provider", Error(Kind::Failed, "err_16424645")),
    ("long-argv", Text("LONG PROMPT START", 188, 22)),
    ("long-stdin", Text("got the long prompt", 188, 22)),
    ("malformed2", Error(Kind::CutStream, "calls its end \"unknown\"")),
    ("maxtok", Error(Kind::Failed, "longer than the model may write")),
    ("mcp-structured", Text("structured output done", 376, 44)),
    ("plain-argv", Text("(chars=11)", 188, 22)),
    ("plain-stdin", Text("mock reply: say hello (chars=9)", 188, 22)),
    ("plain-stdin-title", Text("mock reply: say \"hello\" $x (chars=14)", 188, 22)),
    ("pure", Text("mock reply: x (chars=1)", 188, 22)),
    ("resume", Text("mock reply: second turn (chars=11)", 188, 22)),
    ("resume-unknown", Error(Kind::CutStream, "before its end")),
    ("structured-prompt", Text("mock reply: x (chars=1)", 188, 22)),
    ("thinking", Text("mock reply: x [[mock:think]] (chars=16)", 188, 22)),
    ("tool", Text("tool said: hello world\ndone", 376, 44)),
    ("tool-write", Text("tool said: Wrote file successfully.", 376, 44)),
    ("tool-write-outside", Error(Kind::PermissionDenied, "may not use `write`")),
    ("tool-write-outside-auto", Text("tool said: Wrote file successfully.", 376, 44)),
    ("truncate", Error(Kind::CutStream, "before its end")),
    ("unicode", Text("réponse: 日本語 👩\u{200d}💻 \u{2028}line-sep \u{2029} end", 188, 22)),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(name)
}

fn read(folder_name: &str, file: &str) -> String {
    std::fs::read_to_string(folder(folder_name).join(file)).unwrap()
}

/// Each file of a folder has a row, and each row a file.
fn every_file_has_a_row<'a>(
    name: &str,
    rows: impl Iterator<Item = &'a str>,
    end: &str,
    more: &[&str],
) {
    let files = std::fs::read_dir(folder(name)).unwrap();
    let files: BTreeSet<_> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let rows =
        rows.map(|row| format!("{row}{end}")).chain(more.iter().map(|&file| file.to_owned()));
    assert_eq!(files, rows.collect::<BTreeSet<_>>(), "{name}");
}

fn check(name: &str, messages: &[Message], comes: &Expected) {
    let answer = messages.last().unwrap().answer();
    let (usage, _) = spent(messages.iter().map(|message| &message.info));
    match (comes, answer) {
        (Text(part, input, output), Ok(Answer::Text(text))) => {
            assert!(text.contains(part), "{name}: {text}");
            assert_eq!((usage.input_tokens, usage.output_tokens), (*input, *output), "{name}");
        }
        (Json(text), Ok(Answer::Json(value))) => assert_eq!(value.to_string(), *text, "{name}"),
        (Null, Ok(Answer::Null)) => {}
        (Error(kind, part), Err(error)) => {
            assert_eq!(error.kind, *kind, "{name}: {error}");
            assert!(error.message.contains(part), "{name}: {error}");
        }
        (_, other) => panic!("{name} comes to {other:?}"),
    }
}

#[test]
fn the_servers_answers() {
    every_file_has_a_row(
        "opencode-serve",
        SERVE.iter().map(|(name, _)| *name),
        ".json",
        &["events.sse", "session-create.json"],
    );
    for (name, comes) in &SERVE {
        let text = read("opencode-serve", &format!("{name}.json"));
        match serde_json::from_str::<Message>(&text) {
            Ok(message) => check(name, &[message], comes),
            // A refusal; the server answers with status 500.
            Err(_) => {
                let refused = crate::opencode::fault::refusal(500, text.as_bytes());
                let Error(kind, part) = comes else { panic!("{name} is refused: {refused}") };
                assert_eq!(refused.kind, *kind, "{name}");
                assert!(refused.message.contains(part), "{name}: {refused}");
            }
        }
    }
}

/// The messages that `opencode run` printed the parts of.
fn messages(lines: &str) -> Vec<Message> {
    let mut messages: Vec<(String, Value)> = Vec::new();
    for line in lines.split('\n').filter(|line| !line.is_empty()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let part = &line["part"];
        let id = part["messageID"].as_str().unwrap_or_default().to_owned();
        if messages.last().is_none_or(|(last, _)| *last != id) {
            messages.push((id, json!({"info": {"role": "assistant"}, "parts": []})));
        }
        let (_, message) = messages.last_mut().unwrap();
        match line["type"].as_str().unwrap() {
            "error" => message["info"]["error"] = line["error"].clone(),
            kind => {
                if kind == "step_finish" {
                    message["info"]["finish"] = part["reason"].clone();
                    message["info"]["tokens"] = part["tokens"].clone();
                    message["info"]["cost"] = part["cost"].clone();
                }
                message["parts"].as_array_mut().unwrap().push(part.clone());
            }
        }
    }
    if messages.is_empty() {
        // Nothing was printed: a message without an end.
        messages.push((String::new(), json!({"info": {}})));
    }
    messages.into_iter().map(|(_, message)| serde_json::from_value(message).unwrap()).collect()
}

#[test]
fn the_output_of_opencode_run() {
    every_file_has_a_row("opencode", RUN.iter().map(|(name, _)| *name), ".jsonl", &[]);
    for (name, comes) in &RUN {
        check(name, &messages(&read("opencode", &format!("{name}.jsonl"))), comes);
    }
}

/// The recorded stream is of one directory, without the envelope of the stream for all.
fn events() -> Vec<Event> {
    let mut parser = Parser::default();
    parser.push(read("opencode-serve", "events.sse").as_bytes()).unwrap();
    let data = std::iter::from_fn(move || parser.take());
    data.filter_map(|data| Event::read(&format!(r#"{{"payload":{data}}}"#))).collect()
}

#[test]
fn the_stream_of_events_gives_the_activity_of_each_agent() {
    let events = events();
    let sessions: BTreeSet<_> = events.iter().map(|event| event.session.clone()).collect();
    assert_eq!(sessions.len(), 9);
    // An unknown model and an unknown agent are refused before there is a prompt.
    let mut without_prompt = 0;
    let mut told = |session: &str| {
        let (mut progress, notes) = (Progress::of(session, AskPolicy::Refuse), Notes::default());
        let own = events.iter().filter(|event| event.session == session);
        let news: Vec<_> = own.map(|event| progress.take(event, &notes)).collect();
        assert!(
            news.iter().all(|news| matches!(news, EventOutcome::Fine | EventOutcome::Idle)),
            "{news:?}"
        );
        without_prompt += u32::from(progress.told.prompt().is_none());
        notes.all()
    };
    let mut texts = Vec::new();
    let mut tools = BTreeSet::new();
    for session in &sessions {
        let mut text = String::new();
        for note in told(session) {
            match note {
                AgentActivity::Text { text: piece } => text.push_str(&piece),
                AgentActivity::Tool { name, .. } => _ = tools.insert(name),
                _ => {}
            }
        }
        texts.push(text);
    }
    assert_eq!(without_prompt, 1);
    texts.retain(|text| !text.is_empty());
    texts.sort();
    let expected = [
        "mock reply: describe [[mock:nostructured]] (chars=30)",
        "mock reply: say hello (chars=9)",
        "mock reply: x (chars=1)",
    ];
    assert_eq!(texts, expected);
    assert_eq!(tools, BTreeSet::from(["StructuredOutput".to_owned()]));
}

/// opencode reports a prompt again when it has summed up what came of it: the session rests
/// by then, or has the prompt of the next round.
#[test]
fn a_prompt_that_is_reported_again_after_its_round_is_not_of_the_next_one() {
    let mut later = events();
    let idle = later.iter().position(|event| event.kind == "session.idle").unwrap();
    let session = later[idle].session.clone();
    later.drain(..idle);
    later.retain(|event| event.session == session);
    let after = |told: Told| {
        let mut progress = Progress::of(&session, AskPolicy::Refuse);
        progress.told = told;
        later.iter().for_each(|event| _ = progress.take(event, &Notes::default()));
        progress.told.prompt().map(str::to_owned)
    };
    let old = after(Told::default()).expect("it is reported again");
    assert_eq!(after(Told::after(HashSet::from([old]))), None);
}
