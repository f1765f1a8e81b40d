//! Hints from a script's text about how its run will end, or has ended.
//!
//! Owns: lines above the first step, and below an error or a report, that need the text of
//! the script. Never: guesses about an end; such a hint is certain.

use std::path::Path;

use smol_wf_core::report::ReportError;
use smol_wf_core::script::{Position, snippet};
use smol_wf_engine::check::hints;
use smol_wf_engine::{Report, RunState, worktree_obstacle};

/// Where to look, for an error without a line.
pub(crate) fn place(code: &str, text: &str) -> Option<String> {
    let (what, at) = match code {
        "limit_turn_fuel" => ("the only loop of the script", hints(text).only_loop?),
        "result_not_json" => ("the result comes from", hints(text).only_result?),
        _ => return None,
    };
    let Position { line, column } = at;
    Some(format!("{what}: line {line}\n{}", snippet(text, line, column)))
}

/// The hint that an argument is missing, if the script reads a property of
/// undefined `args`.
pub(crate) fn arguments(error: &ReportError, text: Option<&str>) -> Option<String> {
    let (line, column) = error.line.zip(error.column)?;
    let read = error.message.strip_prefix("cannot read property '")?;
    let (name, _) = read.split_once("' of undefined").filter(|(name, _)| !name.is_empty())?;
    let line = text?.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let before: String = line.chars().take(usize::try_from(column).ok()?.checked_sub(1)?).collect();
    let on = before.strip_suffix('.')?.strip_suffix("args")?;
    let is_whole = !on.ends_with(|one: char| one.is_alphanumeric() || "_$.".contains(one));
    is_whole.then(|| {
        format!(
            "`args` is what a run is given: add --args-{name} VALUE, or --args '{{\"{name}\": …}}'"
        )
    })
}

/// The hint that the script returns nothing, although agents answered.
pub(crate) fn no_result(report: &Report, text: Option<&str>) -> Option<&'static str> {
    let is_null = report.state == RunState::Completed && report.result.get() == "null";
    let text = text.filter(|_| is_null && report.agents.completed > 0)?;
    hints(text).returns_nothing.then_some(
        "the script returns nothing, so `results` is null: `return` a value at top level, or `export default` one",
    )
}

/// The warning that steps of this script would fail, because agents that work in `folder`
/// can have no worktree. Said before the first agent starts: such a step may be the last.
pub(crate) fn no_worktree(text: &str, folder: &Path) -> Option<String> {
    let error = names_worktree(text).then(|| worktree_obstacle(folder))??;
    Some(format!("{error} [{}]", error.code()))
}

/// Whether the text has `isolation: 'worktree'`, in any quotes.
fn names_worktree(text: &str) -> bool {
    let quotes = ['\'', '"', '`'];
    text.match_indices("isolation").any(|(at, name)| {
        let rest = text.get(at + name.len()..).unwrap_or_default();
        let value = rest.trim_start_matches(quotes).trim_start().strip_prefix(':');
        let value = value.and_then(|value| value.trim_start().strip_prefix(quotes));
        value.is_some_and(|value| value.starts_with("worktree"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worktree_is_found_in_the_text() {
        for text in ["{ isolation: 'worktree' }", "{\"isolation\" :\n `worktree` }"] {
            assert!(names_worktree(text), "{text}");
        }
        for text in ["", "isolation", "isolation: false", "isolation is: 'worktree'", "isolation:"]
        {
            assert!(!names_worktree(text), "{text}");
        }
    }

    fn error(message: &str, line: u32, column: u32) -> ReportError {
        ReportError {
            code: "thrown".to_owned(),
            message: message.to_owned(),
            hint: None,
            reached: None,
            name: Some("TypeError".to_owned()),
            file: None,
            line: Some(line),
            column: Some(column),
            stack: None,
            resets_at: None,
            excerpt: None,
        }
    }

    #[test]
    fn a_missing_argument_is_reported_only_for_args() {
        let undefined = "cannot read property 'files' of undefined";
        let named = "cannot read property 'files' of undefined: `args` is undefined";
        for (text, message, column, is_told) in [
            ("args.files.map(f)", undefined, 6, true),
            ("f(args.files)", undefined, 8, true),
            ("args.files.map(f)", named, 6, true),
            ("options.args.files", undefined, 14, false),
            ("myargs.files", undefined, 8, false),
            ("answer.files", undefined, 8, false),
            ("args.files", "cannot read property 'files' of null", 6, false),
            ("args.files", "`args.files` is not a function", 6, false),
        ] {
            let said = arguments(&error(message, 1, column), Some(text));
            assert_eq!(said.is_some(), is_told, "{text}: {message}: {said:?}");
        }
        assert_eq!(arguments(&error(undefined, 9, 6), Some("args.files")), None);
    }
}
