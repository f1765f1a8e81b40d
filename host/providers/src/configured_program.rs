//! A program that the user's settings define as an agent.
//!
//! Owns: its options, where it is, and how it is launched. Never: starts it, or knows its
//! protocol.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::process::{Environment, Input, Launch, find_program_for, refused};
use crate::{AgentTask, AskPolicy, Probe, ProviderError, ProviderErrorKind};

const NO_COMMAND: &str = "no command is configured for it: set `command`, such as `command = [\"program\", \"argument\"]`, in its settings";

/// A program that the user's settings define as an agent.
#[derive(Debug, Clone, Default)]
pub struct ConfiguredProgram {
    /// The agent's name in scripts.
    pub name: String,
    /// The program, looked up on `PATH`, and its arguments.
    pub command: Vec<String>,
    /// Arguments to add after those of the command.
    pub args: Vec<String>,
    /// Variables to set for it.
    pub env: BTreeMap<String, String>,
    /// Names of variables to pass on to it; one may end in `*`.
    pub env_allow: Vec<String>,
    /// How its permission questions are answered.
    pub asks: AskPolicy,
}

impl ConfiguredProgram {
    /// The launch of the program in a folder, for this attempt.
    pub(crate) fn launch(
        &self,
        cwd: PathBuf,
        input: Input,
        task: &AgentTask,
    ) -> Result<Launch, ProviderError> {
        let args = self.command.iter().skip(1).chain(&self.args);
        Ok(Launch {
            provider: self.name.clone(),
            program: self.find()?,
            args: args.map(Into::into).collect(),
            cwd,
            env: Environment::allowing(&[]).also(&self.env_allow).from(&self.env),
            input,
            presence: Some(task.presence.clone()),
        })
    }

    /// What can be known without starting it. Its version is not asked, because a flag
    /// may mean anything to it.
    pub(crate) fn probe(&self) -> Probe {
        match self.find() {
            Ok(program) => {
                let problem = refused(&program).map(|error| error.to_string());
                Probe { program: Some(program), problem, ..Probe::UNKNOWN }
            }
            Err(error) => {
                let missing = error.missing.map(|missing| *missing);
                Probe { problem: Some(error.message), missing, ..Probe::UNKNOWN }
            }
        }
    }

    fn find(&self) -> Result<PathBuf, ProviderError> {
        let first = self.command.first().filter(|program| !program.is_empty());
        let wanted = first
            .ok_or_else(|| ProviderError::new(&self.name, ProviderErrorKind::Spawn, NO_COMMAND))?;
        let search = self.env.get("PATH").map(String::as_str);
        find_program_for(wanted, search)
            .map_err(|error| error.naming(&self.name, &format!("providers.{}.command", self.name)))
    }
}
