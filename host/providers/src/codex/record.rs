//! What Codex writes into a session's file and does not print: the model, and the
//! commands that a rule asked about.
//!
//! Owns: finding a session's file and the lines in it. Never: requires them. For an agent
//! that keeps no sessions, or keeps them in another form, they are unknown.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;

use super::asks;

/// Most bytes of a file that are read for the model: its line is among the first few.
const READ_BYTES_MAX: u64 = 1024 * 1024;

/// Most bytes that are read for refused commands: images and long outputs come between.
const SEARCHED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Most files of one day that are considered.
const FILES_MAX: usize = 20_000;

const DAY_MS: u64 = 24 * 3600 * 1000;

/// A line of a session's file.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    TurnContext {
        payload: TurnContext,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct TurnContext {
    model: Option<String>,
}

/// A line with a tool call, or the answer to one.
#[derive(Deserialize)]
struct CallLine {
    payload: Call,
}

#[derive(Deserialize)]
struct Call {
    call_id: String,
    arguments: Option<String>,
    #[serde(default)]
    output: Value,
}

/// The model of a session, from Codex's own folder.
pub(super) fn model_of(home: &Path, session: &str) -> Option<String> {
    let file = File::open(file_of(&home.join("sessions"), session)?).ok()?;
    let lines = BufReader::new(file.take(READ_BYTES_MAX)).lines();
    lines.map_while(Result::ok).find_map(|line| match serde_json::from_str(&line) {
        Ok(Line::TurnContext { payload }) => payload.model,
        Ok(Line::Other) | Err(_) => None,
    })
}

/// The last commands of a session that a rule asked about, at most `wanted`.
pub(super) fn refused_commands(
    home: &Path,
    session: &str,
    wanted: usize,
) -> Option<Vec<RefusedAsk>> {
    let file = File::open(file_of(&home.join("sessions"), session)?).ok()?;
    // By the id of the call, until it is answered.
    let mut open = HashMap::new();
    let mut refused = VecDeque::new();
    for line in BufReader::new(file.take(SEARCHED_BYTES_MAX)).lines().map_while(Result::ok) {
        let Ok(CallLine { payload: call }) = serde_json::from_str(&line) else { continue };
        if let Some(arguments) = call.arguments {
            open.insert(call.call_id, arguments);
            continue;
        }
        if call.output.is_null() {
            continue;
        }
        let arguments = open.remove(&call.call_id);
        if asks::is_of_a_command(&call.output.to_string()) {
            refused.push_back(asks::command(arguments.as_deref()));
            if refused.len() > wanted {
                refused.pop_front();
            }
        }
    }
    Some(refused.into())
}

/// Finds `YYYY/MM/DD/rollout-<time>-<session>.jsonl`, by the local day on which the
/// session began. The session is a UUID of version 7, which begins with that time.
fn file_of(sessions: &Path, session: &str) -> Option<PathBuf> {
    let bits: String = session.chars().filter(|c| *c != '-').collect();
    let milliseconds = u64::from_str_radix(bits.get(..12)?, 16).ok()?;
    let today = milliseconds / DAY_MS;
    let end = format!("{session}.jsonl");
    [today, today.saturating_sub(1), today + 1].into_iter().find_map(|day| {
        let (year, month, day) = date(day);
        let folder = sessions.join(format!("{year:04}/{month:02}/{day:02}"));
        let files = std::fs::read_dir(folder).ok()?.take(FILES_MAX).filter_map(Result::ok);
        files
            .map(|file| file.path())
            .find(|path| path.to_str().is_some_and(|path| path.ends_with(&end)))
    })
}

/// The date of a day counted from 1970-01-01, after Hinnant's `civil_from_days`.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_date() {
        let cases = [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (20_781, (2026, 11, 24)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, expected) in cases {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn the_model_is_in_the_session_s_file() {
        // Began on 2026-11-25 at 16:27 UTC.
        const SESSION: &str = "01a21388-d550-7b71-9b62-6f289349170b";
        for day in ["2026/11/25", "2026/11/24", "2026/11/26"] {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().join("sessions").join(day);
            std::fs::create_dir_all(&folder).unwrap();
            assert_eq!(model_of(home.path(), SESSION), None);
            let lines = "{\"type\":\"session_meta\",\"payload\":{}}\nnonsense\n\
                         {\"ordinal\":5,\"type\":\"turn_context\",\"payload\":{\"model\":\"m\"}}\n";
            let name = format!("rollout-2026-11-25T16-27-44-{SESSION}.jsonl");
            std::fs::write(folder.join(name), lines).unwrap();
            assert_eq!(model_of(home.path(), SESSION).as_deref(), Some("m"), "{day}");
        }
        for odd in ["", "thread-1", "../../../etc/passwd", "é".repeat(40).as_str()] {
            assert_eq!(model_of(Path::new("/nonexistent"), odd), None, "{odd}");
        }
    }

    #[test]
    fn the_last_refused_commands_are_named() {
        const SESSION: &str = "01a21388-d550-7b71-9b62-6f289349170b";
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("sessions/2026/11/25");
        std::fs::create_dir_all(&folder).unwrap();
        let no = "exec_command failed: CreateProcess { message: \"Rejected(\\\"approval required by policy, but AskForApproval is set to Never\\\")\" }";
        let mut lines = Vec::new();
        for (id, command, output) in [
            ("1", "of an earlier round", Value::from(no)),
            ("2", "allowed", Value::from("done")),
            ("3", "git push", Value::from(no)),
            ("4", "git push -f", serde_json::json!([{"type": "input_text", "text": no}])),
        ] {
            let arguments = serde_json::json!({"cmd": command}).to_string();
            for payload in [
                serde_json::json!({"type": "function_call", "call_id": id, "arguments": arguments}),
                serde_json::json!({"type": "function_call_output", "call_id": id, "output": output}),
            ] {
                let line = serde_json::json!({"type": "response_item", "payload": payload});
                lines.push(format!("{line}\nnonsense\n"));
            }
        }
        std::fs::write(folder.join(format!("rollout-x-{SESSION}.jsonl")), lines.concat()).unwrap();
        let found = refused_commands(home.path(), SESSION, 2).unwrap();
        let whats: Vec<_> = found.iter().map(|asked| asked.what.as_str()).collect();
        assert_eq!(whats, ["shell git push", "shell git push -f"]);
        assert_eq!(refused_commands(home.path(), "thread-1", 2), None);
    }
}
