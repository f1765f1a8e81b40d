//! Any program that reads a prompt on stdin and prints an answer.
//!
//! Owns: what such a program gets, and what it may print (see `answer.rs`). Never:
//! guesses; output that is not an answer in JSON is text.
//!
//! The program is started once for each round, in the agent's working directory. Its
//! stdin is the whole prompt. Lines on stderr are shown as its activity. Facts about
//! the step are in its environment, under names that are not settings of smol-wf: a
//! run that the program starts is another run.
//!
//! | variable | |
//! |---|---|
//! | `SMOL_WF_RUN_ID`, `SMOL_WF_CALL` | the run and the step's number in it |
//! | `SMOL_WF_IDEMPOTENCY_KEY` | the same for every attempt at the step |
//! | `SMOL_WF_CALL_MODEL`, `SMOL_WF_CALL_EFFORT`, `SMOL_WF_CALL_PERMISSIONS` | when the step has them |
//! | `SMOL_WF_SESSION_ID` | the session to resume: that of an earlier round, attempt or step |
//! | `SMOL_WF_CALL_SYSTEM` | text for the agent's system prompt |
//! | `SMOL_WF_CALL_DIRS` | JSON: absolute paths of further folders that it may work in |
//! | `SMOL_WF_SCHEMA` | the schema, up to 64 KiB; it is in the prompt as well |

mod answer;

use std::path::PathBuf;

use async_trait::async_trait;
use smol_wf_core::limits::ANSWER_BYTES_MAX;

use crate::configured_program::ConfiguredProgram;
use crate::process::{Input, Launch, Process, ProcessError, ProgramOutput};
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider,
    ProviderError,
};

/// Most that a program may print: the longest answer, escaped in JSON, with its other
/// keys.
const PRINTED_BYTES_MAX: usize = 4 * ANSWER_BYTES_MAX;
/// Longest schema in the environment: Linux takes no variable of 128 KiB.
const SCHEMA_BYTES_MAX: usize = 64 * 1024;

/// Runs the program once for each round.
#[derive(Debug, Clone)]
pub struct Command {
    program: ConfiguredProgram,
}

impl Command {
    /// A provider with the program's own name.
    #[must_use]
    pub fn new(program: ConfiguredProgram) -> Self {
        Self { program }
    }

    fn launch(&self, task: &AgentTask) -> Result<Launch, ProviderError> {
        let schema = task.request.schema.as_deref().map(str::to_owned);
        let prompt = Input::Whole(task.prompt.clone().into_bytes());
        let facts = [
            ("SMOL_WF_RUN_ID", Some(task.run.to_string())),
            ("SMOL_WF_CALL", Some(task.step.0.to_string())),
            ("SMOL_WF_IDEMPOTENCY_KEY", Some(task.idempotency_key.clone())),
            ("SMOL_WF_CALL_MODEL", task.model.clone()),
            ("SMOL_WF_CALL_EFFORT", task.effort.clone()),
            ("SMOL_WF_CALL_PERMISSIONS", task.permissions.map(|given| given.as_str().to_owned())),
            ("SMOL_WF_CALL_SYSTEM", task.request.system.clone()),
            ("SMOL_WF_CALL_DIRS", paths(&task.dirs)),
            ("SMOL_WF_SESSION_ID", task.session_id.clone()),
            ("SMOL_WF_SCHEMA", schema.filter(|text| text.len() <= SCHEMA_BYTES_MAX)),
        ];
        let mut launch = self.program.launch(task.cwd.clone(), prompt, task)?;
        for (name, value) in facts {
            if let Some(value) = value {
                launch.env = launch.env.set(name, value);
            }
        }
        Ok(launch)
    }
}

/// Paths as JSON; none without paths.
fn paths(dirs: &[PathBuf]) -> Option<String> {
    let texts: serde_json::Value = dirs.iter().map(|dir| dir.to_string_lossy()).collect();
    (!dirs.is_empty()).then(|| texts.to_string())
}

#[async_trait]
impl Provider for Command {
    fn name(&self) -> &str {
        &self.program.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            models: true,
            vendors: false,
            effort: true,
            sessions: true,
            files: true,
            write: true,
            // A program of unknown kind cannot be held to reading, and need not report a
            // cost.
            read_only: false,
            cost: false,
            schema: false,
            agent_types: false,
            system: true,
            dirs: true,
            ..Capabilities::default()
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
        let mut process = Process::start(&task.processes, launch).await.map_err(failed)?;
        let mut printed = String::new();
        while let Some(said) = process.output().await.map_err(failed)? {
            match said {
                ProgramOutput::Stderr(line) => {
                    activity.note(AgentActivity::Tool { name: tool.clone(), detail: Some(line) });
                }
                ProgramOutput::Stdout(line) => {
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
        let replaced_bytes = process.replaced_bytes();
        let exit = process.exit().await.map_err(failed)?;
        let read = answer::read(self.name(), without_line_end(&printed), &exit);
        for said in read.passed_over {
            activity.note(AgentActivity::Tool { name: tool.clone(), detail: Some(said) });
        }
        let reply = AgentReply { replaced_bytes, ..read.reply? };
        if let Some(session) = &reply.session_id {
            activity.session(session);
        }
        Ok(reply)
    }

    async fn probe(&self, _processes: &Processes) -> Probe {
        self.program.probe()
    }
}

/// Removes the end of the last line, which is not part of the answer. `printed` ends with
/// `\n` in any case.
fn without_line_end(printed: &str) -> &str {
    let line = printed.strip_suffix('\n').unwrap_or(printed);
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests;
