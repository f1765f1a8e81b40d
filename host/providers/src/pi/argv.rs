//! The command line and the environment of one round with pi.
//!
//! Owns: which flag stands for which option. Never: an argument with a secret or the
//! prompt in it.

use std::path::Path;

use smol_wf_core::step_request::Permissions;

use super::NAME;
use super::extension::TOOL;
use crate::cli_agent::{known_effort, plain};
use crate::step_inputs::{no_tool, own_names};
use crate::{AgentTask, ProviderError, ProviderErrorKind};

/// The values of `--thinking`. pi ignores others with a warning.
const EFFORTS: [&str; 7] = ["off", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The tools that change nothing.
const READING: [&str; 4] = ["read", "grep", "find", "ls"];

/// Its tools by the names that scripts write.
const TOOLS: [(&str, &str); 7] = [
    ("Bash", "bash"),
    ("Edit", "edit"),
    ("Glob", "find"),
    ("Grep", "grep"),
    ("LS", "ls"),
    ("Read", "read"),
    ("Write", "write"),
];

/// Variables of this program that it gets: its own, and the keys of the vendors whose
/// models it knows.
pub(super) const ALLOWED: [&str; 38] = [
    "AI_GATEWAY_API_KEY",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_OAUTH_TOKEN",
    "ANT_LING_API_KEY",
    "AZURE_OPENAI_*",
    "BASETEN_API_KEY",
    "CEREBRAS_API_KEY",
    "CLOUDFLARE_ACCOUNT_ID",
    "CLOUDFLARE_API_KEY",
    "CLOUDFLARE_GATEWAY_ID",
    "DEEPSEEK_API_KEY",
    "FIREWORKS_API_KEY",
    "GEMINI_API_KEY",
    "GROQ_API_KEY",
    "HF_TOKEN",
    "KIMI_API_KEY",
    "META_API_KEY",
    "MINIMAX_API_KEY",
    "MISTRAL_API_KEY",
    "MOONSHOT_API_KEY",
    "NODE_EXTRA_CA_CERTS",
    "NVIDIA_API_KEY",
    "OPENAI_API_KEY",
    "OPENCODE_API_KEY",
    "OPENROUTER_API_KEY",
    "PI_CACHE_RETENTION",
    "PI_CODING_AGENT_DIR",
    "PI_CODING_AGENT_SESSION_DIR",
    "PI_OFFLINE",
    "PI_PACKAGE_DIR",
    "PI_SKIP_VERSION_CHECK",
    "PI_TELEMETRY",
    "QWEN_TOKEN_PLAN_*",
    "TOGETHER_API_KEY",
    "XAI_API_KEY",
    "XIAOMI_*",
    "ZAI_*",
];

/// A run does not look for a newer version.
pub(super) const DEFAULTS: [(&str, &str); 1] = [("PI_SKIP_VERSION_CHECK", "1")];

/// The arguments. `extension` is a file with the step's tool for answers and its system
/// text; `new_session` names the session of a first round.
pub(super) fn arguments(
    task: &AgentTask,
    extension: Option<&Path>,
    new_session: &str,
    extra: &[String],
) -> Result<Vec<String>, ProviderError> {
    let mut argv: Vec<String> = ["--mode", "rpc"].map(str::to_owned).into();
    let mut flag = |name: &str, value: &str| {
        argv.push(name.to_owned());
        argv.push(value.to_owned());
    };
    if let Some(model) = &task.model {
        flag("--model", plain(NAME, "model", model)?);
    }
    if let Some(effort) = &task.effort {
        flag("--thinking", known_effort(NAME, &EFFORTS, effort)?);
    }
    match &task.session_id {
        // Only an existing one; `--session-id` would silently begin a new one.
        Some(session) => flag("--session", plain(NAME, "session", session)?),
        None => flag("--session-id", new_session),
    }
    if let Some(extension) = extension {
        flag("--extension", &extension.to_string_lossy());
    }
    if let Some(tools) = tools(task)? {
        flag("--tools", &tools);
        // That list leaves out the tools of the user's extensions. Their hooks stay: they
        // may keep the agent from reading what the user protects. Tools of servers are
        // not subject to the list.
        argv.push("--no-mcp".to_owned());
    }
    argv.extend_from_slice(extra);
    Ok(argv)
}

/// The tools that it may use; none when nothing restricts them.
fn tools(task: &AgentTask) -> Result<Option<String>, ProviderError> {
    let reads_only = task.permissions == Some(Permissions::Read);
    let mut left = match &task.request.tools {
        None if reads_only => READING.to_vec(),
        None => return Ok(None),
        Some(tools) => own_names(tools, &TOOLS).map_err(|tool| {
            let message = no_tool(NAME, tool, &TOOLS);
            ProviderError::new(NAME, ProviderErrorKind::Unsupported, message)
        })?,
    };
    left.retain(|tool| !reads_only || READING.contains(tool));
    if task.request.schema.is_some() {
        left.push(TOOL);
    }
    Ok(Some(left.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::task;

    fn line(task: &AgentTask, extension: Option<&Path>) -> String {
        arguments(task, extension, "new", &["--no-skills".into()]).unwrap().join(" ")
    }

    #[test]
    fn a_plain_round_names_its_session() {
        assert_eq!(line(&task("@file"), None), "--mode rpc --session-id new --no-skills");
    }

    #[test]
    fn each_option_has_its_flag() {
        let mut wanted = task("p");
        wanted.model = Some("mock/m".into());
        wanted.effort = Some("xhigh".into());
        wanted.session_id = Some("old".into());
        let argv = line(&wanted, Some(Path::new("/t/answer.mjs")));
        assert!(argv.contains("--model mock/m --thinking xhigh --session old"), "{argv}");
        assert!(argv.contains("--extension /t/answer.mjs") && !argv.contains("--tools"));
        wanted.permissions = Some(Permissions::Write);
        assert!(!line(&wanted, None).contains("--tools"));
        wanted.permissions = Some(Permissions::Read);
        let argv = line(&wanted, None);
        assert!(argv.contains("--tools read,grep,find,ls --no-mcp"), "{argv}");
        wanted.request.schema = Some("{}".into());
        let argv = line(&wanted, Some(Path::new("/t/answer.mjs")));
        assert!(argv.contains("ls,structured_output --no-mcp"), "{argv}");
        assert!(!argv.contains("--no-extensions"), "a hook may refuse what a tool would do");
    }

    #[test]
    fn a_step_has_no_tools_but_its_own() {
        let mut wanted = task("p");
        let mut tools = |names: &[&str], permissions| {
            wanted.request.tools = Some(names.iter().map(|&name| name.to_owned()).collect());
            wanted.permissions = permissions;
            arguments(&wanted, None, "new", &[]).map(|argv| argv.join(" "))
        };
        let argv = tools(&["Read", "Bash", "Glob"], None).unwrap();
        assert!(argv.ends_with("--tools read,bash,find --no-mcp"), "{argv}");
        let argv = tools(&["Read", "Bash"], Some(Permissions::Read)).unwrap();
        assert!(argv.ends_with("--tools read --no-mcp"), "{argv}");
        assert!(tools(&[], None).unwrap().ends_with("--tools  --no-mcp"));
        for name in ["WebFetch", "Bash(ls)", "mcp__a__b"] {
            let refused = tools(&[name], None).unwrap_err();
            assert_eq!(refused.kind, ProviderErrorKind::Unsupported);
            assert!(refused.message.contains(name), "{refused}");
        }
    }

    #[test]
    fn values_that_pi_would_ignore_are_refused() {
        let mut wanted = task("p");
        wanted.effort = Some("turbo".into());
        let error = arguments(&wanted, None, "new", &[]).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Unsupported);
        wanted.effort = None;
        wanted.model = Some("--no-tools".into());
        arguments(&wanted, None, "new", &[]).unwrap_err();
    }
}
