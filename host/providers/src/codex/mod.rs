//! The provider `codex`: one `codex exec` per round.
//!
//! Owns: one round with Codex. Never: its login or its configuration, and of its
//! sessions' files only the model and refused commands.
//!
//! **Permissions.** Codex runs its agent's commands in a sandbox of the system. `read` is
//! its mode `read-only`; `write` is `workspace-write`, which also holds commands to the
//! working directory. Without `permissions` the user's own configuration decides; its
//! default is `read-only`. A write that the sandbox refuses is a failed command to the
//! agent, which goes on. Where the user's configuration says `read-only` or chooses a
//! profile of permissions, `write` changes nothing; `read` would replace a profile, and
//! is refused. Its rules for commands and for tools of servers override all of this.
//! `codex exec` refuses by itself whatever they would ask about, whatever `asks` says, and
//! the refusals are counted.
//!
//! **Structured answers** are written by grammar, which knows less than JSON Schema:
//! objects are closed, and an optional property is one that may be null, which is removed
//! from the answer. A schema that cannot be expressed that way is written into the
//! prompt, and the answer is text.
//!
//! **Counts.** Codex counts a session from its beginning. This provider subtracts the usage
//! of earlier rounds of the session, or, if another process began the session, the usage of
//! earlier steps in the run. Codex does not report a cost. The model is the requested one,
//! or else the one in the session's file.
//!
//! Its own retries take half a minute at the most and are left to it, unless the service
//! asked for a longer wait: Codex would be silent for that long.

mod argv;
mod asks;
mod classify;
mod config;
mod credentials;
mod record;
mod servers;
mod transcript;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use smol_wf_core::schema;
use smol_wf_core::step_request::Usage;

use crate::agent_schema::{self, AgentSchema};
use crate::cli_agent::{
    AgentProgram, CliAgent, CliOptions, Invocation, RoundResult, Transcript, folder,
};
use crate::process::{Environment, Exit};
use crate::scratch::Scratch;
use crate::{Activity, AgentTask, Capabilities, Image, ProviderError, ProviderErrorKind};

use self::config::Sandbox;
use self::servers::Servers;
pub(crate) use self::transcript::Round;

/// The name of this provider.
pub const NAME: &str = "codex";

/// What a user may configure for it.
pub type CodexOptions = CliOptions;

/// Drives Codex.
#[derive(Debug, Default)]
pub struct Codex {
    options: CodexOptions,
    /// The usage of each session when it was last heard of: one entry for each agent that
    /// has answered, and the run limits agents.
    used: Mutex<HashMap<String, Usage>>,
}

impl Codex {
    /// With these options.
    #[must_use]
    pub fn new(options: CodexOptions) -> Self {
        Self { options, used: Mutex::default() }
    }

    /// The developer's instructions: the user's own, which the step's would replace, and
    /// then the step's.
    fn instructions(&self, task: &AgentTask) -> Result<Option<String>, ProviderError> {
        let Some(text) = &task.request.system else { return Ok(None) };
        let refused =
            |message: String| ProviderError::new(NAME, ProviderErrorKind::Unsupported, message);
        if task.request.session.is_some() {
            let message = "Codex keeps the instructions that a session began with, so `system` beside `session` would be passed over; leave one of them out";
            return Err(refused(message.to_owned()));
        }
        let own = config::instructions(&self.options, &task.cwd).map_err(|why| refused(format!(
            "the option `system` might take the place of what the configuration of Codex tells its agents: {why}; leave `system` out"
        )))?;
        Ok(Some(own.into_iter().chain([text.clone()]).collect::<Vec<_>>().join("\n\n")))
    }

    /// Settings for the servers of the step, and the environment with the variables that
    /// they need.
    fn servers(&self, task: &AgentTask) -> Result<(Vec<String>, Environment), ProviderError> {
        let env = self.environment();
        if task.mcp.is_empty() {
            return Ok((Vec::new(), env));
        }
        let refused =
            |message: String| ProviderError::new(NAME, ProviderErrorKind::Unsupported, message);
        let own = config::servers(&self.options, &task.cwd);
        let own = own.map_err(|why| {
            refused(format!(
                "the option `mcp` might change a server of Codex's own configuration: {why}"
            ))
        })?;
        if let Some(one) = task.mcp.iter().find(|one| own.contains(&one.name)) {
            return Err(refused(format!(
                "Codex's own configuration has an MCP server `{}`, too; give the one of your settings for smol-wf another name",
                one.name
            )));
        }
        let inputs = Servers::of(&task.mcp, &env.names())?;
        Ok((inputs.settings, env.from(&inputs.env)))
    }

    /// The model of a session, from the session's file.
    async fn model_of(&self, session: Option<&str>) -> Option<String> {
        let session = session?.to_owned();
        let home = folder(&self.options, "CODEX_HOME", ".codex")?;
        tokio::task::spawn_blocking(move || record::model_of(&home, &session)).await.ok()?
    }

    /// Reports the commands that a rule asked about, with the words of each as far as the
    /// session's file has them.
    async fn tell_refused(&self, round: &Round, activity: &dyn Activity) {
        let count = round.refused_commands;
        if count == 0 {
            return;
        }
        let session = round.session().map(str::to_owned);
        let home = folder(&self.options, "CODEX_HOME", ".codex");
        let look = move || record::refused_commands(&home?, &session?, count);
        let found = tokio::task::spawn_blocking(look).await.ok().flatten().unwrap_or_default();
        let unknown = count.saturating_sub(found.len());
        let unknown = std::iter::repeat_with(|| asks::command(None)).take(unknown);
        found.into_iter().chain(unknown).for_each(|asked| activity.refused(asked));
    }

    /// Turns the usage of the session into that of this round.
    fn subtract(&self, ended: &mut RoundResult, task: &AgentTask) {
        let Some(session) = &ended.session_id else { return };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let total = ended.usage;
        // A failed round reports no count; the next one's total includes it.
        if total == Usage::default() {
            return;
        }
        let of = task.request.session.as_ref().and_then(|earlier| earlier.of.as_ref());
        let known = of.filter(|of| of.session_id == *session).map(|of| of.used);
        if let Some(before) = used.insert(session.clone(), total).or(known) {
            ended.usage = Usage {
                input_tokens: total.input_tokens.saturating_sub(before.input_tokens),
                output_tokens: total.output_tokens.saturating_sub(before.output_tokens),
                cache_read_tokens: total.cache_read_tokens.saturating_sub(before.cache_read_tokens),
                cache_write_tokens: total
                    .cache_write_tokens
                    .saturating_sub(before.cache_write_tokens),
            };
        }
    }
}

/// The images, as files.
fn images(task: &AgentTask) -> Result<Vec<Scratch>, ProviderError> {
    let write = |image: &Image| {
        Scratch::write(NAME, &format!("image.{}", image.extension()), &*image.bytes)
    };
    task.images.iter().map(write).collect()
}

/// How a schema reaches the agent.
enum SchemaDelivery {
    Nothing,
    /// In a file.
    File(AgentSchema, Scratch),
    /// In the prompt.
    Words(String),
}

impl SchemaDelivery {
    fn of(task: &AgentTask) -> Result<Self, ProviderError> {
        let Some(text) = &task.request.schema else { return Ok(Self::Nothing) };
        let Some(adapted) = AgentSchema::strict(&agent_schema::read(NAME, text)?) else {
            return Ok(Self::Words(schema::with_schema_instructions(&task.prompt, text)));
        };
        let file = Scratch::write(NAME, "schema.json", adapted.schema.to_string())?;
        Ok(Self::File(adapted, file))
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(_, file) => Some(file.path()),
            Self::Nothing | Self::Words(_) => None,
        }
    }
}

#[async_trait]
impl CliAgent for Codex {
    type Transcript = Round;

    const PROGRAM: AgentProgram = AgentProgram {
        provider: NAME,
        command: "codex",
        install: "npm install -g @openai/codex",
        oldest: None,
        login: "run `codex login`, or set CODEX_API_KEY",
    };

    const CAPABILITIES: Capabilities = Capabilities {
        schema: true,
        sessions: true,
        effort: true,
        files: true,
        models: true,
        read_only: true,
        write: true,
        system: true,
        dirs: true,
        images: true,
        mcp: true,
        ..Capabilities::NONE
    };

    fn options(&self) -> &CliOptions {
        &self.options
    }

    fn environment(&self) -> Environment {
        self.options.environment(&argv::ALLOWED, &[])
    }

    fn logged_in(&self) -> Option<bool> {
        credentials::logged_in(&self.options)
    }

    fn prepare(
        &self,
        task: &AgentTask,
        _activity: &dyn Activity,
    ) -> Result<Invocation<Round>, ProviderError> {
        let wanted = SchemaDelivery::of(task)?;
        let chosen = Sandbox::chosen(&self.options, &task.cwd);
        let instructions = self.instructions(task)?;
        let (servers, env) = self.servers(task)?;
        let mut files = images(task)?;
        let images: Vec<&Path> = files.iter().map(Scratch::path).collect();
        let inputs = argv::StepInputs {
            schema: wanted.file(),
            instructions: instructions.as_deref(),
            images: &images,
            servers: &servers,
        };
        let args = argv::arguments(task, inputs, chosen, &self.options.args)?;
        let mut prompt = task.prompt.clone();
        let mut schema = None;
        match wanted {
            SchemaDelivery::Nothing => {}
            SchemaDelivery::File(adapted, file) => {
                schema = Some(adapted);
                files.push(file);
            }
            // The answer is text, which the caller parses.
            SchemaDelivery::Words(words) => prompt = words,
        }
        let transcript = Round::default();
        Ok(Invocation { args, env, prompt: Some(prompt), transcript, schema, files })
    }

    async fn complete(
        &self,
        task: &AgentTask,
        transcript: Round,
        exit: Option<&Exit>,
        activity: &dyn Activity,
    ) -> RoundResult {
        self.tell_refused(&transcript, activity).await;
        let mut result = transcript.end(exit);
        self.subtract(&mut result, task);
        result.model = match &task.model {
            Some(asked) => Some(asked.clone()),
            None => self.model_of(result.session_id.as_deref()).await,
        };
        result
    }
}

#[cfg(test)]
mod tests;
