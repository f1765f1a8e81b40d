//! opencode, through one server that all steps of a run share.
//!
//! Owns: starting the server for the first step, ending it, its environment, and what is
//! known of opencode without it. Never: starts one process per step; a server answers
//! eight steps in less time than one process takes to start.
//!
//! The server listens on the loopback, on a port of its own choice, behind a password
//! that only its own environment holds. Each request names the directory that it is
//! about, so steps in different worktrees share the server. A tool that detaches itself
//! from its step outlives the step, and ends with the server.

mod aborts;
mod choice;
mod fault;
mod http;
mod hub;
mod progress;
mod reply;
mod round;
mod rules;
mod server;
mod servers;
mod sse;
#[cfg(test)]
mod tests;
mod told;
mod tool_uses;

use std::ffi::OsString;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

pub(crate) use self::progress::parse;

use self::server::Server;
use crate::cli_agent::{AgentProgram, CliOptions, folder, json, says, variable};
use crate::process::{Environment, Input, Launch};
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider,
    ProviderError, ProviderErrorKind,
};

/// The name that scripts and flags use.
pub const NAME: &str = "opencode";

/// The program.
const PROGRAM: AgentProgram = AgentProgram {
    provider: NAME,
    command: "opencode",
    install: "npm install -g opencode-ai",
    oldest: None,
    login: "opencode auth login",
};

/// Variables of this process that the server gets, besides those that every program
/// needs: its own settings, and the keys of model vendors under the names that opencode
/// knows. Credentials that open more than a model, such as those of a whole cloud
/// account, need the user's permission.
const ALLOWED: [&str; 20] = [
    "OPENCODE_*",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_REGION",
    "AZURE_API_KEY",
    "AZURE_RESOURCE_NAME",
    "CEREBRAS_API_KEY",
    "DEEPSEEK_API_KEY",
    "FIREWORKS_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GENERATIVE_AI_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "MOONSHOT_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENROUTER_API_KEY",
    "TOGETHER_API_KEY",
    "XAI_API_KEY",
];

/// Drives opencode. One value has one server, so make one per run.
#[derive(Debug, Default)]
pub struct Opencode {
    options: CliOptions,
    server: Mutex<Option<Arc<Server>>>,
}

impl Opencode {
    /// A provider that has started nothing yet.
    #[must_use]
    pub fn new(options: CliOptions) -> Self {
        Self { options, server: Mutex::default() }
    }

    fn environment(&self) -> Environment {
        // It must not replace its own program during a run.
        self.options.environment(&ALLOWED, &[("OPENCODE_DISABLE_AUTOUPDATE", "1")])
    }

    /// The server, started when there is none or the last one has ended. Callers that
    /// come meanwhile wait for it.
    async fn server(&self, processes: &Processes) -> Result<Arc<Server>, ProviderError> {
        let mut slot = self.server.lock().await;
        if let Some(server) = slot.as_ref().filter(|server| server.is_running()) {
            return Ok(server.clone());
        }
        let mut args: Vec<OsString> =
            ["serve", "--hostname", "127.0.0.1", "--port", "0"].map(OsString::from).into();
        args.extend(self.options.args.iter().map(OsString::from));
        let launch = Launch {
            provider: NAME.to_owned(),
            program: self.options.program(NAME, PROGRAM.command)?,
            args,
            // Each request names its directory, so this one has no meaning.
            cwd: std::env::temp_dir(),
            env: self.environment(),
            input: Input::None,
            presence: None,
        };
        let server = Arc::new(Server::start(processes, launch, self.options.start_timeout).await?);
        *slot = Some(server.clone());
        Ok(server)
    }

    /// Whether there is a key for any model vendor: one stored by `opencode auth login`,
    /// or one in the environment. Models without a key exist, and the user's
    /// configuration may have vendors of its own, so a missing key proves nothing.
    fn logged_in(&self) -> Option<bool> {
        let data = folder(&self.options, "XDG_DATA_HOME", ".local/share")?;
        let kept = json(&data.join("opencode/auth.json"));
        let kept =
            kept.is_some_and(|file| file.as_object().is_some_and(|keys| keys.values().any(says)));
        let is_key = |name: &&&str| name.ends_with("_API_KEY");
        let given =
            ALLOWED.iter().filter(is_key).any(|name| variable(&self.options, name).is_some());
        (kept || given).then_some(true)
    }
}

#[async_trait]
impl Provider for Opencode {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            schema: true,
            sessions: true,
            effort: true,
            agent_types: true,
            files: true,
            models: true,
            vendors: true,
            read_only: true,
            write: true,
            cost: true,
            tools: true,
            system: true,
            dirs: true,
            images: true,
            mcp: true,
            messages: true,
            asks: true,
            ..Capabilities::default()
        }
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        activity.note(AgentActivity::Thinking);
        let server = self.server(&task.processes).await?;
        round::ask(&server, &task, self.options.asks, activity).await
    }

    fn glance(&self) -> Probe {
        PROGRAM.glance(&self.options, self.logged_in())
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        let (environment, logged_in) = (self.environment(), self.logged_in());
        PROGRAM.probe(processes, &self.options, environment, logged_in).await
    }

    async fn close(&self) {
        if let Some(server) = self.server.lock().await.take() {
            server.close().await;
        }
    }
}

/// An error of this provider.
fn error(kind: ProviderErrorKind, message: impl Into<String>) -> ProviderError {
    ProviderError::new(NAME, kind, message)
}
