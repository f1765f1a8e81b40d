//! The provider `codex`: one `codex exec` per round.
//!
//! Owns: one round with Codex. Never: its login or its configuration, and of
//! its sessions' files nothing but the model.
//!
//! **Permissions.** Codex runs what the agent does in a sandbox of the system:
//! `read` is its mode `read-only`, `write` is `workspace-write`, which holds
//! commands to the working directory too. Without `permissions` the user's own
//! configuration decides; its default is `read-only`. A write that the sandbox
//! refuses is a failed command to the agent, which goes on. Where that configuration
//! says `read-only` or chooses a profile of permissions, `write` leaves it at that;
//! `read` would take the place of a profile, and is refused. Its rules for commands
//! and for tools of servers stand above all of this; what they would ask `codex exec`
//! refuses by itself, whatever `asks` says, and it is counted.
//!
//! **Structured answers** are written by grammar, which knows less than JSON
//! Schema: objects are closed, and an optional property is one that may be null,
//! which is taken out of the answer again. A schema that cannot be put that way
//! is written into the prompt, and the answer is text.
//!
//! **Counts.** Codex counts a session from its beginning. What earlier rounds of
//! the same session have told this provider is subtracted, or where it has not heard
//! of them (another process began the session), what the run knows of earlier calls.
//! It does not say what a call costs. The model is the one that was asked for, else what Codex has written
//! down in the session's file.
//!
//! Its own retries take half a minute at the most and are left to it, unless the
//! service has asked for a longer wait: that, it waits out without a word.

mod argv;
mod asks;
mod classify;
mod config;
mod probe;
mod record;
mod servers;
mod transcript;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use smol_wf_core::call::Usage;
use smol_wf_core::schema;

use crate::drive::{CliOptions, Ended, Transcript, launch, listen};
use crate::look::{self, folder};
use crate::lower::{self, Lowered};
use crate::process::Environment;
use crate::scratch::Scratch;
use crate::{
    Activity, AgentReply, AgentTask, Answer, Capabilities, Image, Probe, Processes, Provider,
    ProviderError, ProviderErrorKind,
};

use self::config::Sandbox;
use self::servers::Servers;
pub(crate) use self::transcript::Round;

/// The name of this provider.
pub const NAME: &str = "codex";

/// The program, when the user names no other.
const PROGRAM: &str = "codex";

/// What to type when it has no credentials.
const LOGIN: &str = "run `codex login`, or set CODEX_API_KEY";

/// What a user may say about it.
pub type CodexOptions = CliOptions;

/// Drives Codex.
#[derive(Debug, Default)]
pub struct Codex {
    options: CodexOptions,
    /// What each session had used when it was last heard of: one entry for each
    /// agent that has answered, and agents are bounded by the run.
    used: Mutex<HashMap<String, Usage>>,
}

impl Codex {
    /// With what the user says about it.
    #[must_use]
    pub fn new(options: CodexOptions) -> Self {
        Self { options, used: Mutex::default() }
    }

    fn environment(&self) -> Environment {
        self.options.environment(&argv::ALLOWED, &[])
    }

    /// The developer's instructions: those of the call, behind the user's own, whose
    /// place they would take.
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

    /// Settings for the servers of the call, and the environment with what they need.
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
        let given = Servers::of(&task.mcp, &env.names())?;
        Ok((given.settings, env.from(&given.env)))
    }

    /// The model of a session, as Codex has written it down.
    async fn model_of(&self, session: Option<&str>) -> Option<String> {
        let session = session?.to_owned();
        let home = folder(&self.options, "CODEX_HOME", ".codex")?;
        tokio::task::spawn_blocking(move || record::model_of(&home, &session)).await.ok()?
    }

    /// Tells of the commands that a rule asked about, with the words of each as far
    /// as Codex has written them down.
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

    /// Of this round alone.
    fn subtract(&self, ended: &mut Ended, task: &AgentTask) {
        let Some(session) = &ended.session_id else { return };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let total = ended.usage;
        // A round that failed tells no count; the next one's total has it.
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
enum Wanted {
    Nothing,
    /// In a file.
    File(Lowered, Scratch),
    /// In the prompt.
    Words(String),
}

impl Wanted {
    fn of(task: &AgentTask) -> Result<Self, ProviderError> {
        let Some(text) = &task.request.schema else { return Ok(Self::Nothing) };
        let Some(lowered) = Lowered::strict(&lower::read(NAME, text)?) else {
            return Ok(Self::Words(schema::with_schema_instructions(&task.prompt, text)));
        };
        let file = Scratch::write(NAME, "schema.json", lowered.schema.to_string())?;
        Ok(Self::File(lowered, file))
    }

    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(_, file) => Some(file.path()),
            Self::Nothing | Self::Words(_) => None,
        }
    }

    fn raise(&self, answer: Answer) -> Answer {
        match self {
            Self::File(lowered, _) => lowered.raise_answer(answer),
            // Text is for the caller to read, who wrote down what is wanted.
            Self::Nothing | Self::Words(_) => answer,
        }
    }
}

#[async_trait]
impl Provider for Codex {
    fn name(&self) -> &str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            schema: true,
            sessions: true,
            effort: true,
            agent_types: false,
            files: true,
            models: true,
            vendors: false,
            read_only: true,
            write: true,
            cost: false,
            system: true,
            dirs: true,
            images: true,
            mcp: true,
            ..Capabilities::default()
        }
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        let wanted = Wanted::of(&task)?;
        let chosen = Sandbox::chosen(&self.options, &task.cwd);
        let instructions = self.instructions(&task)?;
        let (servers, env) = self.servers(&task)?;
        let images = images(&task)?;
        let images: Vec<&Path> = images.iter().map(Scratch::path).collect();
        let given = argv::Given {
            schema: wanted.file(),
            instructions: instructions.as_deref(),
            images: &images,
            servers: &servers,
        };
        let args = argv::arguments(&task, given, chosen, &self.options.args)?;
        let program = self.options.program(NAME, PROGRAM)?;
        let launch = launch(NAME, program, args, &task, env);
        let prompt = match &wanted {
            Wanted::Words(prompt) => prompt,
            Wanted::Nothing | Wanted::File(..) => &task.prompt,
        };
        let mut round = Round::default();
        let exit = listen(launch, prompt, &task, &mut round, activity).await?;
        self.tell_refused(&round, activity).await;
        let mut ended = round.end(exit.as_ref());
        self.subtract(&mut ended, &task);
        ended.answer = ended.answer.map(|answer| wanted.raise(answer));
        ended.model = match task.model {
            Some(asked) => Some(asked),
            None => self.model_of(ended.session_id.as_deref()).await,
        };
        ended.into_reply(NAME, LOGIN)
    }

    fn glance(&self) -> Probe {
        look::glance(PROGRAM, &self.options, probe::logged_in(&self.options))
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        probe::probe(processes, &self.options, self.environment()).await
    }
}

#[cfg(test)]
mod tests;
