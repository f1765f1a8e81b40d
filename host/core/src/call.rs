//! What a script asks for: one agent, one child workflow.
//!
//! Owns: what a call is, and reading `workflow()`'s target from hostile JSON
//! text; [`crate::options`] reads `agent()`'s. Never: chooses a provider or opens
//! a file.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::asked::Asked;
use crate::codes::Code;
use crate::guest::Failure;
use crate::ids::{CallId, RunId};
use crate::limits::PROMPT_BYTES_MAX;
use crate::options::{self, Manner};
use crate::settlement::OnFailure;
use crate::worktree::Worktree;

/// One `agent()` call, as it is journaled: phase defaults are applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentRequest {
    /// What the agent is told.
    pub prompt: String,
    /// For people only; never part of what a call is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The phase it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// JSON Schema that the answer must satisfy, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Model id, selector or alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Provider by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider of its phase, where the model names one that may be a vendor.
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
    /// How often to try again; never part of what a call is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Longest silence of one attempt, in milliseconds; 0 for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_ms: Option<u64>,
    /// What the script is given when its agent fails; never part of what a call
    /// is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Tells it apart from calls that are equal otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Tools that the agent may not use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disallowed_tools: Vec<String>,
    /// The only tools that it may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The only shell commands that it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bash_command_clamp: Option<Vec<String>>,
    /// Text for the end of the agent's system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// More folders that the agent may work in, as the script wrote them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dirs: Vec<String>,
    /// Most turns of the agent: answers of its model, tools between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_turns: Option<u32>,
    /// Images that the agent is shown, as paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// MCP servers that the agent may use, by their names in the settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp: Vec<String>,
    /// Names of options that this version does not know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Why other options were ignored, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// What a run gives to calls that do not say it themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDefaults {
    /// Model id, selector or alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Reasoning effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// What agents may do to files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// What scripts are given when an agent fails; none leaves it to the dialect
    /// of the script that calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Whether the models of `meta.phases` hold for the calls of a body, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub phase_models: bool,
}

impl CallDefaults {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an agent may do to files. A provider that cannot hold its agent to it
/// refuses the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    /// Reads only.
    Read,
    /// Reads, and writes below its working directory.
    Write,
}

impl Permissions {
    /// As scripts and flags write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// How often a call is tried again when its agent failed for a reason that may
/// pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Attempts in all, the first among them.
    pub max_attempts: u32,
    /// Wait before the second attempt, in milliseconds; doubles with each.
    pub backoff_ms: u64,
}

impl AgentRequest {
    /// A call without options.
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
            unknown: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// Reads what the guest handed over.
    ///
    /// # Errors
    /// A refusal of this call, with the option it is about.
    pub fn read(prompt: String, options: &str, manner: Manner) -> Result<Self, Failure> {
        Self::read_again(prompt, options, manner, None)
    }

    /// As [`Self::read`], when this is the call that was recorded so: its schema was
    /// taken, whatever would be said of it today, and what it ignored is ignored.
    pub(crate) fn read_again(
        prompt: String,
        options: &str,
        manner: Manner,
        taken: Option<&Self>,
    ) -> Result<Self, Failure> {
        if prompt.is_empty() {
            return Err(refuse("agent() needs a prompt that is not empty"));
        }
        if prompt.len() > PROMPT_BYTES_MAX {
            return Err(Failure::new(
                Code::CallTooLarge,
                format!(
                    "the prompt of agent() is {} bytes, and {PROMPT_BYTES_MAX} is the most",
                    prompt.len()
                ),
            ));
        }
        let mut request = Self::plain(prompt);
        options::read(&mut request, options, manner, taken)?;
        Ok(request)
    }

    /// What a person calls it: the label, else the start of the prompt.
    #[must_use]
    pub fn title(&self) -> String {
        const TITLE_CHARS: usize = 48;
        if let Some(label) = &self.label {
            return label.clone();
        }
        let line = self.prompt.trim().lines().next().unwrap_or_default();
        if line.chars().count() <= TITLE_CHARS {
            return line.to_owned();
        }
        line.chars().take(TITLE_CHARS - 1).chain(['…']).collect()
    }
}

pub(crate) fn refuse(message: impl Into<String>) -> Failure {
    Failure::new(Code::CallInvalid, message)
}

/// What a JSON value is, in words.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whom `workflow()` calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowTarget {
    /// By name, from the workflow folders.
    Name(String),
    /// By path, relative to the calling script.
    Path(String),
}

impl WorkflowTarget {
    /// Reads what the guest handed over.
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

/// Tokens of one call or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Of the tokens read, those that came out of the model's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_read_tokens: u64,
    /// Of the tokens read, those that went into the model's cache.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cache_write_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
    }
}

/// What is known of how an agent call was answered, apart from the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// Who answered.
    pub provider: String,
    /// With which model, when the provider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's own session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Tokens of all attempts together.
    pub usage: Usage,
    /// Dollars of all attempts together, when they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Who says so: `provider`, or `prices:` and the version of a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_source: Option<String>,
    /// It answered, and did not say what tokens that took.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unmetered: bool,
    /// How often the provider was asked: 2 after a correction round.
    pub rounds: u32,
    /// How often the call was tried: 1 when the first attempt was answered. 0 in
    /// journals that do not say.
    #[serde(default, skip_serializing_if = "is_no_count")]
    pub attempts: u32,
    /// From dispatch to answer, in milliseconds.
    pub duration_ms: u64,
    /// What it left behind in a worktree of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<Worktree>>,
    /// Bytes of its answer that were not UTF-8, and are U+FFFD in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replaced_bytes: u64,
    /// What its agent asked leave for, and was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Asked>,
    /// The call that was answered so before, when nobody was asked this time:
    /// then tokens and dollars are those that were saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<Reused>,
}

impl Reply {
    /// Whether it cost something, and nobody knows how much.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.cost_usd.is_none() && (self.unmetered || self.usage.total() > 0)
    }
}

/// Where an answer comes from that was not asked for again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reused {
    /// The run that the call was made in.
    pub run: RunId,
    /// The call.
    pub call: CallId,
    /// Someone wrote the answer in place of the call's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_no_count(number: &u32) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_unknown_ones_are_kept_by_name() {
        let options = r#"{"label":"l","model":"m","agentType":"x","color":"red","phase":null}"#;
        let request = AgentRequest::read("p".into(), options, Manner::Module).unwrap();
        assert_eq!(request.label.as_deref(), Some("l"));
        assert_eq!(request.model.as_deref(), Some("m"));
        assert_eq!(request.agent_type.as_deref(), Some("x"));
        assert_eq!(request.phase, None);
        assert_eq!(request.unknown, ["color"]);
    }

    #[test]
    fn what_is_no_call_is_refused_with_a_code() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
        for (prompt, options) in
            [("", "{}"), ("p", "[]"), ("p", "{\"label\":1}"), ("p", "{"), ("p", deep.as_str())]
        {
            let refused = AgentRequest::read(prompt.into(), options, Manner::Module).unwrap_err();
            assert_eq!(refused.code, Code::CallInvalid, "{options:.40}");
        }
        let long = "x".repeat(PROMPT_BYTES_MAX + 1);
        let refused = AgentRequest::read(long, "{}", Manner::Body).unwrap_err();
        assert_eq!(refused.code, Code::CallTooLarge);
    }

    #[test]
    fn a_workflow_is_named_or_pointed_at() {
        assert_eq!(WorkflowTarget::read("\"a\""), Ok(WorkflowTarget::Name("a".into())));
        let path = r#"{"scriptPath":"./b.mjs"}"#;
        assert_eq!(WorkflowTarget::read(path), Ok(WorkflowTarget::Path("./b.mjs".into())));
        for wrong in ["1", "{}", "\"\"", "{\"scriptPath\":1}", "nonsense"] {
            assert!(WorkflowTarget::read(wrong).is_err(), "{wrong}");
        }
    }
}
