//! The command line and the environment of one round with Codex.
//!
//! Owns: which flag stands for which option. Never: a secret or the prompt.

use std::path::Path;

use smol_wf_core::call::Permissions;

use super::NAME;
use crate::drive::{known_effort, plain};
use crate::{AgentTask, ProviderError};

/// What its models know; Codex itself hands any word on to the service.
const EFFORTS: [&str; 8] = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// What it may see of this program's environment. A model provider of the
/// user's own reads its key from a variable of the user's own naming (`env_key`):
/// that one is for the user to allow.
pub(super) const ALLOWED: [&str; 2] = ["CODEX_*", "OPENAI_*"];

/// The arguments. `schema` is a file that holds the schema of the answer.
pub(super) fn arguments(
    task: &AgentTask,
    schema: Option<&Path>,
    extra: &[String],
) -> Result<Vec<String>, ProviderError> {
    let mut argv: Vec<String> = vec!["exec".to_owned()];
    if task.session_id.is_some() {
        argv.push("resume".to_owned());
    }
    // Any folder will do, as for the other agents.
    argv.extend(["--json", "--skip-git-repo-check"].map(str::to_owned));
    let mut flag = |name: &str, value: &str| {
        argv.push(name.to_owned());
        argv.push(value.to_owned());
    };
    if let Some(model) = &task.model {
        flag("--model", plain(NAME, "model", model)?);
    }
    if let Some(effort) = &task.effort {
        let effort = known_effort(NAME, &EFFORTS, effort)?;
        flag("-c", &format!("model_reasoning_effort=\"{effort}\""));
    }
    // As a setting, because `resume` has no flag for it.
    if let Some(permissions) = task.permissions {
        let sandbox = match permissions {
            Permissions::Read => "read-only",
            Permissions::Write => "workspace-write",
        };
        flag("-c", &format!("sandbox_mode=\"{sandbox}\""));
        // Nobody is there to be asked.
        flag("-c", "approval_policy=\"never\"");
    }
    if let Some(schema) = schema {
        flag("--output-schema", &schema.to_string_lossy());
    }
    argv.extend_from_slice(extra);
    if let Some(session) = &task.session_id {
        argv.push(plain(NAME, "session", session)?.to_owned());
    }
    // The prompt is on stdin.
    argv.push("-".to_owned());
    Ok(argv)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProviderErrorKind;
    use crate::conformance::task;

    fn line(task: &AgentTask, schema: Option<&Path>) -> String {
        arguments(task, schema, &["--ephemeral".into()]).unwrap().join(" ")
    }

    #[test]
    fn a_plain_round_reads_its_prompt_from_stdin() {
        assert_eq!(line(&task("-x"), None), "exec --json --skip-git-repo-check --ephemeral -");
    }

    #[test]
    fn each_option_has_its_flag_and_resume_keeps_them() {
        let mut wanted = task("p");
        wanted.model = Some("gpt".into());
        wanted.effort = Some("high".into());
        wanted.permissions = Some(Permissions::Write);
        let schema = Path::new("/t/schema.json");
        let options = "--json --skip-git-repo-check --model gpt -c model_reasoning_effort=\"high\" \
             -c sandbox_mode=\"workspace-write\" -c approval_policy=\"never\" \
             --output-schema /t/schema.json --ephemeral";
        assert_eq!(line(&wanted, Some(schema)), format!("exec {options} -"));
        wanted.session_id = Some("id".into());
        assert_eq!(line(&wanted, Some(schema)), format!("exec resume {options} id -"));
        wanted.permissions = Some(Permissions::Read);
        assert!(line(&wanted, None).contains("sandbox_mode=\"read-only\""));
    }

    #[test]
    fn what_codex_would_hand_on_unread_is_refused() {
        let mut wanted = task("p");
        wanted.effort = Some("turbo".into());
        let error = arguments(&wanted, None, &[]).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Unsupported);
        assert!(error.message.contains("turbo") && error.message.contains("xhigh"), "{error}");
        wanted.effort = Some("high\"\nsandbox_mode=\"danger-full-access".into());
        arguments(&wanted, None, &[]).unwrap_err();
        wanted.effort = None;
        wanted.session_id = Some("--last".into());
        arguments(&wanted, None, &[]).unwrap_err();
    }
}
