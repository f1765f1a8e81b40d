//! `workflow_list`, `workflow_check` and `workflow_plan`: what needs a folder and no run.
//!
//! Owns: the command lines behind them, and what of their documents a model reads. Never:
//! a finding or a plan; the commands have them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::bounds::{self, Entries};
use super::call::{Answer, Call, answer, given};
use super::child::{COMMAND_MAX, Ran, command};
use super::describe;
use super::folder::{self, Folder};
use super::shared::Shared;
use crate::{sanitize, shell};

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
    let whole = cut_list(&mut list, "workflows", "smol-wf list --json");
    let workflows = list["workflows"].as_array().map_or(&[][..], Vec::as_slice);
    answer(describe::list(workflows, &[note, whole]), list)
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
    only_file(&folder, script, false)?;
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
    let command = format!("smol-wf check {} --json", shell::word(script));
    cut_list(&mut found, "workflows", &command);
    let whole = cut_list(&mut found, "findings", &command);
    // Findings are what was asked for, and no failure of the tool.
    answer(describe::findings(&found, whole), found)
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
    only_file(&folder, script, true)?;
    let args = args.as_ref().map(json_text).transpose()?;
    let (plan, _) = planned(shared, &folder, script, (args.as_deref(), false), COMMAND_MAX).await?;
    let Planned::Made(plan) = plan else { return Err(plan.sentence()) };
    answer(describe::plan(&plan), describe::lean_plan(&plan, script))
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

/// Fails if a script is a folder or a device: a folder would be searched as far as it goes,
/// and a device may have no end. `name_first` says that a folder's name may be that of a
/// workflow, as for commands that search no folder.
pub(super) fn only_file(folder: &Path, script: &str, name_first: bool) -> Result<(), String> {
    let path = folder.join(script);
    let is_word = !script.contains('/') && !matches!(script, "." | "..");
    // What is not there is a name, or the command says so.
    let Ok(there) = path.metadata() else { return Ok(()) };
    let what = match there {
        file if file.is_file() => return Ok(()),
        folder if folder.is_dir() && is_word && name_first => return Ok(()),
        folder if folder.is_dir() => "a folder",
        _ => "not a file",
    };
    Err(format!(
        "`workflow` is {}, which is {what}; pass the path of one script, or a name that workflow_list has",
        sanitize::path(&path)
    ))
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

/// Cuts a list of a document, and says so in it and in the sentence that this returns.
/// `command` has all of it.
fn cut_list(document: &mut Value, name: &str, command: &str) -> Option<String> {
    let list = document.get_mut(name)?.as_array_mut()?;
    let entries = Entries::of(std::mem::take(list), LISTED_MAX);
    let whole = (!entries.is_whole()).then(|| bounds::whole_is_in(command));
    *list = entries.listed;
    if entries.left_out > 0 {
        document["leftOut"] = json!(entries.left_out);
    }
    if let Some(whole) = &whole {
        document["whole"] = whole.as_str().into();
    }
    whole
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
        let whole = cut_list(&mut document, "all", "smol-wf list").unwrap();
        assert_eq!(document["all"].as_array().map(Vec::len), Some(LISTED_MAX));
        assert_eq!((&document["leftOut"], &document["whole"]), (&json!(3), &json!(whole)));
        assert_eq!(cut_list(&mut json!({ "all": [1] }), "all", "smol-wf list"), None);
    }

    #[test]
    fn a_script_is_a_file() {
        let only = |script: &str| only_file(Path::new("/"), script, false);
        assert_eq!(only("code-review"), Ok(()));
        assert_eq!(only("/nowhere/s.mjs"), Ok(()));
        assert!(only("/").unwrap_err().contains("/, which is a folder; pass the path"));
        assert!(only("dev").is_err());
        assert_eq!(only_file(Path::new("/"), "dev", true), Ok(()));
        assert!(only("dev/null").unwrap_err().contains("/dev/null, which is not a file"));
    }
}
