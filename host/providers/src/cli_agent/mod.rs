//! What agents with a command line have in common: one process for each round.
//!
//! Owns: the order of a round, from the arguments to the reply ([`CliAgent`]), and
//! what can be known of an agent's program beforehand ([`AgentProgram`]). Never:
//! knows a flag or an output line of one agent; those are in the agent's folder.

mod detail;
mod discovery;
mod names;
mod options;
mod own_config;
mod round;
mod transcript;

use async_trait::async_trait;

use crate::agent_schema::AgentSchema;
use crate::process::{Environment, Exit};
use crate::scratch::Scratch;
use crate::{
    Activity, AgentReply, AgentTask, Capabilities, Probe, Processes, Provider, ProviderError,
};

pub(crate) use detail::{detail_of, shorten};
pub(crate) use discovery::AgentProgram;
pub(crate) use names::{known_effort, new_session_id, plain};
pub use options::CliOptions;
pub(crate) use own_config::{
    Unreadable, folder, json, says, text, text_or_nothing, values_of, variable,
};
pub(crate) use transcript::{RoundResult, Transcript};

/// How one agent's program is to be run for one round.
pub(crate) struct Invocation<T> {
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its environment.
    pub(crate) env: Environment,
    /// What goes to stdin; none when the transcript's frames do.
    pub(crate) prompt: Option<String>,
    /// Parses what it prints.
    pub(crate) transcript: T,
    /// The schema that it got, by which its answer is turned into the author's form.
    pub(crate) schema: Option<AgentSchema>,
    /// Files that its arguments name, removed when the round is over.
    pub(crate) files: Vec<Scratch>,
}

/// What differs between the agents with a command line. Everything that implements it
/// is a [`Provider`].
#[async_trait]
pub(crate) trait CliAgent: Send + Sync {
    /// Parses what the agent prints.
    type Transcript: Transcript;

    /// The agent's program.
    const PROGRAM: AgentProgram;

    /// What the agent can do by itself.
    const CAPABILITIES: Capabilities;

    /// What its user has configured.
    fn options(&self) -> &CliOptions;

    /// The environment of its program.
    fn environment(&self) -> Environment;

    /// Whether it has credentials, by its files and variables; none when those cannot
    /// tell.
    fn logged_in(&self) -> Option<bool>;

    /// Arguments, environment and files for this task.
    ///
    /// # Errors
    /// When the agent cannot keep an option of the task, or a file cannot be written.
    fn prepare(
        &self,
        task: &AgentTask,
        activity: &dyn Activity,
    ) -> Result<Invocation<Self::Transcript>, ProviderError>;

    /// The result of the round, with what the agent's files add to its transcript.
    async fn complete(
        &self,
        _task: &AgentTask,
        transcript: Self::Transcript,
        exit: Option<&Exit>,
        _activity: &dyn Activity,
    ) -> RoundResult
    where
        Self::Transcript: 'async_trait,
    {
        transcript.end(exit)
    }
}

#[async_trait]
impl<A: CliAgent> Provider for A {
    fn name(&self) -> &str {
        A::PROGRAM.provider
    }

    fn capabilities(&self) -> Capabilities {
        A::CAPABILITIES
    }

    async fn attempt(
        &self,
        task: AgentTask,
        activity: &dyn Activity,
    ) -> Result<AgentReply, ProviderError> {
        let AgentProgram { provider, command, login, .. } = A::PROGRAM;
        let invocation = self.prepare(&task, activity)?;
        let program = self.options().program(provider, command)?;
        let Invocation { args, env, prompt, mut transcript, schema, files } = invocation;
        let launch = round::launch(provider, program, args, &task, env, prompt);
        let exit = round::run(launch, &task, &mut transcript, activity).await?;
        drop(files);
        let mut result = self.complete(&task, transcript, exit.as_ref(), activity).await;
        if let Some(schema) = &schema {
            result.answer = result.answer.map(|answer| schema.restore_answer(answer));
        }
        result.into_reply(provider, login)
    }

    fn glance(&self) -> Probe {
        A::PROGRAM.glance(self.options(), self.logged_in())
    }

    async fn probe(&self, processes: &Processes) -> Probe {
        let (environment, logged_in) = (self.environment(), self.logged_in());
        A::PROGRAM.probe(processes, self.options(), environment, logged_in).await
    }
}
