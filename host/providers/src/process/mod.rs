//! Programs that providers drive: started, spoken to, ended.
//!
//! Owns: one child process from its start to the end of everything that it started.
//! Never: knows a program's purpose, or forgets one: whatever happens, its whole tree is
//! ended.
//!
//! [`keeper`] is the one thread that starts, waits for and ends children; a [`Process`]
//! is a handle to one of them, with its pipes.

mod ancestry;
mod environment;
mod error;
mod flaw;
mod grace;
mod handle;
mod input;
mod keeper;
mod launch;
mod leftovers;
mod managed_child;
mod orphans;
mod output;
mod processes;
mod program;
mod reach;
mod supervisor;
mod system;
mod tool;
mod tree;

use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

pub use ancestry::{is_below_agent, is_started_below_agent};
pub(crate) use environment::Environment;
pub(crate) use error::ProcessError;
pub(crate) use grace::GRACE;
pub(crate) use input::Input;
pub(crate) use launch::Launch;
pub use leftovers::end_leftovers;
pub use processes::Processes;
pub(crate) use program::{find_program, find_program_for, refused};
pub use supervisor::Supervisor;
pub use tool::{Tool, ToolOutput, ask_tool};

use handle::ChildHandle;
use output::{Lines, Tail};

/// How long output is read after the program itself has ended. Its output is in the pipe
/// by then, but processes that it left may hold the pipe open.
const DRAIN: Duration = Duration::from_millis(200);
/// Most of the answer to a question such as `--version` that is kept.
const ASK_BYTES_MAX: usize = 64 * 1024;

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    /// Its exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    /// Whether it had to be ended because it closed stdout and ran on.
    pub(crate) hung: bool,
    /// The end of its stderr.
    pub(crate) stderr_tail: String,
}

impl Exit {
    /// `exit code 1`, or the signal that ended it.
    pub(crate) fn in_words(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => "ended for an unknown reason".to_owned(),
        }
    }
}

/// A line that a program has printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProgramOutput {
    /// A line of stdout, whole.
    Stdout(String),
    /// A line of stderr, cut to a bounded length. Lines are dropped while nobody reads
    /// them.
    Stderr(String),
}

/// A running child, leader of a process group of its own.
///
/// Dropping it ends everything that it started: SIGTERM to its group, three seconds of
/// grace, SIGKILL to every descendant. [`Processes::all_ended`] waits for that.
#[derive(Debug)]
pub(crate) struct Process {
    handle: ChildHandle,
    /// Only with [`Input::Framed`].
    stdin: Option<ChildStdin>,
    lines: Lines<ChildStdout>,
    notes: mpsc::Receiver<String>,
    tail: Tail,
    /// The task that reads stderr.
    draining: JoinHandle<()>,
    /// When to stop reading output, once the program has ended.
    patience: Option<Instant>,
}

impl Process {
    /// Starts a program, after the leftovers of an earlier process have ended.
    pub(crate) async fn start(processes: &Processes, launch: Launch) -> Result<Self, ProcessError> {
        processes.end_leftovers().await;
        Self::start_beside_leftovers(processes, launch).await
    }

    /// Starts a program that is not an agent, without waiting for leftovers.
    async fn start_beside_leftovers(
        processes: &Processes,
        launch: Launch,
    ) -> Result<Self, ProcessError> {
        Self::attach(processes.start(launch).await?)
    }

    fn attach(started: handle::StartedChild) -> Result<Self, ProcessError> {
        let piped = |error| ProcessError::Io { doing: "set up a pipe to the program", error };
        let stdin = started.stdin.map(ChildStdin::from_std).transpose().map_err(piped)?;
        let stdout = ChildStdout::from_std(started.stdout).map_err(piped)?;
        let stderr = ChildStderr::from_std(started.stderr).map_err(piped)?;
        let tail = Tail::default();
        let (sender, notes) = output::notes();
        let draining = tokio::spawn(output::drain(stderr, tail.clone(), sender));
        Ok(Self {
            handle: started.handle,
            stdin,
            lines: Lines::new(stdout),
            notes,
            tail,
            draining,
            patience: None,
        })
    }

    /// Writes and flushes a frame. What the program prints meanwhile is read and kept:
    /// one that prints before it reads would wait for us while we wait for it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), ProcessError> {
        let Self { stdin, lines, .. } = self;
        let mut written = pin!(async {
            match stdin {
                Some(stdin) => stdin.write_all(bytes).await.and(stdin.flush().await),
                None => Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe)),
            }
        });
        loop {
            tokio::select! {
                biased;
                written = &mut written => {
                    return written.map_err(|error| {
                        ProcessError::Io { doing: "write to the program", error }
                    });
                }
                filled = lines.fill(), if lines.has_room() => filled?,
            }
        }
    }

    /// Closes stdin.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// The next line of stdout, none at its end. Dropping the future loses nothing.
    pub(crate) async fn line(&mut self) -> Result<Option<String>, ProcessError> {
        loop {
            match self.output().await? {
                Some(ProgramOutput::Stderr(_)) => {}
                Some(ProgramOutput::Stdout(line)) => return Ok(Some(line)),
                None => return Ok(None),
            }
        }
    }

    /// The next line of stdout or stderr, none at the end of stdout. Dropping the future
    /// loses nothing.
    pub(crate) async fn output(&mut self) -> Result<Option<ProgramOutput>, ProcessError> {
        loop {
            if let Some(line) = self.lines.take() {
                return Ok(Some(ProgramOutput::Stdout(line)));
            }
            if self.lines.has_ended() {
                // The last lines of stderr may say why it ended, and may still be on
                // their way.
                let until = *self.patience.get_or_insert_with(|| Instant::now() + DRAIN);
                let note = timeout_at(until, self.notes.recv()).await;
                return Ok(note.ok().flatten().map(ProgramOutput::Stderr));
            }
            let patience = self.patience;
            let ended = async {
                match patience {
                    Some(until) => sleep_until(until).await,
                    None => _ = self.handle.exited().await,
                }
            };
            tokio::select! {
                biased;
                filled = self.lines.fill() => filled?,
                Some(note) = self.notes.recv() => return Ok(Some(ProgramOutput::Stderr(note))),
                () = ended => match patience {
                    Some(_) => self.lines.end(),
                    None => self.patience = Some(Instant::now() + DRAIN),
                },
            }
        }
    }

    /// Number of bytes so far that were not UTF-8. Each sequence of them is U+FFFD in its
    /// line.
    pub(crate) fn replaced_bytes(&self) -> u64 {
        self.lines.replaced()
    }

    /// Waits for the exit. A child that has closed stdout and runs on is ended after a
    /// while, so this takes at most twice the grace period.
    pub(crate) async fn exit(mut self) -> Result<Exit, ProcessError> {
        // A program that waits for more input sees its end, and one that waits for a
        // reader is read.
        drop(self.stdin.take());
        let (status, hung) = {
            let exited = async {
                match timeout(GRACE, self.handle.exited()).await {
                    Ok(status) => (status, false),
                    Err(_) => (self.handle.end_and_wait().await, true),
                }
            };
            let mut exited = pin!(exited);
            tokio::select! {
                ended = &mut exited => ended,
                () = self.lines.discard() => exited.await,
            }
        };
        let status = status.ok_or_else(|| ProcessError::Io {
            doing: "learn how the program ended",
            error: std::io::Error::other("it does not end, or SIGCHLD is ignored here"),
        })?;
        // A process that it left behind may hold stderr open.
        let _ = timeout(DRAIN, &mut self.draining).await;
        Ok(Exit {
            code: status.code(),
            signal: status.signal(),
            hung,
            stderr_tail: self.tail.text(),
        })
    }

    /// Ends the tree and returns when the program itself has ended.
    pub(crate) async fn end(mut self) {
        drop(self.stdin.take());
        self.handle.end_and_wait().await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.draining.abort();
    }
}

/// Starts a program, passes each line of stdout on, and waits for the exit.
pub(crate) async fn run(
    processes: &Processes,
    launch: Launch,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Exit, ProcessError> {
    let mut process = Process::start(processes, launch).await?;
    while let Some(line) = process.line().await? {
        on_line(&line);
    }
    process.exit().await
}

/// Asks a program a question that it answers by itself, such as `--version`. Returns its
/// exit and its stdout.
pub(crate) async fn ask(
    processes: &Processes,
    launch: Launch,
    limit: Duration,
) -> Result<(Exit, String), ProcessError> {
    let program = launch.program.clone();
    let asked = async {
        let mut text = String::new();
        let exit = run(processes, launch, &mut |line| {
            if text.len() + line.len() < ASK_BYTES_MAX {
                text.push_str(line);
                text.push('\n');
            }
        })
        .await?;
        Ok((exit, text))
    };
    match timeout(limit, asked).await {
        Ok(answered) => answered,
        Err(_) => Err(ProcessError::TimedOut { program, after: limit }),
    }
}

#[cfg(test)]
mod tests;
