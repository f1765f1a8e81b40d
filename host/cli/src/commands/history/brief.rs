//! The arguments, the log, and the first lines of prompts and answers of a run.
//!
//! Owns: how much of each a list shows. Never: a whole prompt or answer; `whole` has
//! those.

use serde_json::{Map, Value, json};
use smol_wf_core::cut;
use smol_wf_core::details::{Details, ScriptNote, StepDetails};
use smol_wf_core::outcome::Outcome;
use smol_wf_core::step::{StepKind, StepRequest};

use crate::humanize::{count, span};
use crate::{sanitize, streams};

/// Most columns of the arguments and of a log line, and most characters of the first
/// line of a prompt or an answer.
const CHARS_MAX: usize = 200;

/// Most log lines in the text; JSON has them all.
const LOG_LINES_MAX: usize = 100;

/// Fewest columns of a first line on a narrow terminal.
const COLUMNS_MIN: usize = 20;

/// Longest escape in JSON, `\uXXXX\uXXXX`, which a cut may have broken.
const ESCAPE_BYTES_MAX: usize = 12;

/// The arguments on one line: `args {"name":"Ada"}`.
pub(super) fn args(args: Option<&str>) -> Option<String> {
    Some(sanitize::cut(&sanitize::one_line(&format!("args {}", args?)), CHARS_MAX))
}

/// The phases and log lines; `None` if there are none.
pub(super) fn log(details: &Details<'_>, is_full: bool) -> Option<String> {
    let notes = &details.notes;
    let shown_max = if is_full { notes.len() } else { LOG_LINES_MAX };
    let mut lines = vec!["LOG".to_owned()];
    lines.extend(notes.iter().take(shown_max).map(|note| {
        let after = u64::try_from((note.at_us - details.created_at_us) / 1_000).unwrap_or(0);
        let kind = if note.is_phase { "[phase] " } else { "" };
        let text = sanitize::one_line(note.text);
        let text = if is_full { text } else { sanitize::cut(&text, CHARS_MAX) };
        format!("{:>7}  {kind}{text}", span(after))
    }));
    let left_out = notes.len().saturating_sub(shown_max);
    if left_out > 0 {
        lines.push(format!("and {} more: --full", count(left_out as u64)));
    }
    (!notes.is_empty()).then(|| lines.join("\n"))
}

/// The phases and log lines for JSON.
pub(super) fn log_json(details: &Details<'_>) -> Value {
    let line = |note: &ScriptNote<'_>| {
        let kind = if note.is_phase { "phase" } else { "log" };
        json!({ "atMs": note.at_us / 1_000, "scope": note.scope, "kind": kind, "text": note.text })
    };
    details.notes.iter().map(line).collect()
}

/// The first lines of prompts (`>`) and answers (`<`), below the numbers of their
/// steps; `None` if no step has any.
pub(super) fn first_lines<'a>(steps: impl Iterator<Item = &'a StepDetails<'a>>) -> Option<String> {
    const INDENT: usize = 8;
    let columns = streams::columns_of_stdout()
        .map_or(CHARS_MAX, |columns| columns.saturating_sub(INDENT).clamp(COLUMNS_MIN, CHARS_MAX));
    let mut lines = Vec::new();
    for step in steps {
        let both = [('>', prompt(step)), ('<', answer(step))];
        let mut number = step.step.to_string();
        for (mark, text) in both.into_iter().filter_map(|(mark, text)| Some((mark, text?))) {
            let text = sanitize::cut(&sanitize::one_line(&text), columns);
            // The number stands before the first of the two.
            lines.push(format!("{:>4}  {mark} {text}", std::mem::take(&mut number)));
        }
    }
    (!lines.is_empty()).then(|| format!("PROMPTS (>) AND ANSWERS (<)\n{}", lines.join("\n")))
}

/// A step for JSON, with the first lines of its prompt and its answer.
pub(super) fn step_json(step: &StepDetails<'_>) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(step)?;
    if let Some(fields) = value.as_object_mut() {
        put(fields, "promptBegins", prompt(step));
        put(fields, "answerBegins", answer(step));
    }
    Ok(value)
}

fn put(fields: &mut Map<String, Value>, name: &str, text: Option<String>) {
    fields.extend(text.map(|text| (name.to_owned(), text.into())));
}

/// Whether somebody is asked in this step.
pub(super) fn is_asked(step: &StepDetails<'_>) -> bool {
    !matches!(step.kind, StepKind::Sleep | StepKind::Workflow)
}

/// The first line of what was asked: the prompt of an agent, or a question to people.
fn prompt(step: &StepDetails<'_>) -> Option<String> {
    match step.asked {
        StepRequest::Agent(request) => Some(first_line(&request.prompt)),
        StepRequest::Ask(request) => Some(first_line(&request.question)),
        StepRequest::Workflow(_) | StepRequest::Sleep(_) => None,
    }
}

/// The first line of an answer, which may have been cut: a text's own, or JSON on one
/// line. `None` for a step without an answer, or with an empty one.
fn answer(step: &StepDetails<'_>) -> Option<String> {
    let Some(Outcome::Value(json)) = step.outcome.filter(|_| step.kind != StepKind::Sleep) else {
        return None;
    };
    let line = match text_in(json) {
        Some(text) => first_line(&text),
        None => cut::to_chars(json, CHARS_MAX),
    };
    Some(line).filter(|line| !line.is_empty())
}

/// The first line with content, cut.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    cut::to_chars(line.unwrap_or_default(), CHARS_MAX)
}

/// The text that a JSON string stands for, also if its end was cut off. `None` for
/// other JSON.
fn text_in(json: &str) -> Option<String> {
    if !json.starts_with('"') {
        return None;
    }
    let closed = |lost: usize| {
        let head = json.get(..json.len().checked_sub(lost)?)?;
        serde_json::from_str(&format!("{head}\"")).ok()
    };
    let whole = serde_json::from_str(json).ok();
    whole.or_else(|| (0..=ESCAPE_BYTES_MAX).find_map(closed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_cut_text_is_read() {
        let whole = serde_json::to_string("a\n\"b\" \u{1f600}é").unwrap();
        for end in (1..=whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let text = text_in(&whole[..end]).unwrap_or_else(|| panic!("{}", &whole[..end]));
            assert!("a\n\"b\" \u{1f600}é".starts_with(&text), "{end}: {text:?}");
        }
        let escaped = "\"x\\ud83d\\ude00";
        assert_eq!(text_in(escaped).as_deref(), Some("x\u{1f600}"));
        for end in 3..escaped.len() {
            assert_eq!(text_in(&escaped[..end]).as_deref(), Some("x"), "{end}");
        }
        assert_eq!(text_in("[1"), None);
    }

    #[test]
    fn the_first_line_has_content() {
        assert_eq!(first_line("\n \n  # Title \nmore"), "# Title");
        assert_eq!(first_line(""), "");
        assert_eq!(first_line(&"x".repeat(300)).chars().count(), CHARS_MAX);
    }
}
