//! One tool for each workflow of a folder.
//!
//! Owns: their names, and what is a schema that clients take. Never: checks arguments; a
//! run does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};

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

/// The tools of the workflows that a call from this client finds.
pub(super) async fn offered(shared: &Shared, call: &Call) -> Vec<Tool> {
    let folder = match folder::of_call(shared, call, None).await {
        Ok(Folder::Is(folder)) => folder,
        // Workflows of the user and bundled ones need no project, and `run` asks for one.
        Ok(Folder::Asked(_) | Folder::Unknown(_)) | Err(_) => PathBuf::from("/"),
    };
    let list = match listed(shared, &folder).await {
        Ok(list) => list,
        Err(why) => {
            print_message(&format!("warning: no workflow is a tool: {}", sanitize::one_line(&why)));
            return Vec::new();
        }
    };
    let (tools, named) = of_list(&list);
    shared.set_workflow_tools(named);
    tools
}

/// Starts the workflow of a tool; `None` if there is no such tool.
pub(super) async fn start(shared: &Arc<Shared>, call: &Call) -> Option<Answer> {
    if !shared.offer.workflow_tools || !call.tool.starts_with(PREFIX) {
        return None;
    }
    let workflow = match shared.workflow_tool(&call.tool) {
        Some(workflow) => workflow,
        // The client has its list from another server.
        None => {
            offered(shared, call).await;
            shared.workflow_tool(&call.tool)?
        }
    };
    let args = (!call.raw().is_empty()).then(|| Value::Object(call.raw().clone()));
    let folder = match folder::of_call(shared, call, None).await {
        Ok(Folder::Is(folder)) => folder,
        Ok(Folder::Asked(asked)) => return Some(Ok(*asked)),
        Ok(Folder::Unknown(why)) => {
            return Some(Err(format!("{why}, or call workflow_run with `workflow`: {workflow:?}")));
        }
        Err(why) => return Some(Err(why)),
    };
    Some(run::start(shared, call, &folder, &workflow, args.as_ref(), false).await)
}

/// The tools of a list, and what each starts.
fn of_list(list: &Value) -> (Vec<Tool>, BTreeMap<String, String>) {
    let (mut tools, mut named) = (Vec::new(), BTreeMap::new());
    for row in list["workflows"].as_array().into_iter().flatten() {
        let usable = row["hiddenBy"].is_null() && row["error"].is_null();
        let Some(workflow) = row["name"].as_str().filter(|_| usable) else { continue };
        let name = tool_name(workflow);
        if named.contains_key(&name) || tools.len() == TOOLS_MAX {
            continue;
        }
        let said = |key: &str| row[key].as_str().unwrap_or_default();
        let description = format!(
            "Start the workflow {workflow} in the background: {} {}",
            said("description"),
            said("whenToUse")
        );
        let description = sanitize::one_line(description.trim());
        tools.push(self::tools::workflow(name.clone(), description, schema(&row["args"])));
        named.insert(name, workflow.to_owned());
    }
    (tools, named)
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

/// The schema of a workflow's arguments, as a tool may have it: of an object.
fn schema(args: &Value) -> JsonObject {
    let mut schema = args.as_object().cloned().unwrap_or_default();
    if schema.get("type") != Some(&json!("object")) {
        schema.insert("type".to_owned(), "object".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_one_tool_and_its_schema_is_of_an_object() {
        let args = json!({ "type": "object", "required": ["range"] });
        let list = json!({ "workflows": [
            { "name": "code-review", "description": "Reviews.", "args": args },
            { "name": "x:y/ü", "description": "d" },
            { "name": "x_y_ü", "description": "the same name" },
            { "name": "gone", "hiddenBy": "other" },
            { "name": "broken", "error": { "code": "x" } },
        ] });
        let (tools, named) = of_list(&list);
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(names, ["run_code-review", "run_x_y__"]);
        assert_eq!(named["run_x_y__"], "x:y/ü");
        assert_eq!(Value::Object((*tools[0].input_schema).clone()), args);
        assert_eq!(Value::Object((*tools[1].input_schema).clone()), json!({ "type": "object" }));
    }
}
