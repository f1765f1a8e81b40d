//! The readers of foreign bytes, as functions that must end and must not panic,
//! whatever the bytes are. Their results are dropped: only panics, hangs and memory count.
//!
//! Owns: the bodies of the fuzz targets, and the folders with their seeds. Never:
//! generates bytes; libFuzzer and `host/cli/tests/fuzz.rs` do.

use serde_json::Value;
use smol_wf_core::archive;
use smol_wf_core::details::Details;
use smol_wf_core::event::EventFold;
use smol_wf_core::event::parse::event_line;
use smol_wf_core::ids::Digest;
use smol_wf_core::journal::{self, Chain, Entry, Record};
use smol_wf_core::machine::Machine;
use smol_wf_core::options::OptionRules;
use smol_wf_core::report::Report;
use smol_wf_core::schema::{self, Checker};
use smol_wf_core::script::{self, Script};
use smol_wf_core::step_request::AgentRequest;
use smol_wf_core::summary::Summary;
use smol_wf_core::trace::{Spans, chrome_events};
use smol_wf_core::view::{Filter, Folds, RunView, StepState, rows};
use smol_wf_engine::{fixture_entries, providers};

/// A fuzz target: its name, its body and the folders with its seeds.
pub struct Target {
    /// Its name in `cargo fuzz`.
    pub name: &'static str,
    /// The function that reads the bytes.
    pub body: fn(&[u8]),
    /// Folders with seeds, relative to the root of the project.
    pub seeds: &'static [&'static str],
}

/// All fuzz targets.
pub const TARGETS: [Target; 7] = [
    Target {
        name: "script",
        body: script,
        seeds: &["examples", "host/cli/tests/corpus", "host/cli/tests/dialect"],
    },
    Target { name: "journal", body: journal, seeds: &[JOURNALS] },
    Target { name: "events", body: events, seeds: &[JOURNALS] },
    Target { name: "stream", body: stream, seeds: &[STREAMS] },
    Target { name: "fixture", body: fixture, seeds: &["host/cli/tests/recorded/9264ab0/fixtures"] },
    Target {
        name: "transcripts",
        body: transcripts,
        seeds: &[
            "host/providers/tests/transcripts/acp",
            "host/providers/tests/transcripts/claude-code",
            "host/providers/tests/transcripts/codex",
            "host/providers/tests/transcripts/pi",
        ],
    },
    Target { name: "schema", body: schema, seeds: &["host/fuzz/seeds/schema"] },
];

/// Recorded journals, one archive a file, with runs of every state.
const JOURNALS: &str = "host/cli/tests/recorded/9264ab0/journals";

/// Recorded event streams.
const STREAMS: &str = "host/cli/tests/recorded/9264ab0/events";

/// Reads the bytes as a script with its `meta` and the positions that messages name, and
/// as options of a call in each dialect.
pub fn script(bytes: &[u8]) {
    if let Ok(script) = Script::read(bytes, "flow.mjs") {
        let _ = script.source("fuzzed.js");
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = script::missing_export(&text);
    let at = script::position_at(&text, text.len() / 2);
    let _ = script::snippet(&text, at.line, at.column);
    for manner in [OptionRules::First, OptionRules::MODULE, OptionRules::BODY] {
        let _ = AgentRequest::read("ask".to_owned(), &text, manner);
    }
}

/// Reads the bytes as an archive, line by line: a head, then records with a chain of
/// digests. Stops at the first line that is refused.
pub fn journal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let Ok(mut reader) = archive::Reader::begin(lines.next()) else { return };
    if lines.all(|line| reader.record(line).is_ok()) {
        let _ = reader.finish();
    }
}

/// Reads the bytes as the entries of a journal and seals them again, so that the folds are
/// reached.
pub fn events(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut chain = Chain::new();
    let records: Vec<Record> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Entry>(&body_of(line)).ok())
        .filter_map(|entry| chain.seal(&entry).ok())
        .collect();
    let Ok(entries) = journal::read(&records) else { return };
    let mut fold = EventFold::new();
    for entry in &entries {
        let _ = fold.after(entry);
    }
    let _ = Report::fold(&entries, false);
    let _ = Summary::fold(&entries);
    if let Ok(details) = Details::fold(&entries, true) {
        let _ = chrome_events::<()>(&details, &mut |_| Ok(()));
        let trace = Spans::of(&details);
        for step in &details.steps {
            let _ = (step.content(), trace.step(step, None));
        }
    }
    let _ = Machine::replay(entries, None, Digest::of(b"guest"));
}

/// Reads the bytes as an event stream, line by line, and shows what was read.
pub fn stream(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut view = RunView::new();
    for read in text.lines().filter_map(|line| event_line(line).ok()) {
        view.apply(&read.event);
    }
    let filter = Filter::all().with_text("a").with_states(StepState::ALL);
    for filter in [Filter::all(), filter] {
        let _ = rows(&view, &Folds::default(), &filter);
    }
}

/// The body in a line of an archive, or the line itself.
fn body_of(line: &str) -> String {
    let value = serde_json::from_str::<Value>(line).unwrap_or_default();
    value["body"].as_str().unwrap_or(line).to_owned()
}

/// Reads the bytes as a fixture: its lines, their digests and the entries in them.
pub fn fixture(bytes: &[u8]) {
    let _ = fixture_entries(&String::from_utf8_lossy(bytes));
}

/// Reads the bytes as the output of each agent. Recorded messages of ACP are in an
/// envelope.
pub fn transcripts(bytes: &[u8]) {
    for agent in providers::parsers::AGENTS {
        let _ = providers::parsers::parse(agent, bytes, &());
    }
    let text = String::from_utf8_lossy(bytes);
    let messages: Vec<String> = text.lines().filter_map(message_of).collect();
    let _ = providers::parsers::parse("acp", messages.join("\n").as_bytes(), &());
}

/// The message in the envelope of a recorded line, as JSON text.
fn message_of(line: &str) -> Option<String> {
    let envelope: Value = serde_json::from_str(line).ok()?;
    envelope.get("msg").map(Value::to_string)
}

/// Reads the first line as a schema and the others as an answer, which is checked against
/// it.
pub fn schema(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (schema, answer) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(value) = serde_json::from_str(schema) else { return };
    let Ok(accepted) = schema::accept(&value) else { return };
    let _ = schema::example(&accepted, 7);
    let Ok(checker) = Checker::new(&accepted) else { return };
    match schema::parse_answer(answer) {
        Some(answer) => drop(checker.check(&answer)),
        None => drop(schema::why_no_json(answer)),
    }
}
