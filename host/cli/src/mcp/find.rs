//! `workflow_list`, `workflow_check` and `workflow_plan`: what needs a folder and no run.
//!
//! Owns: the command lines behind them, and what of their documents a model reads. Never:
//! a finding or a plan; the commands have them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Answer, Call, answer, given};
use super::child::{COMMAND_MAX, Ran, command};
use super::describe;
use super::folder::{self, Folder};
use super::shared::Shared;

/// Most bytes of a workflow's arguments: the system passes no longer word to a process.
const ARGS_BYTES_MAX: usize = 100 * 1024;

/// Most entries of a list in a result, since a model reads all of them.
const LISTED_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListArguments {
    cwd: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckArguments {
    workflow: String,
    #[serde(default)]
    strict: bool,
    cwd: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanArguments {
    workflow: String,
    #[serde(default, deserialize_with = "given")]
    args: Option<Value>,
    cwd: Option<String>,
}

/// Lists the workflows of a folder; without one, those that are found everywhere.
pub(super) async fn list(shared: &Shared, call: &Call) -> Answer {
    let ListArguments { cwd } = call.arguments()?;
    let (folder, note) = match folder::of_call(shared, call, cwd.as_deref()).await? {
        Folder::Is(folder) => (folder, None),
        Folder::Asked(asked) => return Ok(*asked),
        Folder::Unknown(why) => (PathBuf::from("/"), Some(format!("no project is listed: {why}"))),
    };
    let mut list = listed(shared, &folder).await?;
    if let Some(fields) = list.as_object_mut() {
        fields.shift_remove("schemaVersion");
        match &note {
            Some(note) => fields.insert("note".to_owned(), note.as_str().into()),
            None => fields.insert("cwd".to_owned(), folder.to_string_lossy().into()),
        };
    }
    cut_list(&mut list, "workflows");
    let workflows = list["workflows"].as_array().map_or(&[][..], Vec::as_slice);
    answer(describe::list(workflows, note.as_deref()), list)
}

/// The document of `smol-wf list` for a folder.
pub(super) async fn listed(shared: &Shared, folder: &Path) -> Result<Value, String> {
    let arguments = words(&["list", "--json"]);
    command(shared, folder, arguments, COMMAND_MAX).await?.document()
}

/// Checks a script.
pub(super) async fn check(shared: &Shared, call: &Call) -> Answer {
    let CheckArguments { workflow, strict, cwd } = call.arguments()?;
    let script = script(&workflow)?;
    let folder = match folder_for(shared, call, cwd.as_deref(), script).await? {
        Folder::Is(folder) => folder,
        Folder::Asked(asked) => return Ok(*asked),
        Folder::Unknown(why) => return Err(why),
    };
    let mut arguments = words(&["check", script, "--json"]);
    if strict {
        arguments.push("--strict".into());
    }
    let ran = command(shared, &folder, arguments, COMMAND_MAX).await?;
    let mut found = ran.document()?;
    if found["scripts"] == 0 {
        return Err(ran.sentence());
    }
    if let Some(fields) = found.as_object_mut() {
        fields.shift_remove("schemaVersion");
    }
    cut_list(&mut found, "findings");
    // Findings are what was asked for, and no failure of the tool.
    answer(describe::findings(&found), found)
}

/// Plans a workflow.
pub(super) async fn plan(shared: &Shared, call: &Call) -> Answer {
    let PlanArguments { workflow, args, cwd } = call.arguments()?;
    let script = script(&workflow)?;
    let folder = match folder_for(shared, call, cwd.as_deref(), script).await? {
        Folder::Is(folder) => folder,
        Folder::Asked(asked) => return Ok(*asked),
        Folder::Unknown(why) => return Err(why),
    };
    let args = args.as_ref().map(json_text).transpose()?;
    let (plan, _) = planned(shared, &folder, script, (args.as_deref(), false), COMMAND_MAX).await?;
    let Planned::Made(plan) = plan else { return Err(plan.sentence()) };
    answer(describe::plan(&plan), describe::lean_plan(&plan))
}

/// A plan, or why there is none.
pub(super) enum Planned {
    Made(Value),
    Refused(String),
}

impl Planned {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Made(_) => String::new(),
            Self::Refused(why) => why.clone(),
        }
    }
}

/// The plan of a workflow, and the exit code of the command that made it. Fails if the
/// command cannot be run to its end.
pub(super) async fn planned(
    shared: &Shared,
    folder: &Path,
    script: &str,
    (args, is_debug): (Option<&str>, bool),
    longest: Duration,
) -> Result<(Planned, i32), String> {
    let mut arguments = words(&["plan", script, "--json"]);
    arguments.extend(what_it_is_given(args, is_debug));
    let ran: Ran = command(shared, folder, arguments, longest).await?;
    Ok(match ran.document() {
        Ok(plan) => (Planned::Made(plan), ran.code),
        Err(why) => (Planned::Refused(why), ran.code),
    })
}

/// The flags with which a plan and a run are given the same.
pub(super) fn what_it_is_given(args: Option<&str>, is_debug: bool) -> Vec<OsString> {
    let mut flags = words(if is_debug { &["--agent-provider", "debug"] } else { &[] });
    flags.extend(args.iter().flat_map(|args| ["--args".into(), OsString::from(args)]));
    flags
}

/// A workflow as a command line takes it. Fails for one that it would read as a flag or as
/// stdin.
pub(super) fn script(workflow: &str) -> Result<&str, String> {
    match workflow {
        "" => Err("`workflow` is the name of a workflow or the path of its script".to_owned()),
        flag if flag.starts_with('-') => {
            Err(format!("`workflow` cannot begin with `-`; name that file ./{flag}"))
        }
        named => Ok(named),
    }
}

/// The arguments of a workflow as JSON text.
pub(super) fn json_text(args: &Value) -> Result<String, String> {
    let text = args.to_string();
    match text.len() > ARGS_BYTES_MAX {
        true => Err(format!(
            "`args` has {} bytes, and {ARGS_BYTES_MAX} are the most; write the large part into a file and pass its path",
            text.len()
        )),
        false => Ok(text),
    }
}

/// The folder of a call about one script: where there is none, that of an absolute path
/// will do.
async fn folder_for(
    shared: &Shared,
    call: &Call,
    cwd: Option<&str>,
    script: &str,
) -> Result<Folder, String> {
    let path = Path::new(script);
    let beside = path.parent().filter(|folder| path.is_absolute() && folder.is_dir());
    match (folder::of_call(shared, call, cwd).await?, beside) {
        (Folder::Unknown(_), Some(folder)) => Ok(Folder::Is(folder.to_owned())),
        (folder, _) => Ok(folder),
    }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// Cuts a list of a document and says how many are left out.
fn cut_list(document: &mut Value, name: &str) {
    let Some(list) = document.get_mut(name).and_then(Value::as_array_mut) else { return };
    let more = list.len().saturating_sub(LISTED_MAX);
    if more > 0 {
        list.truncate(LISTED_MAX);
        document["leftOut"] = json!(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_never_a_flag() {
        assert_eq!(script("code-review"), Ok("code-review"));
        assert_eq!(script("./-x.js"), Ok("./-x.js"));
        for wrong in ["", "-", "--db=x", "-h"] {
            script(wrong).unwrap_err();
        }
        json_text(&"x".repeat(ARGS_BYTES_MAX).into()).unwrap_err();
        assert_eq!(json_text(&json!({"a": 1})).as_deref(), Ok("{\"a\":1}"));
    }

    #[test]
    fn a_long_list_is_cut() {
        let mut document = json!({ "all": vec![1; LISTED_MAX + 3] });
        cut_list(&mut document, "all");
        assert_eq!(document["all"].as_array().map(Vec::len), Some(LISTED_MAX));
        assert_eq!(document["leftOut"], 3);
    }
}
