//! The provider `pi`: one `pi --mode rpc` per round.
//!
//! Owns: one round with pi. Never: its login, its settings or its sessions' files.
//!
//! **Permissions.** pi has none: its agent may do whatever the user may, both without
//! `permissions` and with `write`, which does not confine it to the working directory.
//! `read` is a choice of tools: those that only read, and none of the user's extensions
//! and MCP servers. What hooks of extensions refuse stays refused.
//!
//! **Structured answers** are the input of a tool, which an extension adds with the
//! schema as it is. pi lets the model try again without end when a value does not satisfy
//! it. After a few attempts the last value is the answer, and the engine says what is
//! wrong with it. An agent that answers in text instead has answered in text.
//!
//! **Models.** pi goes on with another model when it does not know the requested one;
//! here that is an error, before anything is sent. A cost of zero means a price that pi
//! does not know, and is left out.
//!
//! **Messages** steer the agent: the model reads one after the tools that run. One that comes
//! when the agent has settled is left.
//!
//! **Dialogs** of the user's extensions are dismissed: nobody is there to be asked.
//!
//! Its own retries take a quarter of a minute at the most and are left to it.

mod argv;
mod classify;
mod credentials;
mod extension;
mod frames;
mod transcript;

use async_trait::async_trait;

use crate::agent_schema::{self, AgentSchema};
use crate::cli_agent::{AgentProgram, CliAgent, CliOptions, Invocation, new_session_id};
use crate::process::Environment;
use crate::scratch::Scratch;
use crate::step_inputs::system_with_dirs;
use crate::{Activity, AgentTask, Capabilities, ProviderError};

pub(crate) use self::transcript::Round;

/// The name of this provider.
pub const NAME: &str = "pi";

/// What a user may configure for it.
pub type PiOptions = CliOptions;

/// Drives pi.
#[derive(Debug, Clone, Default)]
pub struct Pi {
    options: PiOptions,
}

impl Pi {
    /// With these options.
    #[must_use]
    pub fn new(options: PiOptions) -> Self {
        Self { options }
    }
}

#[async_trait]
impl CliAgent for Pi {
    type Transcript = Round;

    const PROGRAM: AgentProgram = AgentProgram {
        provider: NAME,
        command: "pi",
        install: "npm install -g @earendil-works/pi-coding-agent (it needs Node 22.19 or later)",
        oldest: None,
        login: "run `pi` and type /login, or set the key of a vendor such as OPENAI_API_KEY",
    };

    const CAPABILITIES: Capabilities = Capabilities {
        schema: true,
        sessions: true,
        effort: true,
        files: true,
        models: true,
        vendors: true,
        read_only: true,
        write: true,
        cost: true,
        tools: true,
        system: true,
        // It may work in any folder, and its system prompt names these.
        dirs: true,
        messages: true,
        ..Capabilities::NONE
    };

    fn options(&self) -> &CliOptions {
        &self.options
    }

    fn environment(&self) -> Environment {
        self.options.environment(&argv::ALLOWED, &argv::DEFAULTS)
    }

    fn logged_in(&self) -> Option<bool> {
        Some(credentials::logged_in(&self.options))
    }

    fn prepare(
        &self,
        task: &AgentTask,
        _activity: &dyn Activity,
    ) -> Result<Invocation<Round>, ProviderError> {
        let schema = match &task.request.schema {
            Some(text) => Some(AgentSchema::raw(&agent_schema::read(NAME, text)?)),
            None => None,
        };
        let system = system_with_dirs(task);
        let extension = match (&schema, &system) {
            (None, None) => None,
            (schema, system) => {
                let schema = schema.as_ref().map(|adapted| &adapted.schema);
                let source = extension::source(schema, system.as_deref());
                Some(Scratch::write(NAME, "call.mjs", source)?)
            }
        };
        let args = argv::arguments(
            task,
            extension.as_ref().map(Scratch::path),
            &new_session_id(NAME)?,
            &self.options.args,
        )?;
        Ok(Invocation {
            args,
            env: self.environment(),
            prompt: None,
            transcript: Round::of(task),
            schema,
            files: extension.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests;
