//! `workflow_answer`: answers a question of a run.
//!
//! Owns: who answers: the client a question of `ask()`, its person an approval. Never: an
//! approval by a model.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use smol_wf_core::gate::AskRequest;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_engine::{Engine, Message};

use super::call::{Answer, Call, answer, given};
use super::person::{self, Asked, Said};
use super::posts::{post, posting};
use super::shared::Shared;
use super::status::{find, in_words};
use crate::posting::{Posted, Posting};
use crate::{questions, typed_answer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AnswerArguments {
    run_id: String,
    step: u32,
    ask: Option<u32>,
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
}

/// Answers the question that the call names.
pub(super) async fn give(shared: &Arc<Shared>, call: &Call) -> Answer {
    let AnswerArguments { run_id, step, ask, value } = call.arguments()?;
    let (engine, run) = find(shared, &run_id).await?;
    let posting = posting(shared, engine, &run, &call.client)?;
    let (step, request) = open(engine, &run, StepId(step), ask).await?;
    let name = questions::name_of(&run, step, &request);
    let (value, comment) = if request.kind.is_approval() {
        if value.is_some_and(|value| !value.is_null()) {
            return Err(format!(
                "only a person answers {name}; leave `value` out, and the client shows its user a form"
            ));
        }
        match person::ask(call, (&run, step), &request).await? {
            Asked::Said(Said::Answer { value, comment }) => (value, comment),
            Asked::Said(Said::Nothing) => {
                let left = json!({ "runId": run, "step": step, "answered": false });
                return answer(format!("the person left {name} open"), left);
            }
            Asked::Later(asked) => return Ok(*asked),
        }
    } else {
        let value = value.ok_or_else(|| format!("{name} wants a `value`"))?;
        (fitting(&posting, &request, &value)?, None)
    };
    let message = Message::Answer { step, digest: request.digest(), value, comment };
    let posted = post(shared, call, &posting, &message).await?;
    let is_taken = matches!(posted, Posted::Taken(_));
    let said = match is_taken {
        true => format!("{name} has its answer, and the run goes on; wait: workflow_status"),
        false => format!("the answer to {name} is stored and waits until a process takes it"),
    };
    answer(said, json!({ "runId": run, "step": step, "answered": true, "taken": is_taken }))
}

/// The open question of a step.
async fn open(
    engine: &Engine,
    run: &RunId,
    step: StepId,
    ask: Option<u32>,
) -> Result<(StepId, Arc<AskRequest>), String> {
    let standing = engine.standing(run).await.map_err(in_words)?;
    let open: Vec<(StepId, Arc<AskRequest>)> = standing
        .open_asks()
        .filter(|(open, request)| {
            let number = request.agent.as_ref().map(|agent| agent.ask);
            *open == step && (ask.is_none() || ask == number)
        })
        .map(|(step, request)| (step, request.clone()))
        .collect();
    match open.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(format!(
            "step {step} of run {run} asks nothing now; workflow_status has the open questions"
        )),
        _ => Err(format!(
            "the agent of step {step} of run {run} asks several questions; name one with `ask`"
        )),
    }
}

/// The JSON text of an answer that fits. What does not fit is refused with the reason of
/// the command line.
fn fitting(posting: &Posting, request: &AskRequest, value: &Value) -> Result<String, String> {
    typed_answer::fitting(request, value.to_string()).map_err(|refusal| {
        let (run, refusal) = (posting.run.clone(), refusal.into());
        in_words(smol_wf_engine::PostError::Refused { run, refusal }.into())
    })
}
