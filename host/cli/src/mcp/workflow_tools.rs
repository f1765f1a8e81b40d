//! One tool for each workflow of a folder.
//!
//! Owns: their names, and which folder a call means. Never: checks arguments; a run does.

use std::path::PathBuf;
use std::sync::Arc;

use rmcp::model::Tool;
use serde_json::Value;

use super::args_form::Form;
use super::bounds;
use super::call::{Answer, Call};
use super::find::listed;
use super::folder::{self, Folder};
use super::shared::Shared;
use super::{run, tools};
use crate::notices::print_message;
use crate::sanitize;

/// Most tools of workflows: models choose badly among many, and some hosts take no more
/// than a hundred.
const TOOLS_MAX: usize = 50;

/// Longest name that all hosts take, with the prefix that they put in front.
const NAME_BYTES_MAX: usize = 40;

/// Begins the name of each.
const PREFIX: &str = "run_";

/// The tool of one workflow.
struct Offered {
    workflow: String,
    tool: Tool,
    form: Form,
}

/// The tools of the workflows that a call from this client finds. Each call finds its own:
/// clients of one server may work in different folders.
pub(super) async fn offered(shared: &Shared, call: &Call) -> Vec<Tool> {
    let folder = match folder::of_call(shared, call, None).await {
        Ok(Folder::Is(folder)) => folder,
        // Workflows of the user and bundled ones need no project, and `run` asks for one.
        Ok(Folder::Asked(_) | Folder::Unknown(_)) | Err(_) => PathBuf::from("/"),
    };
    match listed(shared, &folder).await {
        Ok(list) => of_list(&list).into_iter().map(|offered| offered.tool).collect(),
        Err(why) => {
            print_message(&format!("warning: no workflow is a tool: {}", sanitize::one_line(&why)));
            Vec::new()
        }
    }
}

/// Starts the workflow of a tool; `None` if it can be none.
pub(super) async fn start(shared: &Arc<Shared>, call: &Call) -> Option<Answer> {
    if !shared.offer.workflow_tools || !call.tool.starts_with(PREFIX) {
        return None;
    }
    Some(start_there(shared, call).await)
}

async fn start_there(shared: &Arc<Shared>, call: &Call) -> Answer {
    let folder = match folder::of_call(shared, call, None).await? {
        Folder::Is(folder) => folder,
        Folder::Asked(asked) => return Ok(*asked),
        Folder::Unknown(why) => {
            return Err(format!("{why}, or call workflow_run, which takes `workflow` and `cwd`"));
        }
    };
    let list = listed(shared, &folder).await?;
    let named = of_list(&list).into_iter().find(|offered| offered.tool.name == call.tool);
    let Some(Offered { workflow, form, .. }) = named else {
        return Err(format!(
            "there is no tool `{}` for {}; workflow_list has the workflows that are there",
            sanitize::one_line(&call.tool),
            sanitize::path(&folder)
        ));
    };
    let args = form.args(call.raw())?;
    run::start(shared, call, &folder, &workflow, args.as_ref(), false).await
}

/// The tools of a list, and what each starts.
fn of_list(list: &Value) -> Vec<Offered> {
    let mut all: Vec<Offered> = Vec::new();
    for row in list["workflows"].as_array().into_iter().flatten() {
        let usable = row["hiddenBy"].is_null() && row["error"].is_null();
        let Some(workflow) = row["name"].as_str().filter(|_| usable) else { continue };
        let name = tool_name(workflow);
        if all.len() == TOOLS_MAX || all.iter().any(|other| other.tool.name == name) {
            continue;
        }
        let form = Form::of(&row["args"]);
        let said = |key: &str| row[key].as_str().unwrap_or_default();
        let description = format!(
            "Start the workflow {workflow} in the background: {} {}",
            said("description"),
            said("whenToUse")
        );
        let description = bounds::text(&sanitize::one_line(description.trim()));
        let note = form.note(workflow);
        let tool = tools::workflow(name, description + &note, form.schema(&row["args"]));
        all.push(Offered { workflow: workflow.to_owned(), tool, form });
    }
    all
}

/// The name of a tool: letters, digits, `_` and `-`, which all hosts take.
fn tool_name(workflow: &str) -> String {
    let safe = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => character,
        _ => '_',
    };
    let name: String = workflow.chars().map(safe).take(NAME_BYTES_MAX - PREFIX.len()).collect();
    format!("{PREFIX}{name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_name_is_one_tool() {
        let args = json!({ "type": "object", "required": ["range"] });
        let list = json!({ "workflows": [
            { "name": "code-review", "description": "Reviews.", "args": args },
            { "name": "x:y/ü", "description": "d" },
            { "name": "x_y_ü", "description": "the same name" },
            { "name": "gone", "hiddenBy": "other" },
            { "name": "broken", "error": { "code": "x" } },
        ] });
        let all = of_list(&list);
        let names: Vec<&str> = all.iter().map(|offered| offered.tool.name.as_ref()).collect();
        assert_eq!(names, ["run_code-review", "run_x_y__"]);
        assert_eq!(all[1].workflow, "x:y/ü");
    }
}
