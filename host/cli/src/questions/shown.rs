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

/// Most characters of a line of the detail: a minified file has one line.
const DETAIL_CHARS_MAX: usize = 500;

/// The question with all that is needed to answer it. Lines but the first are indented by
/// whoever prints it.
pub(crate) fn question(run: &RunId, step: StepId, request: &AskRequest) -> String {
    let mut text = match &request.agent {
        Some(agent) => format!("{} asks leave in step {step}", agent.provider),
        None => format!("{} asks in step {step}", request.kind.function()),
    };
    if let Some(label) = &request.label {
        text.push_str(&format!(" ({label})"));
    }
    let tool = request.agent.as_ref().and_then(|agent| agent.tool.as_ref());
    text.push_str(&match (request.kind, tool) {
        (AskKind::WaitFor, _) => format!(" for the event {}", request.question),
        (AskKind::Permission, Some(tool)) => {
            format!(", to use a tool of the kind {tool}: {}", request.question.trim())
        }
        _ => format!(": {}", request.question.trim()),
    });
    if let Some(wanted) = &request.matches {
        text.push_str(&format!("\nwith these fields: {wanted}"));
    }
    if let Some(detail) = &request.detail {
        text.push_str(&detail_of(detail, request, run, step));
    }
    if let Some(bytes) = request.agent.as_ref().and_then(|agent| agent.detail_bytes) {
        let kept = request.detail.as_ref().map_or(0, String::len);
        text.push_str(&format!("\nthis is cut: the first {kept} of {bytes} bytes"));
    }
    if let Some(deadline_us) = request.deadline_us {
        let at = utc(deadline_us.div_euclid(1_000));
        text.push_str(&format!("\nits time is up at {at} UTC"));
    }
    text
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
    let value = match request.kind {
        AskKind::Approve | AskKind::Permission => "--yes",
        AskKind::Ask | AskKind::WaitFor => "VALUE",
    };
    let (name, db) = (name_of(run, step, request), shell::with_database());
    format!("{text}\nanswer: smol-wf answer {name} {value}{db}")
}

/// What people must know, cut.
fn detail_of(detail: &str, request: &AskRequest, run: &RunId, step: StepId) -> String {
    let read = serde_json::from_str::<Value>(detail);
    let structured = read.ok().filter(|value| value.is_object() || value.is_array());
    let pretty = structured.and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.as_deref().unwrap_or(detail);
    let mut shown = String::new();
    for line in text.lines().take(DETAIL_ROWS_MAX) {
        shown.push_str("\n  ");
        // Whoever allows a command must see its end.
        match request.kind {
            AskKind::Permission => shown.push_str(line),
            _ => shown.push_str(&smol_wf_core::cut::to_chars(line, DETAIL_CHARS_MAX)),
        }
    }
    let more = text.lines().count().saturating_sub(DETAIL_ROWS_MAX);
    if more > 0 {
        let (more, db) = (plural(more, "line"), shell::with_database());
        shown.push_str(&format!("\n  … {more} more: smol-wf logs {run}#{step}{db}"));
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
