//! A question as people read it.
//!
//! Owns: its lines, and where they are cut. Never: prints them.

use serde_json::Value;
use smol_wf_core::gate::{AskKind, AskRequest};
use smol_wf_core::ids::{RunId, StepId};

use crate::humanize::{plural, utc};
use crate::shell;

/// Most lines of the detail: a terminal of the usual size, and half of the next.
const DETAIL_ROWS_MAX: usize = 36;

/// How many of these are the last rows of a permission.
const DETAIL_ROWS_LAST: usize = 8;

/// Most characters of a line of the detail: a minified file has one line.
const DETAIL_CHARS_MAX: usize = 500;

/// The question with all that is needed to answer it. Lines but the first are indented by
/// whoever prints it.
pub(crate) fn question(run: &RunId, step: StepId, request: &AskRequest) -> String {
    let mut text = match &request.agent {
        Some(agent) => format!("{} asks permission in step {step}", agent.provider),
        None => format!("{} asks in step {step}", request.kind.function()),
    };
    if let Some(label) = &request.label {
        text.push_str(&format!(" ({label})"));
    }
    text.push_str(match (request.kind, tool_of(request)) {
        (AskKind::WaitFor, _) => " for the event ",
        (AskKind::Permission, Some(_)) => ", ",
        _ => ": ",
    });
    text.push_str(&what_is_asked(request));
    if let Some(detail) = &request.detail {
        text.push_str(&detail_of(detail, request, run, step));
    }
    text.push_str(&notes(request));
    text
}

fn tool_of(request: &AskRequest) -> Option<&str> {
    request.agent.as_ref()?.tool.as_deref()
}

/// The question itself, and what the event must have.
pub(crate) fn what_is_asked(request: &AskRequest) -> String {
    let question = request.question.trim();
    let mut text = match (request.kind, tool_of(request)) {
        (AskKind::Permission, Some(tool)) => {
            format!("to use a tool of the kind {tool}: {question}")
        }
        _ => question.to_owned(),
    };
    if let Some(wanted) = &request.matches {
        text.push_str(&format!("\nwith these fields: {wanted}"));
    }
    text
}

/// What else whoever answers must know, each on a line of its own.
pub(crate) fn notes(request: &AskRequest) -> String {
    let mut text = String::new();
    if let Some(bytes) = request.agent.as_ref().and_then(|agent| agent.detail_bytes) {
        text.push_str(&format!("\nthis is cut: in all it has {bytes} bytes"));
    }
    if let Some(deadline_us) = request.deadline_us {
        let at = utc(deadline_us.div_euclid(1_000));
        text.push_str(&format!("\nits time is up at {at} UTC"));
    }
    text
}

/// A value as JSON on several lines; other text as it is.
pub(crate) fn pretty(detail: &str) -> String {
    let read = serde_json::from_str::<Value>(detail).ok();
    let structured = read.filter(|value| value.is_object() || value.is_array());
    let pretty = structured.and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.unwrap_or_else(|| detail.to_owned())
}

/// The name of a question, as `answer` takes it: `RUN#STEP`, and `RUN#STEP.ASK` for one
/// of an agent, which may ask again in the same step.
pub(crate) fn name_of(run: &RunId, step: StepId, request: &AskRequest) -> String {
    match &request.agent {
        Some(agent) => format!("{run}#{step}.{}", agent.ask),
        None => format!("{run}#{step}"),
    }
}

/// The question in a list of several.
pub(crate) fn listed(run: &RunId, step: StepId, request: &AskRequest) -> String {
    let mut text = question(run, step, request);
    if let Some(schema) = &request.schema {
        text.push_str(&format!("\nschema: {}", &**schema));
    }
    if let Some(default) = &request.default {
        text.push_str(&format!("\ndefault: {default}"));
    }
    let (value, or) = match request.kind {
        AskKind::Approve | AskKind::Permission => ("--yes", " (or --no)"),
        AskKind::Ask | AskKind::WaitFor => ("VALUE", ""),
    };
    let (name, db) = (name_of(run, step, request), shell::with_database());
    format!("{text}\nanswer: smol-wf answer {name} {value}{db}{or}")
}

/// What people must know, cut.
fn detail_of(detail: &str, request: &AskRequest, run: &RunId, step: StepId) -> String {
    let text = pretty(detail);
    let rows = text.lines().count();
    // Whoever allows a command must see its end.
    let last = if request.kind == AskKind::Permission { DETAIL_ROWS_LAST } else { 0 };
    let left_out =
        if rows > DETAIL_ROWS_MAX { DETAIL_ROWS_MAX - last..rows - last } else { rows..rows };
    let mut shown = String::new();
    for (row, line) in text.lines().enumerate() {
        if row == left_out.start {
            let (more, db) = (plural(left_out.len(), "line"), shell::with_database());
            shown.push_str(&format!("\n  … {more} more: smol-wf logs {run}#{step}{db}"));
        }
        if left_out.contains(&row) {
            continue;
        }
        shown.push_str("\n  ");
        match request.kind {
            AskKind::Permission => shown.push_str(line),
            _ => shown.push_str(&smol_wf_core::cut::to_chars(line, DETAIL_CHARS_MAX)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_and_says_where_the_rest_is() {
        let run = RunId::from_bits(1);
        let mut request = AskRequest::plain(AskKind::Approve, "Deploy?");
        request.detail = Some("line\n".repeat(100));
        request.label = Some("deploy".to_owned());
        let text = question(&run, StepId(3), &request);
        assert!(text.starts_with("approve asks in step 3 (deploy): Deploy?\n  line\n"), "{text}");
        assert_eq!(text.lines().count(), 2 + DETAIL_ROWS_MAX);
        assert!(text.ends_with(&format!("… 64 lines more: smol-wf logs {run}#3")), "{text}");
        request.detail = Some(r#"{"files":[1]}"#.to_owned());
        assert!(question(&run, StepId(3), &request).contains("\n    \"files\": ["));
    }
}
