//! The command line and the environment of one round with Codex.
//!
//! Owns: which flag stands for which option. Never: an argument with a secret or the
//! prompt in it.

use std::path::{Path, PathBuf};

use smol_wf_core::step_request::Permissions;

use super::NAME;
use super::config::Sandbox;
use crate::cli_agent::{known_effort, plain};
use crate::{AgentTask, ProviderError, ProviderErrorKind};

/// Efforts that its models know. Codex itself passes any word on to the service.
const EFFORTS: [&str; 8] = ["none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"];

/// Variables of this program that it gets. A model provider that the user has added reads
/// its key from a variable that the user has named (`env_key`), and has to allow.
pub(super) const ALLOWED: [&str; 2] = ["CODEX_*", "OPENAI_*"];

/// Longest setting: it is in one argument, of which Linux takes 128 KiB.
const SETTING_BYTES_MAX: usize = 120 * 1024;

/// What the arguments refer to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StepInputs<'a> {
    /// A file with the schema of the answer.
    pub(super) schema: Option<&'a Path>,
    /// The developer's instructions.
    pub(super) instructions: Option<&'a str>,
    /// Paths of image files.
    pub(super) images: &'a [&'a Path],
    /// Settings that define MCP servers.
    pub(super) servers: &'a [String],
}

/// The arguments.
pub(super) fn arguments(
    task: &AgentTask,
    inputs: StepInputs<'_>,
    chosen: Sandbox,
    extra: &[String],
) -> Result<Vec<String>, ProviderError> {
    let mut argv: Vec<String> = vec!["exec".to_owned()];
    // `resume` has no such flag, and the setting for it would replace the user's.
    for dir in added(task, &chosen)? {
        argv.extend(["--add-dir".to_owned(), dir.to_string_lossy().into_owned()]);
    }
    if task.session_id.is_some() {
        argv.push("resume".to_owned());
    }
    for image in inputs.images {
        argv.extend(["--image".to_owned(), image.to_string_lossy().into_owned()]);
    }
    // Any folder is accepted, as by the other agents.
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
    // As a setting, because `resume` has no flag for it. `exec` knows by itself that
    // nobody can be asked.
    if let Some(mode) = sandbox_mode(task.permissions, chosen)? {
        flag("-c", &format!("sandbox_mode=\"{mode}\""));
    }
    if let Some(schema) = inputs.schema {
        flag("--output-schema", &schema.to_string_lossy());
    }
    argv.extend_from_slice(extra);
    argv.extend(inputs.servers.iter().flat_map(|one| ["-c".to_owned(), one.clone()]));
    if let Some(text) = inputs.instructions {
        // After the user's arguments, because the last one counts. Their instructions are
        // part of these.
        let setting = format!("developer_instructions={}", quoted(text));
        if setting.len() > SETTING_BYTES_MAX {
            let message = format!(
                "the option `system`, with the developer instructions of Codex's own configuration, takes {} bytes, and {SETTING_BYTES_MAX} is the most",
                setting.len()
            );
            return Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message));
        }
        argv.extend(["-c".to_owned(), setting]);
    }
    if let Some(session) = &task.session_id {
        argv.push(plain(NAME, "session", session)?.to_owned());
    }
    // The prompt is on stdin.
    argv.push("-".to_owned());
    Ok(argv)
}

/// A text as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for one in text.chars() {
        match one {
            '"' | '\\' => quoted.extend(['\\', one]),
            one if one.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(one))),
            one => quoted.push(one),
        }
    }
    quoted.push('"');
    quoted
}

/// The folders to add to those that it may write in. Without permission to write it may
/// read them like everything else.
fn added<'t>(task: &'t AgentTask, chosen: &Sandbox) -> Result<&'t [PathBuf], ProviderError> {
    let why = match chosen {
        Sandbox::Free | Sandbox::ReadOnly => return Ok(&task.dirs),
        _ if task.dirs.is_empty() => return Ok(&[]),
        Sandbox::Profile => "chooses a profile of permissions (`default_permissions`)".to_owned(),
        Sandbox::Unknown(why) => format!("cannot be understood ({why})"),
    };
    let message = format!(
        "the configuration of Codex {why}, which the option `dirs` might widen; name the folders there, or leave `dirs` out"
    );
    Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message))
}

/// The sandbox mode, unless it would widen what the user has chosen.
fn sandbox_mode(
    permissions: Option<Permissions>,
    chosen: Sandbox,
) -> Result<Option<&'static str>, ProviderError> {
    match (permissions, chosen) {
        (Some(Permissions::Read), Sandbox::Profile) => {
            let message = "the configuration of Codex chooses a profile of permissions \
                (`default_permissions`), which `permissions: 'read'` would replace; leave \
                `permissions` out, or choose a profile that only reads there";
            Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message.to_owned()))
        }
        // It may be a profile.
        (Some(Permissions::Read), Sandbox::Unknown(why)) => {
            let message = format!(
                "the configuration of Codex cannot be understood, so that \
                `permissions: 'read'` might widen it: {why}; mend it, or leave `permissions` out"
            );
            Err(ProviderError::new(NAME, ProviderErrorKind::Unsupported, message))
        }
        (Some(Permissions::Read), _) => Ok(Some("read-only")),
        (Some(Permissions::Write), Sandbox::Free) => Ok(Some("workspace-write")),
        (Some(Permissions::Write), _) | (None, _) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::task;

    fn line(task: &AgentTask, schema: Option<&Path>) -> String {
        let inputs = StepInputs { schema, ..StepInputs::default() };
        arguments(task, inputs, Sandbox::Free, &["--ephemeral".into()]).unwrap().join(" ")
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
             -c sandbox_mode=\"workspace-write\" --output-schema /t/schema.json --ephemeral";
        assert_eq!(line(&wanted, Some(schema)), format!("exec {options} -"));
        wanted.session_id = Some("id".into());
        assert_eq!(line(&wanted, Some(schema)), format!("exec resume {options} id -"));
        wanted.permissions = Some(Permissions::Read);
        assert!(line(&wanted, None).contains("sandbox_mode=\"read-only\""));
    }

    #[test]
    fn the_options_of_a_step_are_passed_on() {
        let mut wanted = task("p");
        wanted.dirs = ["/a b", "/c"].map(Into::into).into();
        wanted.session_id = Some("id".into());
        let extra = ["-c".to_owned(), "developer_instructions=\"x\"".to_owned()];
        let inputs = StepInputs {
            instructions: Some("Be \"brief\".\n\\"),
            images: &[Path::new("/t/i.png")],
            servers: &["mcp_servers.a.required=true".to_owned()],
            ..StepInputs::default()
        };
        let argv = arguments(&wanted, inputs, Sandbox::Free, &extra).unwrap();
        let begin =
            ["exec", "--add-dir", "/a b", "--add-dir", "/c", "resume", "--image", "/t/i.png"];
        assert_eq!(argv[..8], begin);
        assert!(argv.windows(2).any(|two| two == ["-c", "mcp_servers.a.required=true"]));
        let instructions = r#"developer_instructions="Be \"brief\".\u000A\\""#;
        assert_eq!(argv[argv.len() - 4..], ["-c", instructions, "id", "-"]);
        let long = "\u{1}".repeat(32 * 1024);
        let inputs = StepInputs { instructions: Some(&long), ..StepInputs::default() };
        let refused = arguments(&wanted, inputs, Sandbox::Free, &[]).unwrap_err();
        assert_eq!(refused.kind, ProviderErrorKind::Unsupported);
        for chosen in [Sandbox::Profile, Sandbox::Unknown("why".into())] {
            let refused = arguments(&wanted, StepInputs::default(), chosen, &[]).unwrap_err();
            assert!(refused.message.contains("leave `dirs` out"), "{refused}");
        }
    }

    #[test]
    fn the_user_s_choice_is_never_widened() {
        let mode = |permissions, chosen| sandbox_mode(Some(permissions), chosen);
        assert_eq!(mode(Permissions::Write, Sandbox::ReadOnly), Ok(None));
        assert_eq!(mode(Permissions::Write, Sandbox::Profile), Ok(None));
        assert_eq!(mode(Permissions::Write, Sandbox::Unknown("why".into())), Ok(None));
        assert_eq!(mode(Permissions::Read, Sandbox::ReadOnly), Ok(Some("read-only")));
        let refused = mode(Permissions::Read, Sandbox::Profile).unwrap_err();
        assert_eq!(refused.kind, ProviderErrorKind::Unsupported);
        let refused = mode(Permissions::Read, Sandbox::Unknown("why".into())).unwrap_err();
        assert!(refused.message.contains("widen it: why; mend it"), "{refused}");
        assert_eq!(sandbox_mode(None, Sandbox::Profile), Ok(None));
    }

    #[test]
    fn values_that_codex_would_pass_on_unread_are_refused() {
        let mut wanted = task("p");
        wanted.effort = Some("turbo".into());
        let error = arguments(&wanted, StepInputs::default(), Sandbox::Free, &[]).unwrap_err();
        assert_eq!(error.kind, ProviderErrorKind::Unsupported);
        assert!(error.message.contains("turbo") && error.message.contains("xhigh"), "{error}");
        wanted.effort = Some("high\"\nsandbox_mode=\"danger-full-access".into());
        arguments(&wanted, StepInputs::default(), Sandbox::Free, &[]).unwrap_err();
        wanted.effort = None;
        wanted.session_id = Some("--last".into());
        arguments(&wanted, StepInputs::default(), Sandbox::Free, &[]).unwrap_err();
    }
}
