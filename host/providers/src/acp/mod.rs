//! Any agent that speaks the Agent Client Protocol, given as a command.
//!
//! Owns: one process per call, and the lines to and from it. Never: files or
//! terminals for the agent, which it is told are not offered.
//!
//! What cannot be held to is not promised: the protocol has no structured
//! output, so the engine writes the schema into the prompt; and an agent that
//! never asks for permission is held by its own modes alone.

mod conversation;
mod policy;
#[cfg(test)]
mod tests;
mod transcript;
mod wire;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::conversation::{Conversation, Next};
use crate::process::{Environment, Launch, Process, ProcessError, find_program};
use crate::vendor_words::kind_of;
use crate::{
    Activity, AgentActivity, AgentReply, AgentTask, Capabilities, Probe, Provider, ProviderError,
    ProviderErrorKind,
};

/// The name of a provider whose options give none.
pub const NAME: &str = "acp";

/// How long a cancelled agent may take to say so, before it is ended.
const CANCEL_MAX: Duration = Duration::from_secs(1);

/// Which agent, and how to start it.
#[derive(Debug, Clone, Default)]
pub struct AcpOptions {
    /// What scripts call it; empty is `acp`.
    pub name: String,
    /// The program and its arguments, such as `["gemini", "--acp"]`.
    pub command: Vec<String>,
    /// The program, in place of the first word of the command.
    pub program: Option<PathBuf>,
    /// Variables to set for it.
    pub env: BTreeMap<String, String>,
    /// Names of variables to pass on to it; one may end in `*`.
    pub env_allow: Vec<String>,
    /// Arguments to add to the command.
    pub args: Vec<String>,
}

/// Drives one agent.
#[derive(Debug)]
pub struct Acp {
    name: String,
    options: AcpOptions,
    /// Processes that have done their work and are ending.
    ending: Ending,
}

type Ending = Arc<Mutex<Vec<JoinHandle<()>>>>;

impl Acp {
    /// Without starting anything.
    #[must_use]
    pub fn new(options: AcpOptions) -> Self {
        let name = if options.name.is_empty() { NAME } else { &options.name };
        Self { name: name.to_owned(), options, ending: Ending::default() }
    }

    /// The program as it was asked for.
    fn wanted(&self) -> Option<String> {
        let program = self.options.program.as_ref().map(|path| path.to_string_lossy().into_owned());
        program.or_else(|| self.options.command.first().cloned())
    }

    fn launch(&self, cwd: &Path) -> Result<Launch, ProviderError> {
        let wanted = self.wanted().ok_or_else(|| self.error(NO_COMMAND.to_owned()))?;
        let program = find_program(&wanted).ok_or_else(|| {
            self.error(format!(
                "the program `{wanted}` is not installed; install it, or correct its `command` in the configuration"
            ))
        })?;
        let args = self.options.command.iter().skip(1).chain(&self.options.args);
        Ok(Launch {
            provider: self.name.clone(),
            program,
            args: args.map(OsString::from).collect(),
            cwd: cwd.to_owned(),
            env: Environment::allowing(&[]).also(&self.options.env_allow).from(&self.options.env),
        })
    }

    fn error(&self, message: String) -> ProviderError {
        ProviderError::new(&self.name, ProviderErrorKind::Spawn, message)
    }
}

/// What is missing from the options.
const NO_COMMAND: &str =
    "no command is configured for it; set `command`, such as `command = [\"gemini\", \"--acp\"]`";

#[async_trait]
impl Provider for Acp {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            schema: false,
            sessions: true,
            effort: true,
            agent_types: false,
            files: true,
            models: true,
            read_only: true,
            write: true,
            // Some agents say it, and nothing tells beforehand which.
            cost: false,
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
            self.error(format!("the working directory {cwd} cannot be entered: {failure}"))
        })?;
        let process = Process::start(self.launch(&cwd)?).await;
        let process = process.map_err(|failure| failure.into_provider_error(&self.name))?;
        let raw = task.raw.clone();
        let (conversation, first) = Conversation::open(&self.name, task, cwd);
        let mut turn = Turn {
            process: Some(process),
            conversation,
            ending: self.ending.clone(),
            runtime: Handle::current(),
        };
        let mut send = vec![first];
        loop {
            if let Err(failure) = turn.write(&send).await {
                return Err(turn.broken_off(failure).await);
            }
            let line = match turn.line().await {
                Ok(Some(line)) => line,
                Ok(None) => return Err(turn.ended_early().await),
                Err(failure) => return Err(turn.broken_off(failure).await),
            };
            if let Some(raw) = &raw {
                raw.line(turn.conversation.session(), &line);
            }
            match turn.conversation.take(&line, activity)? {
                Next::Send(lines) => send = lines,
                Next::Done(reply) => {
                    turn.over();
                    return Ok(*reply);
                }
            }
        }
    }

    async fn probe(&self) -> Probe {
        let program = self.wanted().and_then(|wanted| find_program(&wanted));
        let problem = match (&program, self.wanted()) {
            (Some(_), _) => None,
            (None, Some(wanted)) => Some(format!("the program `{wanted}` is not installed")),
            (None, None) => Some(NO_COMMAND.to_owned()),
        };
        // Its version and its login are told in a session, which a look is not.
        Probe { program, version: None, logged_in: None, problem }
    }

    async fn close(&self) {
        let ending = std::mem::take(&mut *lock(&self.ending));
        for one in ending {
            // It does not panic, and nobody aborts it.
            let _ = one.await;
        }
    }
}

/// A process in conversation. Dropped in the middle, it is told to cancel before
/// it is ended.
struct Turn {
    process: Option<Process>,
    conversation: Conversation,
    ending: Ending,
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

    /// The answer is there; the process ends by itself, or is ended, while the
    /// caller goes on.
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

    /// A pipe broke; the exit says more about why.
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
            Ok(exit) => {
                let tail = exit.stderr_tail.trim();
                let kind = match kind_of(None, tail) {
                    _ if exit.signal.is_some() => ProviderErrorKind::Killed,
                    ProviderErrorKind::Failed if self.conversation.has_asked() => {
                        ProviderErrorKind::CutStream
                    }
                    found => found,
                };
                let words = exit.in_words();
                let message = format!("its program ended in the middle ({words}): {tail}");
                ProviderError::new(&provider, kind, message.trim_end_matches([' ', ':']))
            }
            Err(failure) => failure.into_provider_error(&provider),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let Some(cancel) = self.conversation.cancel() else {
            // Nothing is going on yet: dropping the process ends it.
            return;
        };
        self.end_with(async move {
            // It answers by ending its turn, and is ended one way or the other.
            let _ = timeout(CANCEL_MAX, async {
                process.write(format!("{cancel}\n").as_bytes()).await?;
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

fn lock(ending: &Ending) -> std::sync::MutexGuard<'_, Vec<JoinHandle<()>>> {
    ending.lock().unwrap_or_else(PoisonError::into_inner)
}
