//! The provider `claude-code`: one `claude --print` per round.
//!
//! Owns: one round with Claude Code. Never: its login, its settings or its
//! sessions' files.
//!
//! **Permissions.** Nobody is there to be asked, so whatever would ask is
//! refused, and told as an activity of the agent. Without `permissions` the
//! user's own settings decide; Claude Code's default reads files, runs commands
//! that it knows to be safe, and writes nothing. `read` leaves it the tools that
//! change nothing, and none of the user's MCP servers. `write` is its mode
//! `acceptEdits`: files below the working directory, also by the few commands that
//! it knows to do no more, such as `mkdir`. Other commands are not held to that
//! directory; rules in the user's settings may allow some (`"allow":
//! ["Bash(npm test *)"]`). Its rules that deny and that ask stand above every mode.
//! A mode does not stand above another: where the user's settings, or the
//! definition of the agent that is asked for, begin in one that edits nothing, that
//! one stays.
//!
//! **Its own agents.** A call is one agent, whose last text is the answer; it is
//! told so. What would begin agents beside it that nobody counts is taken away,
//! unless the user's settings give it back.
//!
//! **What it asks** is refused, unless the user's setting says otherwise: then it is
//! told the prompt, and that it may below the folder that it works in, in lines of
//! JSON.
//!
//! **A refused tool** is no failure by itself: the agent may have done without
//! it, and nobody but the reader of its answer can tell. Refused and no answer
//! at all is `permission_denied`.
//!
//! **Background work.** Commands and subagents that it has left in the background
//! are waited for, as long as Claude Code itself does; what it says then is the
//! answer.
//!
//! **Counts** are of the round alone, by what it says it has used since its last
//! result; its other figures add up a whole session.

mod argv;
mod classify;
mod frames;
mod lines;
mod probe;
mod servers;
mod settings;
mod transcript;

use std::path::PathBuf;

use async_trait::async_trait;

use smol_wf_core::call::Permissions;

use crate::drive::{CliOptions, launch, listen, new_session_id};
use crate::look;
use crate::lower::{self, Lowered};
use crate::process::Input;
use crate::scratch::Scratch;
use crate::{
    Activity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider, ProviderError,
};

pub(crate) use self::transcript::Round;

/// The name of this provider.
pub const NAME: &str = "claude-code";

/// The program, when the user names no other.
const PROGRAM: &str = "claude";

/// What to type when it has no credentials.
const LOGIN: &str = "run `claude` and type /login, or set ANTHROPIC_API_KEY";

/// What a user may say about it.
pub type ClaudeCodeOptions = CliOptions;

/// Drives Claude Code.
#[derive(Debug, Clone, Default)]
pub struct ClaudeCode {
    options: ClaudeCodeOptions,
}

impl ClaudeCode {
    /// With what the user says about it.
    #[must_use]
    pub fn new(options: ClaudeCodeOptions) -> Self {
        Self { options }
    }

    fn environment(&self) -> crate::process::Environment {
        let is_on = |name: &str| settings::is_on(&self.options, name);
        self.options.environment(&argv::allowed(is_on), &argv::DEFAULTS)
    }
}

#[async_trait]
impl Provider for ClaudeCode {
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
            vendors: false,
            read_only: true,
            write: true,
            cost: true,
            disallowed_tools: true,
            tools: true,
            system: true,
            dirs: true,
            max_turns: true,
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
        let schema = match &task.request.schema {
            Some(text) => Some(Lowered::draft7(&lower::read(NAME, text)?)),
            None => None,
        };
        let servers = servers::file(&task.mcp)?;
        let files = argv::Files {
            schema: schema.as_ref().map(|lowered| &lowered.schema),
            servers: servers.as_ref().map(Scratch::path),
        };
        let args = argv::arguments(&task, files, &new_session_id(NAME)?, &self.options)?;
        if task.permissions == Some(Permissions::Write)
            && let Some(warning) = settings::unread(&self.options, &task.cwd)
        {
            activity.warn(warning);
        }
        let program = self.options.program(NAME, PROGRAM)?;
        let mut launch = launch(NAME, program, args, &task, self.environment());
        let mut round = Round::default();
        if argv::is_framed(&task, self.options.asks) {
            launch.input = Input::Framed;
            round = Round::framed(&task.prompt, &task.images, places(&task));
        }
        round.servers = task.mcp.iter().map(|server| server.name.clone()).collect();
        let exit = listen(launch, &task.prompt, &task, &mut round, activity).await?;
        let mut ended = round.end(exit.as_ref());
        if let Some(schema) = &schema {
            ended.answer = ended.answer.map(|answer| schema.raise_answer(answer));
        }
        ended.into_reply(NAME, LOGIN)
    }

    fn glance(&self) -> Probe {
        look::glance(PROGRAM, &self.options, probe::logged_in(&self.options))
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        probe::probe(processes, &self.options, self.environment()).await
    }
}

/// Where it may do what it asks for.
fn places(task: &AgentTask) -> Vec<PathBuf> {
    std::iter::once(&task.cwd).chain(&task.dirs).cloned().collect()
}

#[cfg(test)]
mod tests;
