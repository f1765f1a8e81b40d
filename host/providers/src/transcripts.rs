//! Recorded output of the three CLIs, case by case, and the expected result of each.
//!
//! Owns: the table `tests/transcripts/clis.json` against the files beside it. A file
//! without a row fails, and so does a row without a file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use smol_wf_core::step_request::Usage;

use crate::cli_agent::{RoundResult, Transcript};
use crate::conformance::Notes;
use crate::process::Exit;
use crate::{AgentActivity, Answer, claude_code, codex, pi};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn table() -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join("clis.json")).unwrap()).unwrap()
}

/// One recorded round.
struct Case {
    lines: String,
    exit: Exit,
}

impl Case {
    fn read(provider: &str, name: &str) -> Self {
        let file = |end: &str| folder().join(provider).join(format!("{name}.{end}"));
        let stderr = std::fs::read_to_string(file("stderr")).unwrap_or_default();
        // Negative for a signal; no file for a zero.
        let code = std::fs::read_to_string(file("exit")).unwrap_or_else(|_| "0".to_owned());
        let code: i32 = code.trim().parse().unwrap();
        let exit = Exit {
            code: (code >= 0).then_some(code),
            signal: (code < 0).then_some(-code),
            hung: false,
            stderr_tail: stderr,
        };
        Self { lines: std::fs::read_to_string(file("jsonl")).unwrap(), exit }
    }

    /// Parses the lines up to where the program would be ended. They end at `\n` only:
    /// other line separators are text.
    fn parse(&self, round: &mut impl Transcript, notes: &Notes) -> Option<&Exit> {
        for line in self.lines.split('\n').filter(|line| !line.is_empty()) {
            round.line(line, notes);
            if round.is_hopeless() {
                return None;
            }
        }
        Some(&self.exit)
    }
}

/// The case as its provider parses it.
fn parse(provider: &str, case: &Case, notes: &Notes) -> RoundResult {
    match provider {
        "claude-code" => {
            let mut round = claude_code::Round::default();
            let exit = case.parse(&mut round, notes);
            round.end(exit)
        }
        "codex" => {
            let mut round = codex::Round::default();
            let exit = case.parse(&mut round, notes);
            round.end(exit)
        }
        "pi" => {
            let mut round = pi::Round::default();
            let exit = case.parse(&mut round, notes);
            round.end(exit)
        }
        other => panic!("no parser for {other}"),
    }
}

fn replay(provider: &str, name: &str) -> (RoundResult, Vec<AgentActivity>) {
    let notes = Notes::default();
    (parse(provider, &Case::read(provider, name), &notes), notes.all())
}

fn usage(row: &Value) -> Usage {
    let count = |at: usize| row["usage"][at].as_u64().unwrap_or_default();
    Usage {
        input_tokens: count(0),
        output_tokens: count(1),
        cache_read_tokens: count(2),
        cache_write_tokens: count(3),
    }
}

fn compare(row: &Value, ended: &RoundResult) -> Result<(), String> {
    let expected = match (&row["error"], &row["text"], row.get("json")) {
        (Value::String(kind), ..) => {
            let Err(cause) = &ended.answer else {
                return Err(format!("should be {kind}, and is {:?}", ended.answer));
            };
            let part = row["message"].as_str().unwrap();
            if cause.kind.word() != kind || !cause.message.contains(part) {
                return Err(format!("should be {kind} ({part}), and is {cause:?}"));
            }
            None
        }
        (_, Value::String(text), _) => Some(Answer::Text(text.clone())),
        (_, _, Some(value)) => Some(Answer::Json(value.clone())),
        _ => Some(Answer::Null),
    };
    if let Some(answer) = expected
        && ended.answer.as_ref() != Ok(&answer)
    {
        return Err(format!("should answer {answer:?}, and {:?}", ended.answer));
    }
    let said = (ended.model.as_deref(), ended.session_id.as_deref(), ended.usage);
    let told = (row["model"].as_str(), row["session"].as_str(), usage(row));
    if said != told {
        return Err(format!("should say {told:?}, and says {said:?}"));
    }
    let (cost, expected) = (ended.cost_usd.unwrap_or_default(), row["costUsd"].as_f64());
    if (cost - expected.unwrap_or_default()).abs() > 1e-9 {
        return Err(format!("should cost {expected:?}, and costs {cost}"));
    }
    Ok(())
}

#[test]
fn every_transcript_is_read_as_its_row_says() {
    let mut faults = Vec::new();
    let mut count = 0;
    for (provider, rows) in table().as_object().unwrap() {
        for (name, row) in rows.as_object().unwrap() {
            let (ended, _) = replay(provider, name);
            if let Err(fault) = compare(row, &ended) {
                faults.push(format!("{provider}/{name}: {fault}"));
            }
            count += 1;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 140, "only {count} rows");
}

#[test]
fn every_transcript_has_a_row() {
    for (provider, rows) in table().as_object().unwrap() {
        let files = std::fs::read_dir(folder().join(provider)).unwrap();
        let names: BTreeSet<String> = files
            .filter_map(|file| {
                let name = file.unwrap().file_name().into_string().unwrap();
                name.strip_suffix(".jsonl").map(str::to_owned)
            })
            .collect();
        let rows: BTreeSet<String> = rows.as_object().unwrap().keys().cloned().collect();
        assert_eq!(rows, names, "{provider}");
    }
}

/// A round that is cut anywhere has no answer: no prefix of a transcript counts as a
/// success before its end.
#[test]
fn no_prefix_of_a_transcript_is_an_answer() {
    for provider in ["claude-code", "codex", "pi"] {
        for name in ["plain", "tool", "structured-ignored"] {
            let whole = Case::read(provider, name);
            let lines: Vec<&str> = whole.lines.split('\n').filter(|one| !one.is_empty()).collect();
            for (upto, cut) in lines.iter().enumerate() {
                let mut text: String = lines[..upto].iter().flat_map(|one| [one, "\n"]).collect();
                text.push_str(smol_wf_core::cut::head(cut, cut.len() / 2));
                let case = Case { lines: text, exit: whole.exit.clone() };
                let ended = parse(provider, &case, &Notes::default());
                assert!(ended.answer.is_err(), "{provider}/{name} up to {upto}: {ended:?}");
            }
        }
    }
}

/// The same value with the keys of every object in reverse order.
fn turned(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let pairs: Vec<_> = fields.into_iter().collect();
            pairs.into_iter().rev().map(|(name, one)| (name, turned(one))).collect()
        }
        Value::Array(items) => items.into_iter().map(turned).collect(),
        other => other,
    }
}

#[test]
fn the_order_of_keys_and_unknown_lines_mean_nothing() {
    for (provider, rows) in table().as_object().unwrap() {
        for name in rows.as_object().unwrap().keys() {
            let mut case = Case::read(provider, name);
            let plain = parse(provider, &case, &Notes::default());
            let mut lines = String::new();
            for line in case.lines.split('\n') {
                let line = match serde_json::from_str(line) {
                    Ok(value) => turned(value).to_string(),
                    Err(_) => line.to_owned(),
                };
                lines.push_str(&line);
                lines.push_str("\nnot json\n{\"type\":\"of.tomorrow\",\"error\":1}\n[]\n{}\n");
            }
            case.lines = lines;
            assert_eq!(parse(provider, &case, &Notes::default()), plain, "{provider}/{name}");
        }
    }
}

#[test]
fn what_an_agent_does_is_told() {
    let tool = |name: &str, detail: &str| AgentActivity::Tool {
        name: name.to_owned(),
        detail: Some(detail.to_owned()),
    };
    let cases = [
        ("claude-code", "tool", tool("Bash", "cat note.txt; echo done")),
        ("claude-code", "tool-read", tool("Read", "/project/note.txt")),
        (
            "claude-code",
            "tool-write-denied",
            tool(
                "Write",
                "refused: Claude requested permissions to write to /project/out.txt, but you haven't granted it yet.",
            ),
        ),
        ("codex", "tool", tool("shell", "cat note.txt; echo done")),
        ("pi", "tool", tool("bash", "cat note.txt; echo done")),
        ("pi", "tool-write", tool("write", "/project/pi-out.txt")),
    ];
    for (provider, name, wanted) in cases {
        let (_, told) = replay(provider, name);
        assert!(told.contains(&wanted), "{provider}/{name}: {told:?}");
    }
    let waits = [
        ("claude-code", "error-429-retries1", "rate_limit (429), try 1 of 1"),
        ("codex", "error-401", "Reconnecting... 1/5"),
        ("pi", "error-429", "try 1 of 3 after 429: mock: rate limited"),
    ];
    for (provider, name, part) in waits {
        let (_, told) = replay(provider, name);
        let waits = told
            .iter()
            .any(|one| matches!(one, AgentActivity::Waiting { reason } if reason.contains(part)));
        assert!(waits, "{provider}/{name}: {told:?}");
    }
}

#[test]
fn pieces_of_text_are_reported_once() {
    for (provider, name) in [
        ("claude-code", "partial"),
        ("claude-code", "plain"),
        ("codex", "plain"),
        ("pi", "plain"),
        ("pi", "unicode"),
    ] {
        let (ended, told) = replay(provider, name);
        let text: String = told
            .iter()
            .filter_map(|one| match one {
                AgentActivity::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(ended.answer, Ok(Answer::Text(text)), "{provider}/{name}");
    }
}
