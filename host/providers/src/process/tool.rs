//! Programs that are not agents, such as git: asked once, and ended like agents.
//!
//! Owns: one question to one program, and its whole answer. Never: judges how the program
//! ended.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;

use super::{Environment, Input, Launch, Process, ProcessError, Processes, find_program};

/// A question to a program.
#[derive(Debug, Clone)]
pub struct Tool {
    /// The program's name, looked up on `PATH`.
    pub program: &'static str,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its working directory.
    pub cwd: PathBuf,
    /// Names of this process's variables that it gets; no other reaches it.
    pub allowed: &'static [&'static str],
    /// Variables to set for it.
    pub env: Vec<(&'static str, OsString)>,
}

/// A program's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutput {
    /// Whether it ended with exit code 0.
    pub success: bool,
    /// All of stdout, as text.
    pub stdout: String,
    /// The end of stderr.
    pub stderr: String,
}

/// Runs a program and waits for its end. When the future is dropped, or `limit` has
/// passed, the program is ended with all that it started, as an agent is.
///
/// # Errors
/// When the program does not exist, cannot be started, prints more than it may, or does
/// not end in time.
pub async fn ask_tool(
    processes: &Processes,
    tool: Tool,
    limit: Duration,
) -> io::Result<ToolOutput> {
    let program = find_program(tool.program).map_err(|error| match error {
        ProcessError::NotFound { .. } => io::ErrorKind::NotFound.into(),
        other => io::Error::other(other),
    })?;
    let mut env = Environment::default().also(tool.allowed);
    for (name, value) in tool.env {
        env = env.set(name, value);
    }
    let provider = tool.program.to_owned();
    let launch = Launch {
        provider,
        program,
        args: tool.args,
        cwd: tool.cwd,
        env,
        input: Input::None,
        presence: None,
    };
    match timeout(limit, run(processes, launch)).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn run(processes: &Processes, launch: Launch) -> Result<ToolOutput, ProcessError> {
    let mut process = Process::start_beside_leftovers(processes, launch).await?;
    let mut stdout = String::new();
    while let Some(line) = process.line().await? {
        stdout.push_str(&line);
        stdout.push('\n');
    }
    let exit = process.exit().await?;
    Ok(ToolOutput { success: exit.code == Some(0) && !exit.hung, stdout, stderr: exit.stderr_tail })
}
