//! Any agent that speaks the Agent Client Protocol, given as a command.
//!
//! Owns: one process per round, and the lines to and from it. Never: offers files or
//! terminals to the agent.
//!
//! The provider promises only what it can hold an agent to. The protocol has no
//! structured output, so the engine writes the schema into the prompt. An agent that
//! never asks for permission is held by its own modes alone. Usage that an agent does not
//! report, such as the tokens of all turns of its model but the last, is not counted.

mod asked;
mod conversation;
mod login;
mod modes;
mod policy;
mod quirks;
mod session_inputs;
#[cfg(test)]
mod tests;
mod tool_calls;
mod transcript;
mod usage;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) use self::transcript::parse;

use self::conversation::{AgentSetup, Conversation, Next};
use crate::cause::Cause;
use crate::configured_program::ConfiguredProgram;
use crate::permission::WaitingAsks;
use crate::process::{Input, Process, ProcessError};
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider,
    ProviderError, ProviderErrorKind,
};

/// The name of a provider without one in its options.
pub const NAME: &str = "acp";

/// How long a cancelled agent may take to confirm, before it is ended.
const CANCEL_MAX: Duration = Duration::from_secs(1);

/// Drives one agent.
#[derive(Debug)]
pub struct Acp {
    program: ConfiguredProgram,
    /// Processes that have answered and are ending.
    ending: EndingProcesses,
}

type EndingProcesses = Arc<Mutex<Vec<JoinHandle<()>>>>;

impl Acp {
    /// A provider that has started nothing yet.
    #[must_use]
    pub fn new(mut program: ConfiguredProgram) -> Self {
        if program.name.is_empty() {
            NAME.clone_into(&mut program.name);
        }
        Self { program, ending: EndingProcesses::default() }
    }
}

#[async_trait]
impl Provider for Acp {
    fn name(&self) -> &str {
        &self.program.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            schema: false,
            sessions: true,
            effort: true,
            agent_types: false,
            files: true,
            models: true,
            vendors: false,
            read_only: true,
            write: true,
            // Some agents report it, and nobody knows beforehand which.
            cost: false,
            // An agent that does not offer one of these refuses the step when it is
            // asked.
            system: true,
            dirs: true,
            images: true,
            mcp: true,
            asks: true,
            ..Capabilities::default()
        }
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        activity.note(AgentActivity::Thinking);
        let cwd = task.cwd.canonicalize().map_err(|failure| {
            let cwd = task.cwd.display();
            let message = format!("the working directory {cwd} cannot be entered: {failure}");
            ProviderError::new(self.name(), ProviderErrorKind::Spawn, message)
        })?;
        let launch = self.program.launch(cwd.clone(), Input::Framed, &task)?;
        let setup = AgentSetup { asks: self.program.asks, variables: launch.env.names() };
        let process = Process::start(&task.processes, launch).await;
        let process = process.map_err(|failure| failure.into_provider_error(self.name()))?;
        let raw = task.raw.clone();
        let (conversation, first) = Conversation::open(self.name(), task, cwd, setup);
        let mut turn = Turn {
            process: Some(process),
            conversation,
            ending: self.ending.clone(),
            runtime: Handle::current(),
        };
        // Dropped before the turn: its questions end with it.
        let mut asks = WaitingAsks::new();
        let mut send = vec![first];
        loop {
            if let Err(failure) = turn.write(&send).await {
                return Err(turn.broken_off(failure).await);
            }
            let line = tokio::select! {
                (asked, verdict) = asks.next() => {
                    send = vec![turn.conversation.judged(asked, &verdict, activity)];
                    continue;
                }
                line = turn.line() => line,
            };
            let line = match line {
                Ok(Some(line)) => line,
                Ok(None) => return Err(turn.ended_early().await),
                Err(failure) => return Err(turn.broken_off(failure).await),
            };
            if let Some(raw) = &raw {
                raw.line(turn.conversation.session(), &line);
            }
            match turn.conversation.take(&line, activity)? {
                Next::Send(lines) => send = lines,
                Next::Ask(ask, asked) => {
                    asks.ask(*asked, *ask, activity);
                    send = Vec::new();
                }
                Next::Done(reply) => {
                    turn.over();
                    return Ok(*reply);
                }
            }
        }
    }

    async fn probe(&self, _processes: &Processes) -> Probe {
        self.program.probe()
    }

    async fn close(&self) {
        let ending = std::mem::take(&mut *lock(&self.ending));
        for one in ending {
            // It does not panic, and nobody aborts it.
            let _ = one.await;
        }
    }
}

/// A process in conversation. Dropping it in the middle cancels the turn before the
/// process is ended.
struct Turn {
    process: Option<Process>,
    conversation: Conversation,
    ending: EndingProcesses,
    runtime: Handle,
}

impl Turn {
    async fn write(&mut self, messages: &[Value]) -> Result<(), ProcessError> {
        let Some(process) = &mut self.process else { return Ok(()) };
        for message in messages {
            process.write(format!("{message}\n").as_bytes()).await?;
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<Option<String>, ProcessError> {
        match &mut self.process {
            Some(process) => process.line().await,
            None => Ok(None),
        }
    }

    /// Lets the process end, or ends it, while the caller goes on with the answer.
    fn over(&mut self) {
        if let Some(process) = self.process.take() {
            self.end_with(async move {
                let _ = process.exit().await;
            });
        }
    }

    fn end_with(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut ending = lock(&self.ending);
        ending.retain(|one| !one.is_finished());
        ending.push(self.runtime.spawn(work));
    }

    /// The error of a broken pipe; the exit says more about why.
    async fn broken_off(&mut self, failure: ProcessError) -> ProviderError {
        match failure {
            ProcessError::Io { .. } => self.ended_early().await,
            other => other.into_provider_error(self.conversation.provider()),
        }
    }

    async fn ended_early(&mut self) -> ProviderError {
        let provider = self.conversation.provider().to_owned();
        let Some(process) = self.process.take() else {
            return ProviderError::new(&provider, ProviderErrorKind::Killed, "its process is gone");
        };
        match process.exit().await {
            Ok(exit) => Cause::of_exit("its program", &exit).into_error(&provider),
            Err(failure) => failure.into_provider_error(&provider),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let cancel = self.conversation.cancel();
        if cancel.is_empty() {
            // No turn has begun: dropping the process ends it.
            return;
        }
        self.end_with(async move {
            // It confirms by ending its turn, and is ended in any case.
            let _ = timeout(CANCEL_MAX, async {
                for message in cancel {
                    process.write(format!("{message}\n").as_bytes()).await?;
                }
                while let Some(line) = process.line().await? {
                    if line.contains("\"stopReason\"") {
                        break;
                    }
                }
                Ok::<_, ProcessError>(())
            })
            .await;
            process.end().await;
        });
    }
}

fn lock(ending: &EndingProcesses) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
    ending.lock().unwrap_or_else(PoisonError::into_inner)
}
