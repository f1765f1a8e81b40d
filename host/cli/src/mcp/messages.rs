//! `workflow_stop` and `workflow_message`: what a run at work is told.
//!
//! Owns: the command lines behind them. Never: posts; the commands do, and refuse agents.

use std::ffi::OsString;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;
use smol_wf_core::ids::RunId;

use super::call::{Answer, Call, answer};
use super::child::{COMMAND_MAX, command};
use super::shared::Shared;
use super::status::find;

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
    let (_, run) = find(shared, &run_id).await?;
    let (verb, target) = match step {
        Some(step) => ("stop", format!("{run}#{step}")),
        None => ("cancel", run.to_string()),
    };
    say(shared, &run, vec![verb.into(), target.into()], None).await
}

/// Cancels a run.
pub(super) async fn cancel(shared: &Shared, run: &RunId) -> Answer {
    say(shared, run, vec!["cancel".into(), run.as_str().into()], None).await
}

/// Tells agents at work something.
pub(super) async fn message(shared: &Shared, call: &Call) -> Answer {
    let MessageArguments { run_id, step, phase, all, text } = call.arguments()?;
    let (_, run) = find(shared, &run_id).await?;
    let target = match (step, phase, all) {
        (None, None, false) => run.to_string(),
        (Some(step), None, false) => format!("{run}#{step}"),
        (None, Some(phase), false) => format!("{run}@{phase}"),
        (None, None, true) => format!("{run}#*"),
        _ => return Err("name one of `step`, `phase` and `all`".to_owned()),
    };
    say(shared, &run, vec!["msg".into(), target.into(), "-".into()], Some(text)).await
}

/// Runs a command that posts, and answers with its sentence.
async fn say(
    shared: &Shared,
    run: &RunId,
    mut arguments: Vec<OsString>,
    stdin: Option<String>,
) -> Answer {
    arguments.extend(shared.database_flag());
    let ran = command(shared, Path::new("/"), arguments, stdin, COMMAND_MAX).await?;
    let said = ran.sentence();
    match ran.code {
        0 => answer(said.clone(), json!({ "runId": run, "message": said })),
        _ => Err(said),
    }
}
