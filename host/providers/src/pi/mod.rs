//! The provider `pi`: one `pi --print` per round.
//!
//! Owns: one round with pi. Never: its login, its settings or its sessions'
//! files.
//!
//! **Permissions.** pi has none: its agent may do whatever the user may, and so
//! it is without `permissions` and with `write`, which it does not confine to
//! the working directory. `read` is a choice of tools: those that only read, and none
//! of the user's extensions and MCP servers. What hooks of extensions refuse stays
//! refused.
//!
//! **Structured answers** are the input of a tool, which an extension adds with
//! the schema as it is. pi lets the model try again without end when a value
//! does not satisfy it; after a few the last one is the answer, and whoever
//! judges answers says what is wrong. An agent that answers in text instead has
//! answered in text.
//!
//! **Models.** pi goes on with a model that it does not know; here that is an
//! error, before anything is sent. A cost of nothing is a price that pi does not
//! know, and left out.
//!
//! Its own retries take a quarter of a minute at the most and are left to it.

mod argv;
mod classify;
mod extension;
mod probe;
mod transcript;

use async_trait::async_trait;

use crate::drive::{CliOptions, launch, listen, new_session_id};
use crate::given::system_with_dirs;
use crate::look;
use crate::lower::{self, Lowered};
use crate::scratch::Scratch;
use crate::{
    Activity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider, ProviderError,
};

pub(crate) use self::transcript::Round;

/// The name of this provider.
pub const NAME: &str = "pi";

/// The program, when the user names no other.
const PROGRAM: &str = "pi";

/// What to type when it has no credentials.
const LOGIN: &str = "run `pi` and type /login, or set the key of a vendor such as OPENAI_API_KEY";

/// What a user may say about it.
pub type PiOptions = CliOptions;

/// Drives pi.
#[derive(Debug, Clone, Default)]
pub struct Pi {
    options: PiOptions,
}

impl Pi {
    /// With what the user says about it.
    #[must_use]
    pub fn new(options: PiOptions) -> Self {
        Self { options }
    }

    fn environment(&self) -> crate::process::Environment {
        self.options.environment(&argv::ALLOWED, &argv::DEFAULTS)
    }
}

#[async_trait]
impl Provider for Pi {
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
            vendors: true,
            read_only: true,
            write: true,
            cost: true,
            tools: true,
            system: true,
            // It is not held to any folder, and is told of these.
            dirs: true,
            ..Capabilities::default()
        }
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        let schema = match &task.request.schema {
            Some(text) => Some(Lowered::raw(&lower::read(NAME, text)?)),
            None => None,
        };
        let system = system_with_dirs(&task);
        let extension = match (&schema, &system) {
            (None, None) => None,
            (schema, system) => {
                let schema = schema.as_ref().map(|lowered| &lowered.schema);
                let source = extension::source(schema, system.as_deref());
                Some(Scratch::write(NAME, "call.mjs", source)?)
            }
        };
        let args = argv::arguments(
            &task,
            extension.as_ref().map(Scratch::path),
            &new_session_id(NAME)?,
            &self.options.args,
        )?;
        let program = self.options.program(NAME, PROGRAM)?;
        let launch = launch(NAME, program, args, &task, self.environment());
        let mut round = Round::default();
        let exit = listen(launch, &task.prompt, &task, &mut round, activity).await?;
        let mut ended = round.end(task.model.as_deref(), exit.as_ref());
        if let Some(schema) = &schema {
            ended.answer = ended.answer.map(|answer| schema.raise_answer(answer));
        }
        ended.into_reply(NAME, LOGIN)
    }

    fn glance(&self) -> Probe {
        look::glance(PROGRAM, &self.options, Some(probe::logged_in(&self.options)))
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        probe::probe(processes, &self.options, self.environment()).await
    }
}

#[cfg(test)]
mod tests;
