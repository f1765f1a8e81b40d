//! `workflow_result`: what a run came to.
//!
//! Owns: how much of a result one call has. Never: a result in parts that do not fit
//! together: parts are of its JSON text.

use serde::Deserialize;
use serde_json::{Value, json};
use smol_wf_engine::RunState;

use super::bounds::Entries;
use super::call::{Answer, Call, result};
use super::shared::Shared;
use super::status::{Look, find, text};

/// Most bytes of a result in one call: hosts cut what is much larger than that.
const RESULT_BYTES_MAX: usize = 64 * 1024;

/// Most nulls, warnings and worktrees that are listed.
const LISTED_MAX: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResultArguments {
    run_id: String,
    #[serde(default)]
    offset: usize,
}

/// Reads the result of a run. One that has none yet is an error.
pub(super) async fn read(shared: &Shared, call: &Call) -> Answer {
    let ResultArguments { run_id, offset } = call.arguments()?;
    let (engine, run) = find(shared, &run_id).await?;
    let look = Look::at(engine, &run).await?;
    if !look.is_over() {
        let status = look.status(shared);
        let said = format!("there is no result yet: {}", text(&status));
        return Ok(result(said, status, true).into());
    }
    let (said, value, is_error) = of_look(&look, offset);
    Ok(result(said, value, is_error).into())
}

/// The result of a run that is over: text, value, and whether the script failed.
pub(super) fn of_look(look: &Look, offset: usize) -> (String, Value, bool) {
    let report = &look.report;
    let is_error = report.state == RunState::Failed;
    let mut value = look.head();
    let nulls = Entries::of(report.nulls.iter().map(|one| json!(one)), LISTED_MAX);
    let warnings = Entries::of(report.warnings.iter().map(|one| json!(one)), LISTED_MAX);
    let worktrees = Entries::of(report.worktrees.iter().map(|one| json!(one)), LISTED_MAX);
    let mut is_whole = look.is_whole();
    for (name, entries) in [("nulls", nulls), ("warnings", warnings), ("worktrees", worktrees)] {
        is_whole &= entries.is_whole();
        if !entries.listed.is_empty() {
            value.insert(name.to_owned(), entries.listed.into());
        }
    }
    if !is_whole {
        value.insert("whole".to_owned(), look.whole().into());
    }
    let whole = report.result.get();
    let mut said = text(&Value::Object(value.clone()));
    if is_error {
        return (said, value.into(), is_error);
    }
    if whole.len() <= RESULT_BYTES_MAX && offset == 0 {
        let parsed = serde_json::from_str(whole).unwrap_or_else(|_| whole.into());
        value.insert("result".to_owned(), parsed);
        said.push_str(&format!("\nresult: {whole}"));
    } else {
        let part = part(whole, offset);
        let end = offset.saturating_add(part.len());
        value.insert("resultBytes".to_owned(), whole.len().into());
        value.insert("resultPart".to_owned(), part.into());
        said.push_str(&format!(
            "\nbytes {offset} to {end} of {} of the result: {part}",
            whole.len()
        ));
        if end < whole.len() {
            value.insert("nextOffset".to_owned(), end.into());
            said.push_str(&format!("\nthe rest: workflow_result with offset {end}"));
        }
    }
    (said, value.into(), is_error)
}

/// The part of a text that begins at `offset`, moved to the start of a character.
fn part(whole: &str, offset: usize) -> &str {
    let start = whole.floor_char_boundary(offset.min(whole.len()));
    let end = whole.floor_char_boundary(start.saturating_add(RESULT_BYTES_MAX).min(whole.len()));
    whole.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_result_fit_together() {
        let whole = "aé漢\u{1f600}".repeat(RESULT_BYTES_MAX / 5);
        let (mut joined, mut offset) = (String::new(), 0);
        while offset < whole.len() {
            let part = part(&whole, offset);
            joined.push_str(part);
            offset += part.len();
        }
        assert_eq!(joined, whole);
        assert_eq!(part("é", 1), "é");
        assert_eq!(part("x", 9), "");
    }
}
