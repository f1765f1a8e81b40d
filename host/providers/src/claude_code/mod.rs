//! The provider `claude-code`: one `claude --print` per round.
//!
//! Owns: one round with Claude Code. Never: its login, its settings or its sessions'
//! files.
//!
//! **Permissions.** Nobody is there to be asked, so whatever would ask is refused, and
//! reported as an activity of the agent. Without `permissions` the user's own settings
//! decide. By default Claude Code reads files, runs commands that it knows to be safe,
//! and writes nothing. `read` leaves only the tools that change nothing, and none of the
//! user's MCP servers. `write` is its mode `acceptEdits`: files below the working
//! directory, also by the few commands that it knows to do no more, such as `mkdir`.
//! Other commands are not held to that directory; rules in the user's settings may allow
//! some (`"allow": ["Bash(npm test *)"]`). Rules that deny or ask override every mode. One
//! mode does not override another: where the user's settings, or the definition of the
//! requested agent, begin in a mode that edits nothing, that mode stays.
//!
//! **Its own agents.** A step is one agent, whose last text is the answer; its system
//! prompt says so. The tools that would start agents which nobody counts are taken away,
//! unless the user's settings give them back.
//!
//! **Its questions** are refused, unless the user's settings say otherwise. Then it may do
//! what stays below its working directory.
//!
//! **Messages** are lines of its input, as the prompt is. The agent hears of one with the
//! result of its next tool, or in a turn of its own when it has answered already; the last
//! turn's answer counts. Once it has answered all of them its input is closed.
//!
//! **A refused tool** is not a failure by itself: the agent may have done without it, and
//! only the reader of its answer can tell. Refused and no answer at all is
//! `permission_denied`.
//!
//! **Background work.** Commands and subagents that it left in the background are waited
//! for, as long as Claude Code itself waits. What it says after that is the answer.
//!
//! **Counts** are those of the round alone, since its last result. Its other figures add up
//! a whole session.

mod argv;
mod classify;
mod credentials;
mod frames;
mod lines;
mod servers;
mod settings;
mod transcript;

use std::path::PathBuf;

use async_trait::async_trait;

use smol_wf_core::step_request::Permissions;

use crate::agent_schema::{self, AgentSchema};
use crate::cli_agent::{AgentProgram, CliAgent, CliOptions, Invocation, new_session_id};
use crate::process::Environment;
use crate::scratch::Scratch;
use crate::{Activity, AgentTask, Capabilities, ProviderError};

pub(crate) use self::transcript::Round;

/// The name of this provider.
pub const NAME: &str = "claude-code";

/// The oldest version that refuses its own questions, instead of waiting for an answer.
const OLDEST: &str = "2.1.259";

/// What a user may configure for it.
pub type ClaudeCodeOptions = CliOptions;

/// Drives Claude Code.
#[derive(Debug, Clone, Default)]
pub struct ClaudeCode {
    options: ClaudeCodeOptions,
}

impl ClaudeCode {
    /// With these options.
    #[must_use]
    pub fn new(options: ClaudeCodeOptions) -> Self {
        Self { options }
    }
}

#[async_trait]
impl CliAgent for ClaudeCode {
    type Transcript = Round;

    const PROGRAM: AgentProgram = AgentProgram {
        provider: NAME,
        command: "claude",
        install: "npm install -g @anthropic-ai/claude-code",
        oldest: Some(OLDEST),
        login: "run `claude` and type /login, or set ANTHROPIC_API_KEY",
    };

    const CAPABILITIES: Capabilities = Capabilities {
        schema: true,
        sessions: true,
        effort: true,
        agent_types: true,
        files: true,
        models: true,
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
        messages: true,
        ..Capabilities::NONE
    };

    fn options(&self) -> &CliOptions {
        &self.options
    }

    fn environment(&self) -> Environment {
        let is_on = |name: &str| settings::is_on(&self.options, name);
        self.options.environment(&argv::allowed(is_on), &argv::DEFAULTS)
    }

    fn logged_in(&self) -> Option<bool> {
        credentials::logged_in(&self.options)
    }

    fn prepare(
        &self,
        task: &AgentTask,
        activity: &dyn Activity,
    ) -> Result<Invocation<Round>, ProviderError> {
        let schema = match &task.request.schema {
            Some(text) => Some(AgentSchema::draft7(&agent_schema::read(NAME, text)?)),
            None => None,
        };
        let servers = servers::file(&task.mcp)?;
        let files = argv::Files {
            schema: schema.as_ref().map(|adapted| &adapted.schema),
            servers: servers.as_ref().map(Scratch::path),
        };
        let args = argv::arguments(task, files, &new_session_id(NAME)?, &self.options)?;
        if task.permissions == Some(Permissions::Write)
            && let Some(warning) = settings::unread(&self.options, &task.cwd)
        {
            activity.warn(warning);
        }
        let mut transcript = Round::of(task, folders(task));
        transcript.servers = task.mcp.iter().map(|server| server.name.clone()).collect();
        transcript.servers_file = servers;
        Ok(Invocation {
            args,
            env: self.environment(),
            prompt: None,
            transcript,
            schema,
            files: Vec::new(),
        })
    }
}

/// The folders that it may work in.
fn folders(task: &AgentTask) -> Vec<PathBuf> {
    std::iter::once(&task.cwd).chain(&task.dirs).cloned().collect()
}

#[cfg(test)]
mod tests;
