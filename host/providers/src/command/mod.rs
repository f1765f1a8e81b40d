//! Any program that reads a prompt on stdin and prints an answer.
//!
//! Owns: what such a program is told, and what it may print (see `answer.rs`).
//! Never: guesses what a program meant; what is not an answer in JSON is text.
//!
//! The program is started once for each round, in the agent's working folder.
//! Its stdin is the prompt, to its end. Lines on stderr are shown as what it is
//! doing. What it may want to know of the call is in its environment:
//!
//! | variable | |
//! |---|---|
//! | `SMOL_WF_RUN_ID`, `SMOL_WF_CALL` | the run and the call's number in it |
//! | `SMOL_WF_IDEMPOTENCY_KEY` | the same for every attempt at the call |
//! | `SMOL_WF_MODEL`, `SMOL_WF_EFFORT`, `SMOL_WF_PERMISSIONS` | when the call gives them |
//! | `SMOL_WF_SESSION_ID` | in a correction round: the session that the program has named |
//! | `SMOL_WF_SCHEMA` | the schema, up to 64 KiB; it is in the prompt as well |

mod answer;

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use smol_wf_core::limits::ANSWER_BYTES_MAX;

use crate::process::{Environment, Launch, Process, ProcessError, Said, find_program};
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Capabilities, Probe, Provider, ProviderError,
    ProviderErrorKind,
};

/// Most that a program may print: the longest answer, escaped in JSON, with
/// what belongs to it.
const PRINTED_BYTES_MAX: usize = 4 * ANSWER_BYTES_MAX;
/// Longest schema in the environment: Linux takes no variable of 128 KiB.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// What a `command` provider is made of.
#[derive(Debug, Clone, Default)]
pub struct CommandOptions {
    /// What scripts call it.
    pub name: String,
    /// The program, looked up on `PATH`, and its arguments.
    pub command: Vec<String>,
    /// The program, in place of the one in `command`.
    pub program: Option<PathBuf>,
    /// More arguments, after those in `command`.
    pub args: Vec<String>,
    /// Variables to set.
    pub env: BTreeMap<String, String>,
    /// Names of variables of this process to pass on; may end in `*`.
    pub env_allow: Vec<String>,
}

/// Runs the program once for each round.
#[derive(Debug, Clone)]
pub struct Command {
    options: CommandOptions,
}

impl Command {
    /// A provider with its own name.
    #[must_use]
    pub fn new(options: CommandOptions) -> Self {
        Self { options }
    }

    fn asked_for(&self) -> Option<PathBuf> {
        let first = self.options.command.first().filter(|program| !program.is_empty());
        self.options.program.clone().or_else(|| first.map(PathBuf::from))
    }

    fn launch(&self, task: &AgentTask) -> Result<Launch, ProviderError> {
        let asked = self.asked_for().ok_or_else(|| self.error(NO_COMMAND.to_owned()))?;
        let program = find_program(&asked.to_string_lossy()).ok_or_else(|| {
            ProcessError::NotFound { program: asked }.into_provider_error(self.name())
        })?;
        let args = self.options.command.iter().skip(1).chain(&self.options.args);
        Ok(Launch {
            provider: self.options.name.clone(),
            program,
            args: args.map(Into::into).collect(),
            cwd: task.cwd.clone(),
            env: self.environment(task),
        })
    }

    fn environment(&self, task: &AgentTask) -> Environment {
        let schema = task.request.schema.as_ref();
        let facts = [
            ("SMOL_WF_RUN_ID", Some(task.run.to_string())),
            ("SMOL_WF_CALL", Some(task.call.0.to_string())),
            ("SMOL_WF_IDEMPOTENCY_KEY", Some(task.idempotency_key.clone())),
            ("SMOL_WF_MODEL", task.model.clone()),
            ("SMOL_WF_EFFORT", task.effort.clone()),
            ("SMOL_WF_PERMISSIONS", task.permissions.map(|given| given.as_str().to_owned())),
            ("SMOL_WF_SESSION_ID", task.session_id.clone()),
            ("SMOL_WF_SCHEMA", schema.filter(|text| text.len() <= SCHEMA_BYTES_MAX).cloned()),
        ];
        let environment = Environment::allowing(&[]).also(&self.options.env_allow);
        facts
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .fold(environment.from(&self.options.env), |environment, (name, value)| {
                environment.set(name, value)
            })
    }

    fn error(&self, message: String) -> ProviderError {
        ProviderError::new(&self.options.name, ProviderErrorKind::Spawn, message)
    }
}

const NO_COMMAND: &str =
    "no command is configured: give `command = [\"program\", \"argument\"]` in its settings";

#[async_trait]
impl Provider for Command {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            models: true,
            effort: true,
            sessions: true,
            files: true,
            write: true,
            // Nothing holds a program of unknown kind to reading, and it need
            // not say what it costs.
            read_only: false,
            cost: false,
            schema: false,
            agent_types: false,
        }
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        let failed = |error: ProcessError| error.into_provider_error(self.name());
        let launch = self.launch(&task)?;
        let tool = launch.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut process = Process::start(launch).await.map_err(failed)?;
        activity.note(AgentActivity::Thinking);
        process.send_and_close(task.prompt.into_bytes());
        let mut printed = String::new();
        while let Some(said) = process.said().await.map_err(failed)? {
            match said {
                Said::Note(line) => {
                    activity.note(AgentActivity::Tool { name: tool.clone(), detail: Some(line) });
                }
                Said::Line(line) => {
                    activity.alive();
                    if let Some(raw) = &task.raw {
                        raw.line(task.session_id.as_deref(), &line);
                    }
                    if printed.len() + line.len() > PRINTED_BYTES_MAX {
                        let (what, max) = ("in all", PRINTED_BYTES_MAX);
                        return Err(failed(ProcessError::TooMuchOutput { what, max }));
                    }
                    printed.push_str(&line);
                    printed.push('\n');
                }
            }
        }
        let exit = process.exit().await.map_err(failed)?;
        let reply = answer::read(self.name(), printed.trim_end_matches('\n'), &exit)?;
        if let Some(session) = &reply.session_id {
            activity.session(session);
        }
        Ok(reply)
    }

    async fn probe(&self) -> Probe {
        let asked = self.asked_for().map(|asked| asked.to_string_lossy().into_owned());
        let program = asked.as_deref().and_then(find_program);
        let problem = match (&asked, &program) {
            (None, _) => Some(NO_COMMAND.to_owned()),
            (Some(asked), None) => Some(format!(
                "there is no program `{asked}`: install it, or name its path in the configuration"
            )),
            _ => None,
        };
        // Its version is not asked: nobody knows what it does with a flag.
        Probe { program, version: None, logged_in: None, problem }
    }
}

#[cfg(test)]
mod tests;
