//! Questions that only a person answers, as forms of the client.
//!
//! Owns: the form, and what an answer to it means. Never: a default: whoever closes the
//! form leaves the question open.

use std::time::Duration;

use rmcp::model::{
    CallToolResponse, ClientResult, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult,
    ServerRequest,
};
use serde_json::{Value, json};
use smol_wf_core::cut;
use smol_wf_core::gate::{AskKind, AskRequest};
use smol_wf_core::ids::{RunId, StepId};
use tokio::time::timeout;

use super::call::Call;
use super::rights::Wait;
use crate::{questions, sanitize, shell};

/// Longest that a person is waited for: the question stays open, and the host would give up
/// on the call.
const PERSON_MAX: Duration = Duration::from_secs(600);

/// Most characters of the text of a form: what a person reads in a dialogue.
const TEXT_CHARS_MAX: usize = 8_000;

/// How many of these are its last ones: whoever allows a command must see its end.
const TEXT_CHARS_LAST: usize = 2_000;

/// Most bytes of a form's fields, with all their choices: a dialogue shows them at once.
const FIELDS_BYTES_MAX: usize = 16 * 1024;

/// The field of a form that has the answer of a question without fields of its own.
const ANSWER: &str = "answer";

/// What a person said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// JSON text of an answer, and what was said beside it.
    Answer { value: String, comment: Option<String> },
    /// Nothing that counts.
    Nothing,
}

/// What became of a question to a person.
pub(super) enum Asked {
    Said(Said),
    /// The client asks the person, and calls again.
    Later(Box<CallToolResponse>),
}

/// The form of a question; none if no form of the protocol can hold its answer.
pub(super) fn form(run: &RunId, step: StepId, request: &AskRequest) -> Option<ElicitRequest> {
    let schema = match request.kind {
        AskKind::Approve | AskKind::Permission => json!({
            "type": "object",
            "properties": {
                "answer": { "type": "boolean", "title": "Approve", "description": "Yes approves, no declines." },
                "comment": { "type": "string", "title": "Comment", "description": "What the script or the agent is told beside the answer." },
            },
            "required": ["answer"],
        }),
        AskKind::Ask => match &request.schema {
            None => json!({
                "type": "object",
                "properties": { "answer": { "type": "string", "title": "Answer" } },
                "required": ["answer"],
            }),
            Some(schema) if schema.len() > FIELDS_BYTES_MAX => return None,
            // Objects whose fields are plain can be asked for as they are.
            Some(schema) => serde_json::from_str(schema).ok()?,
        },
        AskKind::WaitFor => return None,
    };
    let requested_schema: ElicitationSchema = serde_json::from_value(schema).ok()?;
    let asked = sanitize::lines(&questions::question(run, step, request));
    let asked = middle_left_out(&asked, run, step);
    let message = format!("Run {run} of smol-wf: {asked}");
    Some(ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema,
    }))
}

/// A text without its middle if it is too long, and where all of it is.
fn middle_left_out(text: &str, run: &RunId, step: StepId) -> String {
    let more = text.chars().count().saturating_sub(TEXT_CHARS_MAX);
    if more == 0 {
        return text.to_owned();
    }
    let head = cut::head_chars(text, TEXT_CHARS_MAX - TEXT_CHARS_LAST);
    let skipped = cut::head_chars(&text[head.len()..], more).len();
    let (last, db) = (&text[head.len() + skipped..], shell::with_database());
    format!(
        "{head}\n… {more} characters are left out; read all before you answer: smol-wf logs {run}#{step}{db}\n{last}"
    )
}

/// What the answer to a form means.
pub(super) fn read(request: &AskRequest, result: ElicitResult) -> Said {
    let Some(content) = result.content.filter(|_| result.action == ElicitationAction::Accept)
    else {
        return Said::Nothing;
    };
    let comment = content["comment"].as_str().filter(|text| !text.trim().is_empty());
    let comment = comment.map(str::to_owned);
    match (request.kind.is_approval(), &request.schema, &content[ANSWER]) {
        (true, _, Value::Bool(approved)) => Said::Answer { value: approved.to_string(), comment },
        (false, None, Value::String(text)) => {
            Said::Answer { value: Value::from(text.as_str()).to_string(), comment: None }
        }
        (false, Some(_), _) => Said::Answer { value: content.to_string(), comment: None },
        _ => Said::Nothing,
    }
}

/// Has the client ask its person. Fails if it cannot, or the person does not answer in
/// time.
pub(super) async fn ask(
    call: &Call,
    (run, step): (&RunId, StepId),
    request: &AskRequest,
) -> Result<Asked, String> {
    let name = questions::name_of(run, step, request);
    let by_hand = format!("a person answers it: smol-wf answer {name} --yes (or --no)");
    if !call.can_ask_person() {
        return Err(format!(
            "only a person approves, and this client cannot show a form to its user; {by_hand}"
        ));
    }
    let form = form(run, step, request)
        .ok_or_else(|| format!("this question fits into no form; {by_hand}"))?;
    if !call.takes_requests {
        let Some(given) = call.responses.get(&name) else {
            let requests = InputRequests::from([(name, InputRequest::Elicitation(form))]);
            let asked = InputRequiredResult::from_input_requests(requests);
            return Ok(Asked::Later(Box::new(asked.into())));
        };
        let given: ElicitResult = serde_json::from_value(given.clone())
            .map_err(|error| format!("the answer to the form does not fit: {error}"))?;
        return Ok(Asked::Said(read(request, given)));
    }
    let asked = call.peer.send_request(ServerRequest::ElicitRequest(form));
    match call.right.waiting(Wait::Client, timeout(PERSON_MAX, asked)).await? {
        Ok(Ok(ClientResult::ElicitResult(given))) => Ok(Asked::Said(read(request, given))),
        Ok(Ok(_)) => Err(format!("the client has not shown the form; {by_hand}")),
        Ok(Err(error)) => Err(format!("the client has not shown the form ({error}); {by_hand}")),
        Err(_) => Err(format!("nobody has answered the form in time; {by_hand}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: AskKind, action: ElicitationAction, content: Value) -> Said {
        let result = ElicitResult::new(action).with_content(content);
        read(&AskRequest::plain(kind, "Deploy?"), result)
    }

    #[test]
    fn only_a_plain_yes_or_no_of_a_form_that_was_sent_counts() {
        let approve = |action, content| said(AskKind::Approve, action, content);
        let yes = json!({ "answer": true, "comment": "go" });
        let answer = |value: &str, comment: Option<&str>| Said::Answer {
            value: value.to_owned(),
            comment: comment.map(str::to_owned),
        };
        assert_eq!(approve(ElicitationAction::Accept, yes.clone()), answer("true", Some("go")));
        let no = json!({ "answer": false });
        assert_eq!(approve(ElicitationAction::Accept, no), answer("false", None));
        for action in [ElicitationAction::Decline, ElicitationAction::Cancel] {
            assert_eq!(approve(action, yes.clone()), Said::Nothing);
        }
        for odd in [json!({}), json!({ "answer": "yes" }), json!(true), Value::Null] {
            assert_eq!(approve(ElicitationAction::Accept, odd), Said::Nothing);
        }
        let text = said(AskKind::Ask, ElicitationAction::Accept, json!({ "answer": "1.5" }));
        assert_eq!(text, answer("\"1.5\"", None));
    }

    #[test]
    fn a_form_shows_the_question_and_never_controls_a_terminal() {
        let request = AskRequest::plain(AskKind::Approve, "Deploy\u{1b}[31m?");
        let form = form(&RunId::from_bits(1), StepId(3), &request).unwrap();
        let form = serde_json::to_value(&form.params).unwrap();
        let message = form["message"].as_str().unwrap();
        assert!(message.contains("approve asks in step 3: Deploy"), "{message}");
        assert!(!message.contains('\u{1b}'), "{message:?}");
        assert_eq!(form["requestedSchema"]["required"], json!(["answer"]));
        let long = format!("{}end", "é".repeat(2 * TEXT_CHARS_MAX));
        let short = middle_left_out(&long, &RunId::from_bits(1), StepId(3));
        assert!(short.chars().count() < TEXT_CHARS_MAX + 200 && short.ends_with("end"));
        assert!(short.contains("8003 characters are left out; read all"), "{short}");
    }
}
