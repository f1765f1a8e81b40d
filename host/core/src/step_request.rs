//! The requests of `agent()` and `workflow()`.
//!
//! Owns: their fields, and reading `workflow()`'s target from hostile JSON text;
//! [`crate::options`] reads the options of `agent()`. Never: chooses a provider or opens
//! a file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes::Code;
use crate::cut;
use crate::ids::StepId;
use crate::outcome::Failure;
pub use crate::reply::{AnswerSource, Reply, Usage};
use crate::schema::StepSchema;
use crate::settlement::OnFailure;

/// The request of an agent step, as journaled: with the defaults of its phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRequest {
    /// The prompt of the agent.
    pub prompt: String,
    /// Its label, for people; not part of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The phase it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// JSON Schema that the answer must satisfy, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<StepSchema>,
    /// Model id, selector or alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Provider by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider of its phase, if the model's selector has a `provider=` that may be a
    /// vendor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_provider: Option<String>,
    /// Reasoning effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Kind of agent, such as a Claude Code subagent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// `worktree`, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// What the agent may do to files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Wall-clock time of one attempt, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// When to try again; not part of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest silence of one attempt, in milliseconds; 0 for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_ms: Option<u64>,
    /// What is delivered when the agent fails; not part of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Tells it apart from steps that are equal otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tools that the agent may not use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disallowed_tools: Vec<String>,
    /// The only built-in tools that it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The only shell commands that it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bash_command_clamp: Option<Vec<String>>,
    /// Text for the end of the agent's system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Further folders in which the agent may work, as the script wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dirs: Vec<String>,
    /// Most turns of the agent: answers of its model, tools between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// Paths of images for the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// MCP servers that the agent may use, by their names in the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp: Vec<String>,
    /// The session that it continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Box<EarlierSession>>,
    /// Names of options that this version does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Why other options were ignored, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// The session of an earlier step, by the label of that step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierSession {
    /// The label.
    pub label: String,
    /// The session; none until the label is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<NamedSession>,
}

impl EarlierSession {
    /// Its part of the content: the session itself, without the label and the step.
    pub(crate) fn content(&self) -> String {
        match &self.of {
            Some(of) => format!("{} {}", of.provider, of.session_id),
            None => self.label.clone(),
        }
    }
}

/// A session that a provider has named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSession {
    /// The step that used it last.
    #[serde(rename = "call")]
    pub step: StepId,
    /// Provider of the session.
    pub provider: String,
    /// The provider's own name of it.
    pub session_id: String,
    /// Tokens that steps of this run have used in it so far. An agent that reports the
    /// usage of a whole session includes them again.
    #[serde(default, skip_serializing_if = "Usage::is_none")]
    pub used: Usage,
}

/// Defaults of a run for options that steps leave open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDefaults {
    /// Model id, selector or alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Reasoning effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// What agents may do to files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// What scripts are given when an agent fails; none leaves it to the dialect of the
    /// script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Whether the models of `meta.phases` also apply in a body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phase_models: bool,
}

impl StepDefaults {
    /// Whether no default is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an agent may do to files. A provider that cannot enforce it refuses the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    /// Reads only.
    Read,
    /// Reads, and writes below its working directory.
    Write,
}

impl Permissions {
    /// The word of scripts and flags.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// How often a step is tried again when its agent failed for a temporary reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Most attempts, including the first.
    pub max_attempts: u32,
    /// Wait before the second attempt, in milliseconds; it doubles with each attempt.
    pub backoff_ms: u64,
}

impl AgentRequest {
    /// A request without options.
    #[must_use]
    pub fn plain(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            label: None,
            phase: None,
            schema: None,
            model: None,
            provider: None,
            phase_provider: None,
            effort: None,
            agent_type: None,
            isolation: None,
            permissions: None,
            timeout_ms: None,
            retry: None,
            stall_ms: None,
            on_failure: None,
            key: None,
            disallowed_tools: Vec::new(),
            tools: None,
            bash_command_clamp: None,
            system: None,
            dirs: Vec::new(),
            max_turns: None,
            images: Vec::new(),
            mcp: Vec::new(),
            session: None,
            unknown: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// The step whose session it continues, once the label is resolved.
    #[must_use]
    pub fn continues(&self) -> Option<StepId> {
        self.session.as_ref()?.of.as_ref().map(|of| of.step)
    }

    /// Its label, or else the start of the prompt.
    #[must_use]
    pub fn title(&self) -> String {
        const TITLE_CHARS: usize = 48;
        if let Some(label) = &self.label {
            return label.clone();
        }
        let line = self.prompt.trim().lines().next().unwrap_or_default();
        cut::to_chars(line, TITLE_CHARS)
    }
}

pub(crate) fn refuse(message: impl Into<String>) -> Failure {
    Failure::new(Code::CallInvalid, message)
}

/// The workflow that `workflow()` starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowTarget {
    /// By name, from the workflow folders.
    Name(String),
    /// By path, relative to the calling script.
    Path(String),
}

impl WorkflowTarget {
    /// Reads the first argument of `workflow()` from JSON text.
    ///
    /// # Errors
    /// A refusal when it is neither a name nor `{scriptPath}`.
    pub fn read(text: &str) -> Result<Self, Failure> {
        const TARGET_BYTES_MAX: usize = 8 * 1024;
        let wrong = || refuse("workflow() needs the name of a workflow or {scriptPath: \"…\"}");
        if text.len() > TARGET_BYTES_MAX {
            return Err(wrong());
        }
        match serde_json::from_str(text) {
            Ok(Value::String(name)) if !name.is_empty() => Ok(Self::Name(name)),
            Ok(Value::Object(mut fields)) => {
                match (fields.remove("scriptPath"), fields.remove("name")) {
                    (Some(Value::String(path)), _) if !path.is_empty() => Ok(Self::Path(path)),
                    (None, Some(Value::String(name))) if !name.is_empty() => Ok(Self::Name(name)),
                    _ => Err(wrong()),
                }
            }
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for WorkflowTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(text) | Self::Path(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_given_by_name_or_path() {
        assert_eq!(WorkflowTarget::read("\"a\""), Ok(WorkflowTarget::Name("a".into())));
        let path = r#"{"scriptPath":"./b.mjs"}"#;
        assert_eq!(WorkflowTarget::read(path), Ok(WorkflowTarget::Path("./b.mjs".into())));
        for wrong in ["1", "{}", "\"\"", "{\"scriptPath\":1}", "nonsense"] {
            assert!(WorkflowTarget::read(wrong).is_err(), "{wrong}");
        }
    }
}
