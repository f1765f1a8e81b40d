//! One prompt to one reply, by driving an agent.
//!
//! Owns: what a provider is ([`Provider`]), what may go wrong with one
//! ([`ProviderError`]), and the providers by name ([`Registry`]). Never:
//! retries, keeps a budget, or says whether an answer satisfies its schema; the
//! engine and the core do.

// For what ships only: tests, benchmarks and examples are crates of their own.
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
mod call_inputs;
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
mod masking;
pub mod opencode;
pub mod owner;
pub mod parsers;
pub mod pi;
mod presence;
mod process;
mod scratch;
#[cfg(test)]
mod transcripts;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use smol_wf_core::asks::RefusedAsk;
use smol_wf_core::call::{AgentRequest, Permissions, Usage};
use smol_wf_core::ids::{CallId, RunId};

pub use alias::ProviderAlias;
pub use call_inputs::{Image, McpServer, McpTransport};
pub use cli_agent::CliOptions;
pub use configured_program::ConfiguredProgram;
pub use error::{ProviderError, ProviderErrorKind, RoundSpend};
pub use masking::MaskingProvider;
pub use presence::{Departure, Presence};
pub use process::{Processes, Supervisor, Tool, ToolOutput, ask_tool, end_leftovers};

/// One round of one agent call.
#[derive(Debug, Clone)]
pub struct AgentTask {
    /// The run that it belongs to.
    pub run: RunId,
    /// The call that it answers.
    pub call: CallId,
    /// Which agent call of the run this is, from 1; calls of other kinds are
    /// not counted.
    pub ordinal: u32,
    /// 1, and 2 in a correction round.
    pub round: u32,
    /// The same for every attempt at this call, also after a crash.
    pub idempotency_key: String,
    /// What the script asked for.
    pub request: AgentRequest,
    /// What to send now; differs from `request.prompt` in a correction round, and
    /// where a session is gone on with.
    pub prompt: String,
    /// Model id, with aliases and selectors resolved; none leaves it to the
    /// provider.
    pub model: Option<String>,
    /// Reasoning effort, from the call or the model selector; none leaves it to
    /// the provider.
    pub effort: Option<String>,
    /// What the agent may do to files; none leaves it to the provider.
    pub permissions: Option<Permissions>,
    /// The provider's session to go on with: in a correction round, and after an
    /// attempt that took too long.
    pub session_id: Option<String>,
    /// Where the agent works.
    pub cwd: PathBuf,
    /// Where it may work as well: whole paths of folders that are there, which its
    /// user has allowed.
    pub dirs: Vec<PathBuf>,
    /// What it is shown with the prompt.
    pub images: Vec<Image>,
    /// Servers whose tools it may use, each defined by its user.
    pub mcp: Vec<McpServer>,
    /// Where every line of the agent's own transcript goes, when someone wants
    /// to keep it.
    pub raw: Option<Arc<dyn TranscriptSink>>,
    /// Where the programs of its run are started.
    pub processes: Processes,
    /// Kept by whatever works for this attempt until it has ended, also when
    /// nobody waits for the attempt any more.
    pub presence: Presence,
}

/// Takes the lines of an agent's own transcript, as the agent wrote them.
pub trait TranscriptSink: Send + Sync + std::fmt::Debug {
    /// Is told. Must return at once; may drop the line. `session_id` is none
    /// until the agent has named its session.
    fn line(&self, session_id: Option<&str>, line: &str);
}

/// What an agent came back with.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Text as the agent wrote it; JSON may be somewhere in it.
    Text(String),
    /// A structured answer that the provider has parsed already.
    Json(Value),
    /// The agent ended without an answer.
    Null,
}

/// One round's answer and what is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentReply {
    /// The answer.
    pub answer: Answer,
    /// Tokens of this round alone, even where the agent counts a whole session.
    pub usage: Usage,
    /// Dollars of this round alone, when the agent says so.
    pub cost_usd: Option<f64>,
    /// The model that answered, when the agent says so.
    pub model: Option<String>,
    /// Bytes of the answer that were not UTF-8, and are U+FFFD in it.
    pub replaced_bytes: u64,
    /// The agent's session, when it can be continued.
    pub session_id: Option<String>,
}

/// What a provider can do by itself. What it cannot, the engine does in its
/// place, or refuses the call before it is dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Takes `request.schema` and answers [`Answer::Json`]; otherwise the
    /// engine writes the schema into the prompt.
    pub schema: bool,
    /// Goes on with `session_id`.
    pub sessions: bool,
    /// Heeds `request.effort`.
    pub effort: bool,
    /// Heeds `request.agent_type`.
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
    /// Leaves its agent the tools of `request.tools` alone.
    pub tools: bool,
    /// Holds its agent's shell to `request.bash_command_clamp`.
    pub bash_command_clamp: bool,
    /// Adds `request.system` to its agent's system prompt.
    pub system: bool,
    /// Lets its agent work in `dirs` as well, as far as its permissions go.
    pub dirs: bool,
    /// Ends its agent after `request.max_turns`.
    pub max_turns: bool,
    /// Shows `images` to its agent.
    pub images: bool,
    /// Gives its agent the servers of `mcp`.
    pub mcp: bool,
    /// Says what a call cost, in dollars.
    pub cost: bool,
}

impl Capabilities {
    /// Nothing of it.
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
    };
}

/// What there is to know of a provider without asking an agent anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// Where its program is; none when it is not installed.
    pub program: Option<PathBuf>,
    /// As the program says.
    pub version: Option<String>,
    /// Whether the program has credentials; none when that cannot be told.
    pub logged_in: Option<bool>,
    /// What keeps it from being used, and what to type about it.
    pub problem: Option<String>,
}

impl Probe {
    /// Whether a call has a chance.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.program.is_some() && self.logged_in != Some(false) && self.problem.is_none()
    }
}

/// What an agent is doing just now. Fleeting: shown to whoever watches, never
/// journaled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AgentActivity {
    /// Working, without more to say.
    Thinking,
    /// Uses a tool.
    Tool {
        /// The tool's name.
        name: String,
        /// What it is used on, in a few words.
        detail: Option<String>,
    },
    /// Writes its answer.
    Text {
        /// The newest piece of it.
        text: String,
    },
    /// Waits for its own retry, after a rate limit for instance.
    Waiting {
        /// Why.
        reason: String,
    },
}

/// What becomes of an agent's question whether it may do something. Its user's
/// own rules, or those it came with, make it ask; what they deny is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AskPolicy {
    /// Nobody is there to be asked, so it may not.
    #[default]
    Refuse,
    /// Its user has said once and for all that it may, as far as the call's own
    /// `permissions` go.
    Allow,
}

/// Who wants to know what an agent is doing.
pub trait Activity: Send + Sync {
    /// Is told. Must return at once; may drop the news.
    fn note(&self, activity: AgentActivity);

    /// The agent gave a sign of life that is no news: any line, any byte. The
    /// caller's idle time-out starts anew. A `note` is a sign of life too.
    fn alive(&self) {}

    /// The agent has failed, and waits to try again by itself. When nothing comes
    /// of that in time, this is why.
    fn hindered(&self, _by: &ProviderError) {}

    /// The agent has named its session, before it has answered.
    fn session(&self, _session_id: &str) {}

    /// What the agent has used up to now, as far as it says so while it works: what
    /// counts if it is ended before it has answered.
    fn used(&self, _spent: &RoundSpend) {}

    /// The agent asked leave for this, and was refused.
    fn refused(&self, _asked: RefusedAsk) {}

    /// What the user should know of the agent's own settings. The caller tells the
    /// same once a run.
    fn warn(&self, _message: String) {}
}

/// Nobody.
impl Activity for () {
    fn note(&self, _activity: AgentActivity) {}
}

/// Drives one kind of agent.
///
/// The contract, which `conformance` checks as far as it can:
///
/// - **One round.** `attempt` sends `task.prompt`, verbatim and entire, to one
///   agent once, and returns its final answer. It never asks twice: retries,
///   correction rounds and budgets are the caller's.
/// - **Where.** The agent works in `task.cwd`, and nothing outside it is touched
///   on the caller's behalf.
/// - **Options.** A capability that is declared is heeded; an option without
///   one does not arrive, and one that restricts the agent holds it, whatever the
///   agent's own settings allow. A value that the agent itself does not know, such as
///   a model, is an error of the right kind and never silently replaced.
/// - **Schemas.** With `capabilities().schema`, `request.schema` is handed to
///   the agent and the answer comes as [`Answer::Json`], not judged by the
///   provider. Without it, the schema is in the prompt already, and the answer is
///   [`Answer::Text`].
/// - **Usage** is in tokens and cost in dollars, of this round alone; input
///   counts cached tokens. What is unknown is zero or none, never a guess,
///   except where the provider says that it estimates.
/// - **Errors** have the kind that tells the caller whether trying again makes
///   sense, and a message that is fit to be shown: no secrets, bounded length.
/// - **Leave.** Whatever is said to an agent's own permission system only narrows
///   what its user and its own definition let it do. What it asks leave for is
///   answered as the user's [`AskPolicy`] says, never by default with yes, and what is
///   refused is told by `activity.refused`.
/// - **Signs of life.** Everything that the agent says is passed on at once, by
///   `activity.note` where it is news and by `activity.alive` otherwise. The
///   caller ends a call that is silent for too long, or takes too long.
/// - **Cancelling** is dropping the future: whatever was started for it is
///   ended, its children included, and keeps `task.presence` until it has ended.
/// - **The key.** `idempotency_key` is passed on where the agent takes one, so that
///   an attempt after a crash is not billed twice.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name that scripts and flags use.
    fn name(&self) -> &str;

    /// What it can do by itself.
    fn capabilities(&self) -> Capabilities;

    /// One round with one agent.
    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError>;

    /// What can be known without asking an agent anything. May start the
    /// agent's program, to ask its version; never reaches a model.
    async fn probe(&self, processes: &Processes) -> Probe;

    /// What a look at files says, at once: where the program is and whether it has
    /// credentials. Starts nothing, so that it can precede every run. A provider
    /// that cannot say it is passed over where one is chosen.
    fn glance(&self) -> Probe {
        Probe { program: None, version: None, logged_in: None, problem: None }
    }

    /// Ends whatever the provider keeps running between calls, and returns when
    /// it has ended. Calls after it start it anew.
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
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one under its own name, in place of another of that name.
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

    /// All providers, in order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    /// Ends whatever they keep running, and returns when it has ended.
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
