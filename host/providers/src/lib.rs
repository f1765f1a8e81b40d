//! One prompt to one reply, by driving an agent.
//!
//! Owns: the contract of a provider ([`Provider`]), its errors ([`ProviderError`]), and the
//! providers by name ([`Registry`]). Never: retries, keeps a budget, or says whether an
//! answer satisfies its schema; the engine and the core do.

// For the library alone: tests, benchmarks and examples are crates of their own.
#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_used
)]

pub mod acp;
mod agent_schema;
mod alias;
mod cause;
pub mod claude_code;
mod cli_agent;
pub mod codex;
pub mod command;
mod configured_program;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod debug;
mod error;
#[cfg(test)]
mod fake;
mod foreign;
mod hinting;
mod masking;
mod messages;
pub mod opencode;
pub mod owner;
pub mod parsers;
mod permission;
pub mod pi;
mod presence;
mod process;
mod scratch;
mod step_inputs;
#[cfg(test)]
mod transcripts;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::gate::PermissionAsk;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::step_request::{AgentRequest, Permissions, Usage};

pub use alias::ProviderAlias;
pub use cli_agent::CliOptions;
pub use configured_program::ConfiguredProgram;
pub use error::{MissingProgram, ProviderError, ProviderErrorKind, RoundSpend};
pub use hinting::HintingProvider;
pub use masking::MaskingProvider;
pub use messages::{AgentMessages, Mailbox};
pub use permission::{Asking, PermissionVerdict};
pub use presence::{Departure, Presence};
pub use process::{
    Processes, Supervisor, Tool, ToolOutput, ask_tool, end_leftovers, is_below_agent,
    is_started_below_agent,
};
pub use step_inputs::{Image, McpServer, McpTransport};

/// One round of one agent step.
#[derive(Debug, Clone)]
pub struct AgentTask {
    /// The run that it belongs to.
    pub run: RunId,
    /// The step that it answers.
    pub step: StepId,
    /// Which agent step of the run this is, from 1. Steps of other kinds are not counted.
    pub ordinal: u32,
    /// 1, and 2 in a correction round.
    pub round: u32,
    /// The same for every attempt at this step, also after a crash.
    pub idempotency_key: String,
    /// What the script asked for.
    pub request: AgentRequest,
    /// What to send now. It differs from `request.prompt` in a correction round, and
    /// where a session is resumed.
    pub prompt: String,
    /// Model id, with aliases and selectors resolved. None leaves it to the provider.
    pub model: Option<String>,
    /// Reasoning effort, from the step or the model selector. None leaves it to the
    /// provider.
    pub effort: Option<String>,
    /// What the agent may do to files. None leaves it to the provider.
    pub permissions: Option<Permissions>,
    /// The provider's session to resume: in a correction round, and after an attempt that
    /// took too long.
    pub session_id: Option<String>,
    /// The agent's working directory.
    pub cwd: PathBuf,
    /// Further folders that it may work in: absolute paths of existing folders that its
    /// user has allowed.
    pub dirs: Vec<PathBuf>,
    /// Images to show with the prompt.
    pub images: Vec<Image>,
    /// Servers whose tools it may use, each defined by its user.
    pub mcp: Vec<McpServer>,
    /// What people tell the agent while it works; for providers that take messages.
    pub messages: AgentMessages,
    /// Receives every line of the agent's own transcript, when someone wants to keep it.
    pub raw: Option<Arc<dyn TranscriptSink>>,
    /// Where the programs of its run are started.
    pub processes: Processes,
    /// Held by everything that works for this attempt until it has ended, also when
    /// nobody waits for the attempt any more.
    pub presence: Presence,
}

/// Receives the lines of an agent's own transcript, as the agent wrote them.
pub trait TranscriptSink: Send + Sync + std::fmt::Debug {
    /// Takes a line. Must return at once; may drop the line. `session_id` is none until
    /// the agent has named its session.
    fn line(&self, session_id: Option<&str>, line: &str);
}

/// An agent's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Text as the agent wrote it. It may contain JSON.
    Text(String),
    /// A structured answer that the provider has parsed.
    Json(Value),
    /// The agent ended without an answer.
    Null,
}

/// One round's answer, and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReply {
    /// The answer.
    pub answer: Answer,
    /// Tokens of this round alone, even where the agent counts a whole session.
    pub usage: Usage,
    /// Dollars of this round alone, when the agent reports them.
    pub cost_usd: Option<f64>,
    /// The model that answered, when the agent reports it.
    pub model: Option<String>,
    /// Number of bytes of the answer that were not UTF-8. Each sequence of them is U+FFFD
    /// in it.
    pub replaced_bytes: u64,
    /// The agent's session, when it can be resumed.
    pub session_id: Option<String>,
}

/// What a provider can do by itself. The engine does the rest in its place, or refuses
/// the step before it is dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Takes `request.schema` and answers [`Answer::Json`]. Otherwise the engine writes
    /// the schema into the prompt.
    pub schema: bool,
    /// Resumes `session_id`.
    pub sessions: bool,
    /// Applies `request.effort`.
    pub effort: bool,
    /// Applies `request.agent_type`.
    pub agent_types: bool,
    /// Reads or writes files under `cwd`.
    pub files: bool,
    /// Takes a model by name.
    pub models: bool,
    /// Takes the vendor of a model in front of its name: `vendor/model`.
    pub vendors: bool,
    /// Holds its agent to [`Permissions::Read`].
    pub read_only: bool,
    /// Lets its agent write below `cwd` without asking anyone.
    pub write: bool,
    /// Takes the tools of `request.disallowed_tools` away from its agent.
    pub disallowed_tools: bool,
    /// Limits its agent to the tools of `request.tools`.
    pub tools: bool,
    /// Holds its agent's shell to `request.bash_command_clamp`.
    pub bash_command_clamp: bool,
    /// Adds `request.system` to its agent's system prompt.
    pub system: bool,
    /// Lets its agent work in `dirs` as well, within its permissions.
    pub dirs: bool,
    /// Ends its agent after `request.max_turns`.
    pub max_turns: bool,
    /// Shows `images` to its agent.
    pub images: bool,
    /// Gives its agent the servers of `mcp`.
    pub mcp: bool,
    /// Reports what a round cost, in dollars.
    pub cost: bool,
    /// Passes `messages` on to its agent while it works.
    pub messages: bool,
    /// Lets a person decide what its agent asks leave for, with [`AskPolicy::Person`].
    pub asks: bool,
}

impl Capabilities {
    /// No capability.
    pub const NONE: Self = Self {
        schema: false,
        sessions: false,
        effort: false,
        agent_types: false,
        files: false,
        models: false,
        vendors: false,
        read_only: false,
        write: false,
        disallowed_tools: false,
        tools: false,
        bash_command_clamp: false,
        system: false,
        dirs: false,
        max_turns: false,
        images: false,
        mcp: false,
        cost: false,
        messages: false,
        asks: false,
    };
}

/// What can be known of a provider without asking an agent anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Path of its program; none when it is not installed.
    pub program: Option<PathBuf>,
    /// The version that the program prints.
    pub version: Option<String>,
    /// Whether the program has credentials; none when that is unknown.
    pub logged_in: Option<bool>,
    /// Why it cannot be used, and what to do about it.
    pub problem: Option<String>,
    /// The program that was not found, if a hint about it belongs to the problem.
    #[serde(skip)]
    pub missing: Option<MissingProgram>,
}

impl Probe {
    /// Nothing is known.
    pub const UNKNOWN: Self =
        Self { program: None, version: None, logged_in: None, problem: None, missing: None };

    /// Whether a round may succeed: the program is installed, and nothing is known to be
    /// missing.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.program.is_some() && self.logged_in != Some(false) && self.problem.is_none()
    }
}

/// What an agent is doing at the moment. It is shown to people who watch, and never
/// journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AgentActivity {
    /// Working, without further detail.
    Thinking,
    /// Using a tool.
    Tool {
        /// The tool's name.
        name: String,
        /// What it is used on, in a few words.
        detail: Option<String>,
    },
    /// Writing its answer.
    Text {
        /// The newest piece of the answer.
        text: String,
    },
    /// Waiting for its own retry, after a rate limit for instance.
    Waiting {
        /// The reason in words.
        reason: String,
    },
}

/// How an agent's permission questions are answered. Rules of its user, or its built-in
/// ones, make it ask; it does not ask about tools that they deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskPolicy {
    /// No: nobody is there to be asked.
    #[default]
    Refuse,
    /// Yes, within the step's own `permissions`: its user has said so once and for all.
    Allow,
    /// As a person answers, who is asked about everything that [`Self::Allow`] allows. An
    /// agent whose program cannot wait for an answer is refused.
    Person,
}

/// Receives what an agent is doing.
pub trait Activity: Send + Sync {
    /// Takes a piece of news. Must return at once; may drop it.
    fn note(&self, activity: AgentActivity);

    /// The agent gave a sign of life without news: any line, any byte. The caller's idle
    /// timeout starts anew. A `note` is a sign of life too.
    fn alive(&self) {}

    /// The agent failed, and waits before it tries again by itself. If the round times
    /// out, this is why.
    fn hindered(&self, _by: &ProviderError) {}

    /// The agent named its session, before it answered.
    fn session(&self, _session_id: &str) {}

    /// What the agent has used so far, if it reports that while it works. This counts if
    /// it is ended before it has answered.
    fn used(&self, _spent: &RoundSpend) {}

    /// The agent asks for this permission, and waits for the verdict of a person. While it
    /// waits, its timeouts stand still.
    fn ask(&self, _ask: PermissionAsk) -> Asking<'_> {
        Box::pin(std::future::ready(PermissionVerdict::Nobody))
    }

    /// The agent asked for this permission, and was refused without a person.
    fn refused(&self, _asked: RefusedAsk) {}

    /// The agent was told the message of this number.
    fn told(&self, _number: u64) {}

    /// A warning about the agent's own settings, for the user. The caller shows each once
    /// a run.
    fn warn(&self, _message: String) {}
}

/// Discards all activity.
impl Activity for () {
    fn note(&self, _activity: AgentActivity) {}
}

/// Drives one kind of agent.
///
/// The contract, which `conformance` checks as far as it can:
///
/// - **One round.** `attempt` sends the whole `task.prompt`, verbatim, to one agent
///   once, and returns its final answer. It never asks twice: the caller does retries,
///   correction rounds and budgets.
/// - **Place.** The agent works in `task.cwd`, and the provider touches nothing outside
///   of it.
/// - **Options.** The provider applies the options of its declared capabilities, and
///   gets no others. An option that restricts the agent holds, whatever the agent's own
///   settings allow. A value that the agent does not know, such as a model, is an error
///   of the right kind and never silently replaced.
/// - **Schemas.** With `capabilities().schema`, the agent gets `request.schema`, and the
///   answer is [`Answer::Json`], which the provider does not check. Without it, the
///   schema is in the prompt already, and the answer is [`Answer::Text`].
/// - **Usage** is in tokens and cost in dollars, of this round alone; input includes
///   cached tokens. Unknown figures are zero or none, never a guess, except for a
///   provider that documents its estimates.
/// - **Errors** have the kind that tells the caller whether another attempt makes sense,
///   and a message that can be shown: no secrets, bounded length.
/// - **Permissions.** Settings for an agent's own permission system only narrow what its
///   user and its own definition let it do. Its questions are answered by the user's
///   [`AskPolicy`], never by default with yes, and `activity.refused` reports refusals
///   that no person has given. A person is asked through `activity.ask`.
/// - **Signs of life.** Everything that the agent prints is reported at once, news by
///   `activity.note` and the rest by `activity.alive`. The caller ends a round that is
///   silent for too long, or takes too long.
/// - **Messages.** With `capabilities().messages`, each of `task.messages` goes to the
///   agent after the prompt, in order, and `activity.told` reports it once the agent has
///   it. The answer is the one that the agent gives after that. A message that comes when
///   the agent has ended is left, and the round does not wait for one.
/// - **Cancelling** is dropping the future: everything that was started for it is ended,
///   its descendants included, and holds `task.presence` until it has ended.
/// - **The key.** An agent that takes an `idempotency_key` gets it, so that an attempt
///   after a crash is not billed twice.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name that scripts and flags use.
    fn name(&self) -> &str;

    /// What it can do by itself.
    fn capabilities(&self) -> Capabilities;

    /// One round with one agent.
    ///
    /// # Errors
    /// When the agent cannot be started, cannot keep an option, or gives no answer; the
    /// kind says why.
    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError>;

    /// What can be known without asking an agent anything. May start the agent's program
    /// to ask for its version; never reaches a model.
    async fn probe(&self, processes: &Processes) -> Probe;

    /// What files and variables tell, at once: where the program is, and whether it has
    /// credentials. It starts nothing, so that it can precede every run. A provider that
    /// cannot tell is passed over when one is chosen automatically.
    fn glance(&self) -> Probe {
        Probe::UNKNOWN
    }

    /// Ends whatever the provider keeps running between rounds, and returns when it has
    /// ended. A later round starts it anew.
    async fn close(&self) {}
}

/// Providers by name.
#[derive(Clone, Default)]
pub struct Registry {
    providers: BTreeMap<String, Arc<dyn Provider>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider under its own name, in place of another of that name.
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.insert(provider.name().to_owned(), provider);
        self
    }

    /// The provider of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<dyn Provider>> {
        self.providers.get(name).cloned()
    }

    /// All providers, in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// Ends whatever the providers keep running, and returns when it has ended.
    pub async fn close(&self) {
        for provider in self.providers.values() {
            provider.close().await;
        }
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_found_by_name() {
        let registry = Registry::new().with(Arc::new(debug::Debug::new()));
        assert_eq!(registry.names().collect::<Vec<_>>(), ["debug"]);
        assert!(registry.get("debug").is_some() && registry.get("codex").is_none());
    }
}
