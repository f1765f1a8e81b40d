//! What Codex writes down of a session and does not print: its model.
//!
//! Owns: finding a session's file and the one line in it. Never: insists: an
//! agent that keeps no sessions, or keeps them otherwise, has a model all the
//! same, and it is unknown.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// How much of a file is read: the line is among the first few.
const READ_BYTES_MAX: u64 = 1024 * 1024;

/// Files of one day that are looked at.
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

/// The model of a session, from Codex's own folder.
pub(super) fn model_of(home: &Path, session: &str) -> Option<String> {
    let file = File::open(file_of(&home.join("sessions"), session)?).ok()?;
    let lines = BufReader::new(file.take(READ_BYTES_MAX)).lines();
    lines.map_while(Result::ok).find_map(|line| match serde_json::from_str(&line) {
        Ok(Line::TurnContext { payload }) => payload.model,
        Ok(Line::Other) | Err(_) => None,
    })
}

/// `YYYY/MM/DD/rollout-<time>-<session>.jsonl`, by the local day on which the
/// session began. Its name is a UUID of version 7, which begins with that time.
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
        // Begun on 2026-11-25 at 16:27 UTC.
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
}
