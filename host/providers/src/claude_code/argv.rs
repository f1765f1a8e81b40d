//! The command line and the environment of one round with Claude Code.
//!
//! Owns: which flag stands for which option. Never: an argument with a secret or the
//! prompt in it.

use std::path::Path;

use serde_json::Value;
use smol_wf_core::step_request::Permissions;

use super::{NAME, settings};
use crate::cli_agent::{CliOptions, known_effort, plain};
use crate::{AgentTask, AskPolicy, ProviderError, ProviderErrorKind};

/// The values of `--effort`. Claude Code ignores others with a warning.
const EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

/// The built-in tools that change nothing.
const READING: &str = "Read,Glob,Grep,WebFetch,WebSearch,Agent";

/// The tools that start other agents, now or later.
const OTHER_AGENTS: &str = "Agent,Workflow,ScheduleWakeup";

/// Tells an agent that it is part of a workflow.
const PLACE: &str = "You are an agent in a workflow: a program gave you this task and reads your \
    answer, and no person takes part. Your last message is the value that the program goes on \
    with, so let it be the result itself, entire and alone: no preamble, no account of your work \
    unless that is what was asked for, no question. Wait for whatever you have started in the \
    background before you answer.";

/// Longest schema: it is one argument, and Linux takes 128 KiB in one.
const SCHEMA_BYTES_MAX: usize = 120 * 1024;

/// Variables of this program that it gets. `CLAUDECODE`, by which it knows that it runs
/// inside itself, is not one of them.
const ALLOWED: [&str; 18] = [
    "ANTHROPIC_*",
    "API_TIMEOUT_MS",
    "CLAUDE_CODE_DISABLE_*",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_MAX_RETRIES",
    "CLAUDE_CODE_OAUTH_TOKEN",
    // How long it waits for its own background work; 0 is without end.
    "CLAUDE_CODE_PRINT_BG_WAIT_CEILING_MS",
    "CLAUDE_CODE_SKIP_*",
    "CLAUDE_CODE_USE_*",
    "CLAUDE_CONFIG_DIR",
    "DISABLE_AUTOUPDATER",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_TELEMETRY",
    "IS_SANDBOX",
    "MAX_MCP_OUTPUT_TOKENS",
    "MAX_THINKING_TOKENS",
    "MCP_TIMEOUT",
    "NODE_EXTRA_CA_CERTS",
];

/// Further variables that it gets when its models are in another cloud.
const CLOUDS: [(&str, &[&str]); 3] = [
    ("CLAUDE_CODE_USE_BEDROCK", &["AWS_*"]),
    ("CLAUDE_CODE_USE_FOUNDRY", &["AZURE_*"]),
    ("CLAUDE_CODE_USE_VERTEX", &["CLOUD_ML_REGION", "GOOGLE_*", "GCLOUD_*", "VERTEX_*"]),
];

/// Its own retries would take minutes, also for a key that is refused: ten of them, the
/// last ones 39 s apart. Two bridge a hiccup; the caller decides on more. And it must not
/// replace its own program during a run.
pub(super) const DEFAULTS: [(&str, &str); 2] =
    [("CLAUDE_CODE_MAX_RETRIES", "2"), ("DISABLE_AUTOUPDATER", "1")];

/// Names of the variables that are passed on. `is_on` says which switches are on.
pub(super) fn allowed(is_on: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let clouds = CLOUDS.iter().filter(|(switch, _)| is_on(switch));
    ALLOWED.iter().copied().chain(clouds.flat_map(|(_, names)| names.iter().copied())).collect()
}

/// What it reads beside its arguments.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Files<'a> {
    pub(super) schema: Option<&'a Value>,
    /// A file that defines MCP servers.
    pub(super) servers: Option<&'a Path>,
}

/// The arguments. `new_session` names the session of a first round.
pub(super) fn arguments(
    task: &AgentTask,
    files: Files<'_>,
    new_session: &str,
    options: &CliOptions,
) -> Result<Vec<String>, ProviderError> {
    let mut argv: Vec<String> = [
        "--print",
        "--output-format",
        "stream-json",
        "--verbose",
        // Pieces of text as they come: a long answer is a sign of life.
        "--include-partial-messages",
        // The prompt is one line of JSON, and messages may follow it; each is repeated once
        // the agent has it.
        "--input-format",
        "stream-json",
        "--replay-user-messages",
    ]
    .map(str::to_owned)
    .into();
    let mut flag = |name: &str, value: &str| {
        argv.push(name.to_owned());
        argv.push(value.to_owned());
    };
    // Of several such flags the last one counts.
    flag("--append-system-prompt", &system(task));
    if task.request.session.is_some() && task.request.system.is_some() {
        // Without this, a session keeps the prompt that it began with.
        flag("--system-prompt-snapshot", "off");
    }
    match options.asks {
        // Nobody is there to be asked, so questions are refused.
        AskPolicy::Refuse | AskPolicy::Person => flag("--permission-prompts", "none"),
        AskPolicy::Allow => flag("--permission-prompt-tool", "stdio"),
    }
    if let Some(model) = &task.model {
        flag("--model", plain(NAME, "model", model)?);
    }
    if let Some(effort) = &task.effort {
        flag("--effort", known_effort(NAME, &EFFORTS, effort)?);
    }
    if let Some(agent) = &task.request.agent_type {
        flag("--agent", plain(NAME, "agent type", agent)?);
    }
    match &task.session_id {
        Some(session) => flag("--resume", plain(NAME, "session", session)?),
        None => flag("--session-id", new_session),
    }
    if let Some(schema) = files.schema {
        flag("--json-schema", &schema_text(schema)?);
    }
    argv.extend(input_flags(task, files.servers));
    argv.extend(restriction_flags(task, options)?);
    argv.extend_from_slice(&options.args);
    if let Some(turns) = task.request.max_turns {
        // After the arguments of the settings: the last one counts, and the script's
        // limit wins.
        argv.extend(["--max-turns".to_owned(), turns.to_string()]);
    }
    Ok(argv)
}

/// The schema as one argument.
fn schema_text(schema: &Value) -> Result<String, ProviderError> {
    let text = schema.to_string();
    if text.len() <= SCHEMA_BYTES_MAX {
        return Ok(text);
    }
    let message = format!(
        "the schema is {} bytes, and {SCHEMA_BYTES_MAX} is the most that claude takes",
        text.len()
    );
    Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message))
}

/// Flags for folders and servers.
fn input_flags(task: &AgentTask, servers: Option<&Path>) -> Vec<String> {
    let mut argv = Vec::new();
    let mut flag = |name: &str, value: &str| argv.extend([name, value].map(str::to_owned));
    for dir in &task.dirs {
        flag("--add-dir", &dir.to_string_lossy());
    }
    if let Some(servers) = servers {
        flag("--mcp-config", &servers.to_string_lossy());
    }
    for server in &task.mcp {
        // Its user has named the server. Their own rules that deny or ask override this.
        flag("--allowedTools", &format!("mcp__{}", server.name));
    }
    argv
}

/// Flags that restrict the agent.
fn restriction_flags(task: &AgentTask, options: &CliOptions) -> Result<Vec<String>, ProviderError> {
    let mut argv = Vec::new();
    if let Some(tools) = tools(task)? {
        argv.extend(["--tools".to_owned(), tools]);
        // That list does not restrict tools of servers.
        argv.push("--strict-mcp-config".to_owned());
    }
    match task.permissions {
        Some(Permissions::Write) => {
            let agent = task.request.agent_type.as_deref();
            if !settings::keeps_from_editing(options, &task.cwd, agent) {
                argv.extend(["--permission-mode", "acceptEdits"].map(str::to_owned));
            }
        }
        Some(Permissions::Read) | None => {}
    }
    if !task.request.disallowed_tools.is_empty() {
        // This overrides everything that allows, in every mode.
        argv.push("--disallowedTools".to_owned());
        argv.extend(task.request.disallowed_tools.iter().cloned());
    }
    if !options.subagents {
        // Several such flags add up.
        argv.extend(["--disallowedTools", OTHER_AGENTS].map(str::to_owned));
    }
    Ok(argv)
}

/// The end of its system prompt.
fn system(task: &AgentTask) -> String {
    match &task.request.system {
        Some(text) => format!("{PLACE}\n\n{text}"),
        None => PLACE.to_owned(),
    }
}

/// The built-in tools that it may use; none when nothing restricts them. One list,
/// because several such flags would add up.
fn tools(task: &AgentTask) -> Result<Option<String>, ProviderError> {
    let reads_only = task.permissions == Some(Permissions::Read);
    let Some(tools) = &task.request.tools else {
        return Ok(reads_only.then(|| READING.to_owned()));
    };
    // Claude Code would ignore these, and leave the agent less than was asked for.
    if let Some(tool) = tools.iter().find(|tool| tool.contains('(') || tool.contains("__")) {
        let message = format!(
            "the option `tools` names built-in tools of Claude Code, such as `Read`, and has `{tool}`; servers are given by `mcp`"
        );
        return Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message));
    }
    let may = |tool: &&String| !reads_only || READING.split(',').any(|one| one == tool.as_str());
    let left: Vec<&str> = tools.iter().filter(may).map(String::as_str).collect();
    Ok(Some(left.join(",")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use smol_wf_core::step_request::EarlierSession;

    use super::*;
    use crate::conformance::task;
    use crate::{Image, McpServer, McpTransport};

    const SESSION: &str = "11111111-2222-4333-8444-555555555555";

    /// A user without settings.
    fn options() -> CliOptions {
        CliOptions {
            env: [("CLAUDE_CONFIG_DIR".to_owned(), "/nonexistent".to_owned())].into(),
            args: vec!["--max-turns".into(), "9".into()],
            ..CliOptions::default()
        }
    }

    fn line(task: &AgentTask, schema: Option<&Value>) -> String {
        let files = Files { schema, ..Files::default() };
        arguments(task, files, SESSION, &options()).unwrap().join(" ").replace(PLACE, "PLACE")
    }

    #[test]
    fn a_plain_round_names_its_session_and_asks_nobody() {
        assert_eq!(
            line(&task("--help"), None),
            "--print --output-format stream-json --verbose --include-partial-messages \
             --input-format stream-json --replay-user-messages \
             --append-system-prompt PLACE --permission-prompts none \
             --session-id 11111111-2222-4333-8444-555555555555 \
             --disallowedTools Agent,Workflow,ScheduleWakeup --max-turns 9"
        );
    }

    #[test]
    fn each_option_has_its_flag() {
        let mut wanted = task("p");
        wanted.model = Some("opus".into());
        wanted.effort = Some("high".into());
        wanted.request.agent_type = Some("reviewer".into());
        wanted.session_id = Some("s-1".into());
        wanted.permissions = Some(Permissions::Write);
        let argv = line(&wanted, Some(&serde_json::json!({"type": "object"})));
        for part in [
            "--model opus --effort high --agent reviewer --resume s-1",
            "--json-schema {\"type\":\"object\"}",
            "--permission-mode acceptEdits",
        ] {
            assert!(argv.contains(part), "{part}: {argv}");
        }
        assert!(!argv.contains("--session-id") && !argv.contains("Bash"));
        wanted.request.disallowed_tools = vec!["NotebookEdit".into(), "Bash(git push *)".into()];
        let argv = line(&wanted, None);
        assert!(argv.contains(" --disallowedTools NotebookEdit Bash(git push *) --"), "{argv}");
        wanted.request.disallowed_tools.clear();
        wanted.permissions = Some(Permissions::Read);
        let argv = line(&wanted, None);
        assert!(argv.contains("--tools Read,") && argv.contains("--strict-mcp-config"));
        for writing in ["Bash", " Edit", ",Edit", ",Write", "acceptEdits"] {
            assert!(!argv.contains(writing), "{writing}: {argv}");
        }
    }

    #[test]
    fn each_option_of_a_step_has_its_flag() {
        let mut wanted = task("p");
        wanted.request.system = Some("Be brief.".into());
        wanted.request.max_turns = Some(7);
        wanted.dirs = ["/a b", "/c"].map(Into::into).into();
        wanted.request.tools = Some(["Read", "Bash"].map(str::to_owned).into());
        let argv = line(&wanted, None);
        for part in [
            "--append-system-prompt PLACE\n\nBe brief. --permission-prompts",
            "--add-dir /a b --add-dir /c --tools Read,Bash --strict-mcp-config",
        ] {
            assert!(argv.contains(part), "{part}: {argv}");
        }
        assert!(argv.ends_with(" --max-turns 9 --max-turns 7"), "behind the settings': {argv}");
        wanted.images = vec![Image::of(b"GIF89a".to_vec()).unwrap()];
        let way = McpTransport::Http { url: "http://x/".into(), headers: BTreeMap::new() };
        wanted.mcp = vec![McpServer { name: "git-hub".into(), way }];
        let files = Files { servers: Some(Path::new("/t/mcp.json")), ..Files::default() };
        let argv = arguments(&wanted, files, SESSION, &options()).unwrap().join(" ");
        for part in [
            "--permission-prompts none --session-id",
            "--mcp-config /t/mcp.json --allowedTools mcp__git-hub --tools",
        ] {
            assert!(argv.contains(part), "{part}: {argv}");
        }
        wanted.permissions = Some(Permissions::Read);
        let argv = arguments(&wanted, Files::default(), SESSION, &options()).unwrap();
        let after = |flag: &str| argv.iter().skip_while(|it| *it != flag).nth(1).cloned();
        assert_eq!(after("--tools").as_deref(), Some("Read"));
        assert_eq!(argv.iter().filter(|it| *it == "--tools").count(), 1);
        wanted.request.tools = Some(Vec::new());
        let argv = arguments(&wanted, Files::default(), SESSION, &options()).unwrap();
        assert!(argv.windows(2).any(|two| two == ["--tools", ""]), "{argv:?}");
    }

    #[test]
    fn the_session_of_another_step_takes_a_new_system_prompt() {
        let mut wanted = task("p");
        wanted.session_id = Some("s-1".into());
        wanted.request.system = Some("Be brief.".into());
        assert!(!line(&wanted, None).contains("snapshot"), "a correction says the same");
        wanted.request.session = Some(Box::new(EarlierSession { label: "a".into(), of: None }));
        let argv = line(&wanted, None);
        assert!(argv.contains("--system-prompt-snapshot off"), "{argv}");
    }

    #[test]
    fn values_that_claude_would_ignore_are_refused() {
        let refused = |change: fn(&mut AgentTask)| {
            let mut wanted = task("p");
            change(&mut wanted);
            arguments(&wanted, Files::default(), SESSION, &options()).unwrap_err()
        };
        let error = refused(|task| task.effort = Some("turbo".into()));
        assert_eq!(error.kind, ProviderErrorKind::Unsupported);
        assert!(error.message.contains("low, medium, high, xhigh, max"), "{error}");
        let error = refused(|task| task.model = Some("--settings={}".into()));
        assert_eq!(error.kind, ProviderErrorKind::Model);
        refused(|task| task.request.agent_type = Some("-x".into()));
        for tool in ["Bash(ls)", "mcp__a__b"] {
            let mut wanted = task("p");
            wanted.request.tools = Some(vec![tool.to_owned()]);
            let error = arguments(&wanted, Files::default(), SESSION, &options()).unwrap_err();
            assert!(error.message.contains(tool), "{error}");
        }
        let long = serde_json::json!({"description": "x".repeat(SCHEMA_BYTES_MAX)});
        let files = Files { schema: Some(&long), ..Files::default() };
        let error = arguments(&task("p"), files, SESSION, &options()).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Unsupported);
    }

    #[test]
    fn a_user_s_mode_that_edits_nothing_stays() {
        let own = tempfile::tempdir().unwrap();
        let mut options = options();
        let path = own.path().to_string_lossy().into_owned();
        options.env.insert("CLAUDE_CONFIG_DIR".to_owned(), path);
        let mut wanted = task("p");
        wanted.permissions = Some(Permissions::Write);
        let argv = |options: &CliOptions| {
            arguments(&wanted, Files::default(), SESSION, options).unwrap().join(" ")
        };
        assert!(argv(&options).contains("--permission-mode acceptEdits"));
        let settings = r#"{"permissions":{"defaultMode":"plan"}}"#;
        std::fs::write(own.path().join("settings.json"), settings).unwrap();
        assert!(!argv(&options).contains("--permission-mode"));
    }

    #[test]
    fn its_questions_come_as_lines_if_its_user_allows_them() {
        let options = CliOptions { asks: AskPolicy::Allow, ..options() };
        let argv = arguments(&task("p"), Files::default(), SESSION, &options).unwrap().join(" ");
        assert!(argv.contains("--permission-prompt-tool stdio --session-id"), "{argv}");
        assert!(!argv.contains("--permission-prompts"), "{argv}");
    }

    #[test]
    fn only_the_user_gives_the_tools_for_other_agents_back() {
        let options = CliOptions { subagents: true, ..options() };
        let argv = arguments(&task("p"), Files::default(), SESSION, &options).unwrap().join(" ");
        assert!(!argv.contains("--disallowedTools"), "{argv}");
    }

    #[test]
    fn a_cloud_s_keys_are_passed_on_only_when_it_is_used() {
        assert!(!allowed(|_| false).contains(&"AWS_*"));
        assert!(allowed(|name| name == "CLAUDE_CODE_USE_BEDROCK").contains(&"AWS_*"));
        assert!(!allowed(|_| true).contains(&"CLAUDECODE"));
    }
}
