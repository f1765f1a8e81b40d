//! `workflow_stop` and `workflow_message`: what a run at work is told.
//!
//! Owns: their words. Never: a command of its own: below this program it would count as an
//! agent's.

use serde::Deserialize;
use serde_json::json;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::message::check_text;
use smol_wf_engine::{Engine, Message};

use super::call::{Answer, Call, answer};
use super::posts::{post_only, posting};
use super::rights::Wait;
use super::shared::Shared;
use super::status::find;
use crate::commands::{Agents, tell_agents};
use crate::posting::Posted;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StopArguments {
    run_id: String,
    step: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MessageArguments {
    run_id: String,
    step: Option<u32>,
    phase: Option<String>,
    #[serde(default)]
    all: bool,
    text: String,
}

/// Stops one step, or the whole run.
pub(super) async fn stop(shared: &Shared, call: &Call) -> Answer {
    let StopArguments { run_id, step } = call.arguments()?;
    let (engine, run) = find(shared, &run_id).await?;
    let Some(step) = step else {
        let said = cancel(shared, call, (engine, &run)).await?;
        return answer(said.clone(), json!({ "runId": run, "message": said }));
    };
    let posting = posting(shared, engine, &run, &call.client)?;
    let said = match post_only(call, &posting, &Message::Stop { step: StepId(step) }).await? {
        Posted::Taken(_) => format!("step {step} is stopped, and the run goes on"),
        Posted::Waits { held: true, .. } => "the run has not taken this yet; it waits".to_owned(),
        Posted::Waits { held: false, .. } | Posted::Needless => {
            format!("no process works on the run; step {step} is stopped when it goes on")
        }
    };
    answer(said.clone(), json!({ "runId": run, "step": step, "message": said }))
}

/// Cancels a run; what became of that.
pub(super) async fn cancel(
    shared: &Shared,
    call: &Call,
    (engine, run): (&Engine, &RunId),
) -> Result<String, String> {
    let posting = posting(shared, engine, run, &call.client)?;
    let posted = post_only(call, &posting, &Message::Cancel {}).await?;
    let next = format!("it can go on: smol-wf continue {run}{}", crate::shell::with_database());
    Ok(match posted {
        Posted::Waits { held: true, .. } => "the run has not taken this yet; it waits".to_owned(),
        Posted::Needless => format!("no process works on the run, so nothing was stopped; {next}"),
        Posted::Taken(_) | Posted::Waits { held: false, .. } => format!("the run stops; {next}"),
    })
}

/// Tells agents at work something.
pub(super) async fn message(shared: &Shared, call: &Call) -> Answer {
    let MessageArguments { run_id, step, phase, all, text } = call.arguments()?;
    let agents = match (step, phase, all) {
        (None, None, false) => Agents::Only,
        (Some(step), None, false) => Agents::Step(StepId(step)),
        (None, Some(phase), false) => Agents::Phase(phase),
        (None, None, true) => Agents::All,
        _ => return Err("name one of `step`, `phase` and `all`".to_owned()),
    };
    check_text(&text).map_err(|refusal| format!("`text`: {refusal}"))?;
    let (engine, run) = find(shared, &run_id).await?;
    let posting = posting(shared, engine, &run, &call.client)?;
    let told = call.right.waiting(Wait::Run, tell_agents(&posting, agents, &text)).await?;
    let told = told.map_err(|error| error.sentence())?;
    let taken = told.iter().filter(|one| one.taken).count();
    let said = match told.len() - taken {
        0 => "they are told as soon as they listen".to_owned(),
        waits => format!("{waits} of them were not told yet"),
    };
    let steps: Vec<StepId> = told.iter().map(|one| one.step).collect();
    answer(
        format!("agents: {}; {said}", told.len()),
        json!({ "runId": run, "steps": steps, "taken": taken }),
    )
}
