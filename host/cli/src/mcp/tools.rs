//! The tools: their names, descriptions and arguments.
//!
//! Owns: which are offered. Never: what one does.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

use super::shared::Offer;

/// What a tool does to the world.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Nothing.
    Read,
    /// Starts agents.
    Start,
    /// Tells a run something.
    Post,
    /// Ends something.
    Stop,
}

/// Where a workflow is looked for.
const CWD: &str = "Absolute path of the project's folder. Default: the client's only root.";

/// How a workflow is named.
const WORKFLOW: &str = "Name of a workflow, as workflow_list has it, or path of a script.";

/// How a run is named.
const RUN: &str = "The id that workflow_run returned.";

/// What models are told about the server.
pub(super) const INSTRUCTIONS: &str = "\
smol-wf runs workflows: scripts that drive many coding agents. workflow_list shows what there is, \
workflow_run starts one in the background and returns its runId, workflow_status with `wait` waits, \
workflow_result reads what it came to. A run goes on when this server or its client ends. Pass `cwd`, \
the absolute path of the project, unless the client has one root. workflow_check and workflow_plan \
ask no agent. Approvals are for the person, not for you.";

/// The tools that are offered, without those of workflows.
pub(super) fn tools(offer: &Offer) -> Vec<Tool> {
    let mut tools = vec![list(), check(), plan(), status(), result()];
    if !offer.read_only {
        tools.extend([run(), stop(), message()]);
        if offer.answers {
            tools.push(answer());
        }
    }
    tools
}

/// Why a tool of this server is not offered.
pub(super) fn why_not(name: &str, offer: &Offer) -> Option<&'static str> {
    match name {
        "workflow_run" | "workflow_stop" | "workflow_message" | "workflow_answer"
            if offer.read_only =>
        {
            Some("this server was started with --read-only")
        }
        "workflow_answer" if !offer.answers => Some(
            "this server takes no answers: a person answers with `smol-wf answer`, or starts the server with --allow-answers",
        ),
        _ => None,
    }
}

/// A tool that starts a workflow.
pub(super) fn workflow(name: String, description: String, schema: JsonObject) -> Tool {
    Tool::new(name, description, Arc::new(schema)).with_annotations(annotations(Does::Start))
}

fn list() -> Tool {
    let about = "List the workflows that a name starts: those of the project, the user's own, those of plugins, and those that come with smol-wf.";
    tool("workflow_list", "List workflows", about, Does::Read, &[], json!({ "cwd": text(CWD) }))
}

fn check() -> Tool {
    let about = "Check a workflow's script without running it: syntax, imports, calls that are never awaited, results that may be null. Returns findings with lines.";
    let arguments = json!({
        "workflow": text(WORKFLOW),
        "strict": { "type": "boolean", "description": "Treat warnings as errors." },
        "cwd": text(CWD),
    });
    tool("workflow_check", "Check a workflow", about, Does::Read, &["workflow"], arguments)
}

fn plan() -> Tool {
    let about = "Show what a workflow would do and cost, with made-up answers. Asks no agent and stores nothing.";
    let arguments = json!({ "workflow": text(WORKFLOW), "args": args(), "cwd": text(CWD) });
    tool("workflow_plan", "Plan a workflow", about, Does::Read, &["workflow"], arguments)
}

fn run() -> Tool {
    let about = "Start a workflow in the background. Returns its planned agents and cost, and its runId at once. It spends money: agents are asked.";
    let arguments = json!({
        "workflow": text(WORKFLOW),
        "args": args(),
        "cwd": text("Absolute path of the folder in which agents work. Default: the client's only root."),
        "debug": { "type": "boolean", "description": "Use the debug provider, which echoes prompts and sends nothing to a model. Refused for a workflow whose plan names another provider." },
    });
    tool("workflow_run", "Run a workflow", about, Does::Start, &["workflow"], arguments)
}

fn status() -> Tool {
    let about = "Say where a run stands: state, agents, cost, failed steps, open questions. With `wait` it returns when the run ends, asks something, or the time is up. Never has the result.";
    let arguments = json!({
        "runId": text(RUN),
        "wait": { "type": "number", "minimum": 0, "maximum": 60, "description": "Seconds to wait at most." },
    });
    tool("workflow_status", "State of a run", about, Does::Read, &["runId"], arguments)
}

fn result() -> Tool {
    let about = "Read what a run came to: its result, why it failed, which steps failed. A long result comes in parts.";
    let arguments = json!({
        "runId": text(RUN),
        "offset": { "type": "integer", "minimum": 0, "description": "Byte of the result to read on from: nextOffset of the part before." },
    });
    tool("workflow_result", "Result of a run", about, Does::Read, &["runId"], arguments)
}

fn stop() -> Tool {
    let about = "Stop a run, which can be resumed, or one step of it, which fails with `stopped` while the run goes on.";
    let arguments = json!({
        "runId": text(RUN),
        "step": { "type": "integer", "minimum": 1, "description": "Number of the step. Default: the whole run." },
    });
    tool("workflow_stop", "Stop a run or a step", about, Does::Stop, &["runId"], arguments)
}

fn message() -> Tool {
    let about = "Tell agents of a run something while they work: one step, one phase, all, or by default the only one at work.";
    let arguments = json!({
        "runId": text(RUN),
        "text": text("What they are told."),
        "step": { "type": "integer", "minimum": 1, "description": "Number of a step." },
        "phase": text("Title of a phase."),
        "all": { "type": "boolean", "description": "All agents at work." },
    });
    tool(
        "workflow_message",
        "Tell agents something",
        about,
        Does::Post,
        &["runId", "text"],
        arguments,
    )
}

fn answer() -> Tool {
    let about = "Answer an open question of a run. For ask(), pass `value`. For an approval leave it out: the client shows its user a form, and the person decides.";
    let arguments = json!({
        "runId": text(RUN),
        "step": { "type": "integer", "minimum": 1, "description": "Number of the step that asks." },
        "ask": { "type": "integer", "minimum": 1, "description": "For an agent's question: its number within the step." },
        "value": { "description": "The answer: text, or what the question's schema wants." },
    });
    tool("workflow_answer", "Answer a question", about, Does::Post, &["runId", "step"], arguments)
}

fn tool(
    name: &'static str,
    title: &str,
    description: &'static str,
    does: Does,
    required: &[&str],
    properties: Value,
) -> Tool {
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    Tool::new(name, description, Arc::new(schema))
        .with_title(title)
        .with_annotations(annotations(does))
}

fn annotations(does: Does) -> ToolAnnotations {
    let hints =
        ToolAnnotations::new().read_only(does == Does::Read).open_world(does == Does::Start);
    match does {
        Does::Read => hints,
        // Agents may change files.
        Does::Start | Does::Stop => hints.destructive(true),
        Does::Post => hints.destructive(false),
    }
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn args() -> Value {
    json!({ "description": "Arguments of the workflow: any JSON value; workflow_list has their schema." })
}
