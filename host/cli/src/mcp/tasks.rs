//! Runs as tasks of the protocol: a task's id is its run's.
//!
//! Owns: what each state of a run is as a task, and the questions that a task asks. Never:
//! keeps a task; the journal is all there is, so tasks outlive server and client.

use std::sync::Arc;

use jiff::Timestamp;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CreateTaskResult, DetailedTask, ElicitResult, InputRequest, InputRequests,
    InputResponses, Task, TaskPayload, TaskStatus,
};
use serde_json::{Map, Value, json};
use smol_wf_core::codes::Code;
use smol_wf_core::gate::AskRequest;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_engine::{Engine, Message, RunState};

use super::call::{Answer, Call, result};
use super::person::{self, Said};
use super::posts::{post, posting};
use super::shared::Shared;
use super::status::{Look, find, in_words, text};
use super::{messages, result as results};
use crate::questions;

/// How often clients are to ask, in milliseconds: an agent takes far longer.
const POLL_MS: u64 = 2_000;

/// Most forms that a task asks for at once; the others follow when these are answered.
const FORMS_MAX: usize = 20;

/// Most bytes of these together, of which the first has room anyway.
const FORMS_BYTES_MAX: usize = 64 * 1024;

/// JSON-RPC's code of a failure inside of the server, which a task that cannot go on has.
const INTERNAL: i32 = -32_603;

/// The task of a run that has just started.
pub(super) async fn started(shared: &Shared, run: &RunId, told: &str) -> Answer {
    let (engine, run) = find(shared, run.as_str()).await?;
    let look = Look::at(engine, &run).await?;
    let task = task(&look, TaskStatus::Working).with_status_message(told);
    Ok(CallToolResponse::Task(CreateTaskResult::new(task)))
}

/// A run as a task. `can_ask` says whether the client shows forms to its user.
pub(super) async fn get(
    shared: &Shared,
    id: &str,
    can_ask: bool,
) -> Result<DetailedTask, ErrorData> {
    let (engine, run) = known(shared, id).await?;
    let look = Look::at(engine, &run).await.map_err(unreadable)?;
    let status = look.status(shared);
    let said = text(&status);
    let payload = match look.report.state {
        RunState::Completed | RunState::Failed => {
            let (said, value, is_error) = results::of_look(&look, 0);
            TaskPayload::Completed { result: object(json!(result(said, value, is_error))) }
        }
        RunState::Cancelled => TaskPayload::Cancelled,
        _ if look.waits() => match asked(shared, engine, &run, can_ask).await? {
            none if none.is_empty() => TaskPayload::Working,
            input_requests => TaskPayload::InputRequired { input_requests },
        },
        RunState::Running => TaskPayload::Working,
        // Somebody wants to go on later.
        RunState::Paused if is_paused(&look) => TaskPayload::Working,
        _ => {
            let error = json!({ "code": INTERNAL, "message": said, "data": status });
            TaskPayload::Failed { error: object(error) }
        }
    };
    let task = task(&look, payload.status()).with_status_message(said);
    Ok(DetailedTask::new(task, payload))
}

/// Takes answers of the client's user. Only a client that shows forms has any: else nobody
/// but a model can have given them.
pub(super) async fn update(
    shared: &Arc<Shared>,
    call: &Call,
    id: &str,
    responses: InputResponses,
) -> Result<(), ErrorData> {
    if !shared.offer.answers {
        return Err(refused("this server takes no answers; start it with --allow-answers"));
    }
    if !call.can_ask_person() {
        return Err(refused(
            "this client cannot show a form to its user; workflow_answer takes answers to ask() and waitFor()",
        ));
    }
    let (engine, run) = known(shared, id).await?;
    let posting = posting(shared, engine, &run, &call.client).map_err(|why| refused(&why))?;
    for (step, request) in open(engine, &run).await? {
        let name = questions::name_of(&run, step, &request);
        // Others are answered by now, and the first answer counts.
        let Some(given) = responses.get(&name) else { continue };
        let given: ElicitResult = serde_json::from_value(given.clone())
            .map_err(|error| refused(&format!("the answer to {name} does not fit: {error}")))?;
        if let Said::Answer { value, comment } = person::read(&request, given) {
            let message = Message::Answer { step, digest: request.digest(), value, comment };
            post(shared, call, &posting, &message).await.map_err(|why| refused(&why))?;
        }
    }
    Ok(())
}

/// Cancels a run.
pub(super) async fn cancel(shared: &Shared, call: &Call, id: &str) -> Result<(), ErrorData> {
    if shared.offer.read_only {
        return Err(refused("this server only reads"));
    }
    let (engine, run) = known(shared, id).await?;
    let said = messages::cancel(shared, call, (engine, &run)).await;
    said.map(|_| ()).map_err(|why| refused(&why))
}

/// The forms of a run's open questions, by the questions' names.
async fn asked(
    shared: &Shared,
    engine: &Engine,
    run: &RunId,
    can_ask: bool,
) -> Result<InputRequests, ErrorData> {
    if !can_ask || !shared.offer.answers {
        return Ok(InputRequests::new());
    }
    let (mut forms, mut bytes) = (InputRequests::new(), 0);
    for (step, request) in open(engine, run).await? {
        let Some(form) = person::form(run, step, &request) else { continue };
        bytes += serde_json::to_string(&form).map_or(0, |text| text.len());
        if forms.len() == FORMS_MAX || (bytes > FORMS_BYTES_MAX && !forms.is_empty()) {
            break;
        }
        forms.insert(questions::name_of(run, step, &request), InputRequest::Elicitation(form));
    }
    Ok(forms)
}

async fn open(engine: &Engine, run: &RunId) -> Result<Vec<(StepId, Arc<AskRequest>)>, ErrorData> {
    let standing = engine.standing(run).await.map_err(|error| unreadable(in_words(error)))?;
    Ok(standing.open_asks().map(|(step, request)| (step, request.clone())).collect())
}

async fn known<'s>(shared: &'s Shared, id: &str) -> Result<(&'s Engine, RunId), ErrorData> {
    find(shared, id).await.map_err(|why| ErrorData::invalid_params(why, None))
}

/// Whether a person paused the run.
fn is_paused(look: &Look) -> bool {
    look.report.error.as_ref().is_some_and(|error| error.code == Code::Paused.word())
}

fn task(look: &Look, status: TaskStatus) -> Task {
    let at = |us: i64| {
        Timestamp::from_microsecond(us).map_or_else(|_| String::new(), |time| time.to_string())
    };
    let (created, updated) = (at(look.created_at_us), at(look.updated_at_us));
    Task::new(look.report.run_id.as_str(), status, created, updated).with_poll_interval_ms(POLL_MS)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

fn refused(why: &str) -> ErrorData {
    ErrorData::invalid_request(why.to_owned(), None)
}

fn unreadable(why: String) -> ErrorData {
    ErrorData::internal_error(why, None)
}
