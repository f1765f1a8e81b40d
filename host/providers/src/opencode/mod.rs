//! opencode, through one server that all calls of a run share.
//!
//! Owns: the server's start at the first call and its end, the environment that
//! it gets, and what is known of opencode without it. Never: one process per
//! call; a server answers eight calls in less time than one process takes to
//! start.
//!
//! The server listens on the loopback, on a port of its own choice, behind a
//! password that only its own environment holds. Each request names the directory
//! that it is about, so calls in different worktrees share it. A tool that
//! detaches itself from its call outlives the call, and ends with the server.

mod call;
mod choice;
mod fault;
mod http;
mod hub;
mod progress;
mod reply;
mod rules;
mod server;
mod sse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use self::server::Server;
use crate::process::{Environment, Launch, ask, find_program};
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Capabilities, Probe, Provider, ProviderError,
    ProviderErrorKind,
};

/// The name that scripts and flags use.
pub const NAME: &str = "opencode";

/// For `--version`; the program is 185 MB and comes from a cold disk at times.
const VERSION_MAX: Duration = Duration::from_secs(10);

/// What the server may see of this process's environment, besides what every
/// program needs: its own settings, and the keys of model vendors by the names
/// that opencode knows. Credentials that open more than a model, such as those
/// of a whole cloud account, are for the user to allow.
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

/// How to find and start it.
#[derive(Debug, Clone, Default)]
pub struct OpencodeOptions {
    /// The program; none looks for `opencode` on `PATH`.
    pub program: Option<PathBuf>,
    /// Variables to set for it.
    pub env: BTreeMap<String, String>,
    /// Names of variables to pass on to it as well; one may end in `*`.
    pub env_allow: Vec<String>,
    /// Arguments to add to `opencode serve`.
    pub args: Vec<String>,
}

/// Drives opencode. One value has one server, so make one per run.
#[derive(Debug, Default)]
pub struct Opencode {
    options: OpencodeOptions,
    server: Mutex<Option<Arc<Server>>>,
}

impl Opencode {
    /// Without starting anything.
    #[must_use]
    pub fn new(options: OpencodeOptions) -> Self {
        Self { options, server: Mutex::default() }
    }

    fn program(&self) -> Option<PathBuf> {
        match &self.options.program {
            Some(program) => find_program(&program.to_string_lossy()),
            None => find_program(NAME),
        }
    }

    fn launch(&self, program: PathBuf, args: &[&str]) -> Launch {
        Launch {
            provider: NAME.to_owned(),
            program,
            args: args.iter().map(OsString::from).collect(),
            // Each request says where it works, so this is nowhere in particular.
            cwd: std::env::temp_dir(),
            env: Environment::allowing(&ALLOWED)
                .also(&self.options.env_allow)
                // A program that replaces itself in the middle of a run is another program.
                .set("OPENCODE_DISABLE_AUTOUPDATE", "1")
                .from(&self.options.env),
        }
    }

    /// The server, started when there is none or the last one has ended. Whoever
    /// comes while it is being started waits for it.
    async fn server(&self) -> Result<Arc<Server>, ProviderError> {
        let mut slot = self.server.lock().await;
        if let Some(server) = slot.as_ref().filter(|server| server.is_running()) {
            return Ok(server.clone());
        }
        let program = self.program().ok_or_else(|| {
            let message = "the program `opencode` is not installed: `npm install -g opencode-ai` installs it, or name its path in the configuration";
            error(ProviderErrorKind::Spawn, message)
        })?;
        let mut args = vec!["serve", "--hostname", "127.0.0.1", "--port", "0"];
        args.extend(self.options.args.iter().map(String::as_str));
        let server = Arc::new(Server::start(self.launch(program, &args)).await?);
        *slot = Some(server.clone());
        Ok(server)
    }

    /// A variable as the server sees it.
    fn variable(&self, name: &str) -> Option<OsString> {
        let set = self.options.env.get(name).map(OsString::from);
        set.or_else(|| std::env::var_os(name)).filter(|value| !value.is_empty())
    }

    /// Whether there is a key for any model vendor: one that `opencode auth
    /// login` has kept, or one in the environment. Models without a key exist, as
    /// do vendors in the user's own configuration, so no key is no answer.
    fn logged_in(&self) -> Option<bool> {
        let data = self.variable("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
            self.variable("HOME").map(|home| PathBuf::from(home).join(".local/share"))
        })?;
        let kept = std::fs::read(data.join("opencode/auth.json")).ok();
        let kept = kept.and_then(|text| serde_json::from_slice(&text).ok());
        let kept = kept.is_some_and(|keys: BTreeMap<String, serde_json::Value>| !keys.is_empty());
        let is_key = |name: &&&str| name.ends_with("_API_KEY");
        let given = ALLOWED.iter().filter(is_key).any(|name| self.variable(name).is_some());
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
            read_only: true,
            write: true,
            cost: true,
        }
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        activity.note(AgentActivity::Thinking);
        let server = self.server().await?;
        call::call(&server, &task, activity).await
    }

    fn glance(&self) -> Probe {
        let (program, logged_in) = (self.program(), self.logged_in());
        Probe { program, version: None, logged_in, problem: None }
    }

    async fn probe(&self) -> Probe {
        let Some(program) = self.program() else {
            let problem = "not installed: `npm install -g opencode-ai`".to_owned();
            return Probe { program: None, version: None, logged_in: None, problem: Some(problem) };
        };
        let asked = ask(self.launch(program.clone(), &["--version"]), VERSION_MAX).await;
        let (version, problem) = match asked {
            Ok((exit, said)) if exit.code == Some(0) => (Some(said.trim().to_owned()), None),
            Ok((exit, _)) => {
                let tail = exit.stderr_tail.trim();
                (None, Some(format!("`opencode --version` fails ({}): {tail}", exit.in_words())))
            }
            Err(failure) => (None, Some(failure.to_string())),
        };
        Probe { program: Some(program), version, logged_in: self.logged_in(), problem }
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
