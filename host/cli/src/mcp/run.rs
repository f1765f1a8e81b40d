//! `workflow_run`: plans a workflow and starts it in the background.
//!
//! Owns: the command line of the holder, and what is said first. Never: holds the run: it
//! outlives the client and this server.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Answer, Call, answer, given};
use super::find::{Planned, json_text, only_file, planned, script, what_it_is_given};
use super::folder::{self, Folder};
use super::hold::hold;
use super::shared::Shared;
use super::{describe, tasks};

/// Longest that a plan may take before the run begins without one: most take milliseconds.
const PLAN_MAX: Duration = Duration::from_secs(20);

/// Exit codes of a plan with which a run ends as well: usage, and input that cannot be run.
const CANNOT_RUN: [i32; 2] = [2, 3];

/// The provider that sends nothing to a model.
const DEBUG: &str = "debug";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RunArguments {
    workflow: String,
    #[serde(default, deserialize_with = "given")]
    args: Option<Value>,
    cwd: Option<String>,
    #[serde(default)]
    debug: bool,
}

/// Starts the workflow that the call names.
pub(super) async fn run(shared: &Arc<Shared>, call: &Call) -> Answer {
    let RunArguments { workflow, args, cwd, debug } = call.arguments()?;
    let folder = match folder::of_call(shared, call, cwd.as_deref()).await? {
        Folder::Is(folder) => folder,
        Folder::Asked(asked) => return Ok(*asked),
        Folder::Unknown(why) => return Err(why),
    };
    start(shared, call, &folder, &workflow, args.as_ref(), debug).await
}

/// Fails if a plan for the debug provider asks another one: what a step names itself
/// counts more than a flag.
fn only_debug(plan: &Value) -> Result<(), String> {
    let named = plan["providers"].as_array().into_iter().flatten();
    let mut names = named.filter_map(|one| one["provider"].as_str().or_else(|| one.as_str()));
    match names.find(|name| *name != DEBUG) {
        Some(name) => Err(format!(
            "a step names the provider `{}` itself, which `debug` does not change; nothing was started",
            crate::sanitize::one_line(name)
        )),
        None => Ok(()),
    }
}

/// Plans and starts a workflow in a folder.
pub(super) async fn start(
    shared: &Arc<Shared>,
    call: &Call,
    folder: &Path,
    workflow: &str,
    args: Option<&Value>,
    is_debug: bool,
) -> Answer {
    let script = script(workflow)?;
    only_file(folder, script, true)?;
    let args = args.map(json_text).transpose()?;
    let plan = match planned(shared, folder, script, (args.as_deref(), is_debug), PLAN_MAX).await {
        Ok((Planned::Refused(why), code)) if CANNOT_RUN.contains(&code) => return Err(why),
        Ok((Planned::Made(plan), _)) => Ok(plan),
        Ok((Planned::Refused(why), _)) | Err(why) => Err(why),
    };
    if let (true, Ok(plan)) = (is_debug, &plan) {
        only_debug(plan)?;
    }
    let mut argv: Vec<OsString> = vec!["run".into(), script.into()];
    argv.extend(what_it_is_given(args.as_deref(), is_debug));
    argv.extend(shared.database_flag());
    let run = hold(shared, folder, argv, Some(&call.client)).await?;
    let told = match &plan {
        Ok(plan) => describe::plan(plan),
        Err(why) => format!("no plan: {why}"),
    };
    if call.knows_tasks() {
        return tasks::started(shared, &run, &told).await;
    }
    let folder = folder.to_string_lossy();
    let text = format!(
        "{told}\nrun {run} has started in {folder} and goes on by itself; wait for it with workflow_status, then read it with workflow_result"
    );
    let mut value = json!({
        "plan": plan.as_ref().map_or(Value::Null, |plan| describe::lean_plan(plan, script)),
    });
    value["runId"] = run.as_str().into();
    value["status"] = "running".into();
    value["cwd"] = folder.into();
    answer(text, value)
}
