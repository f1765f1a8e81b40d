//! The agent steps of a run, each from dispatch to outcome.
//!
//! Owns: the choice of a step's provider, refusals before dispatch, and the agent's
//! working folder. Never: touches the journal, or decides when a step may start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use smol_wf_core::attempts::ShutProvider;
use smol_wf_core::codes::Code;
use smol_wf_core::guest::{Failure, Outcome};
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::journal::RunHead;
use smol_wf_core::machine::AgentRecord;
use smol_wf_core::selector::{self, Choice, SelectorError};
use smol_wf_core::step_request::{AgentRequest, Permissions, Reply};
use smol_wf_core::worktree::Worktree;
use smol_wf_providers::{Capabilities, Processes, Provider, ProviderErrorKind, Registry};

use crate::agent_events::AgentReporter;
use crate::provider_set;
use crate::request::AgentSettings;
use crate::rounds::{Rounds, RoundsEnd};
use crate::step_resources;
use crate::transcript_files::RawSessions;
use crate::worktree::Worktrees;

/// State that all agent steps of a run share.
pub(crate) struct Agents {
    pub(crate) run: RunId,
    pub(crate) settings: AgentSettings,
    pub(crate) cwd: PathBuf,
    home: Option<PathBuf>,
    pub(crate) processes: Processes,
    head: RunHead,
    registry: Registry,
    raw: Option<Arc<RawSessions>>,
    worktrees: Worktrees,
}

/// A step that is ready for its provider.
pub(crate) struct Job {
    pub(crate) step: StepId,
    pub(crate) ordinal: u32,
    pub(crate) request: AgentRequest,
    pub(crate) choice: Choice,
    pub(crate) provider: Arc<dyn Provider>,
}

/// How an agent step ended.
pub(crate) enum AgentOutcome {
    /// The step is settled.
    Settled(Outcome, Reply),
    /// The provider is unavailable; the step stays open.
    Shut(ShutProvider, Reply),
}

impl Agents {
    pub(crate) fn new(
        head: &RunHead,
        registry: Registry,
        settings: AgentSettings,
        (cwd, home): (PathBuf, Option<PathBuf>),
        worktrees: Option<PathBuf>,
        processes: Processes,
    ) -> Self {
        let raw = settings.raw_sessions.clone().map(|dir| Arc::new(RawSessions::new(dir)));
        let (run, head) = (head.run.clone(), head.clone());
        let worktrees = Worktrees::new(run.clone(), cwd.clone(), worktrees, processes.clone());
        Self { run, settings, cwd, home, processes, head, registry, raw, worktrees }
    }

    /// Ends the programs that providers keep running between steps. Returns the worktrees
    /// of steps that were cut off.
    pub(crate) async fn close(&self) -> Vec<(StepId, AgentRecord)> {
        self.registry.close().await;
        let kept = self.worktrees.close().await;
        kept.into_iter().map(|(step, worktree)| (step, AgentRecord::Worktree(worktree))).collect()
    }

    /// Ends the worktree of a step whose agent was cut off and has ended.
    pub(crate) async fn finish_cut(&self, step: StepId) -> Option<Box<Worktree>> {
        self.worktrees.finish(step).await
    }

    /// Whether this step names no agent and the run has none.
    pub(crate) fn is_for_nobody(&self, request: &AgentRequest) -> bool {
        // The cheap check first: most runs have an agent, and thousands of steps.
        self.head.provider == provider_set::NOBODY
            && choose(request, &self.head, &self.registry)
                .is_ok_and(|choice| is_for_nobody(request, &choice))
    }

    /// Whether the agent of this request takes messages while it works.
    pub(crate) fn takes_messages(&self, request: &AgentRequest) -> bool {
        assign(request, &self.head, &self.registry)
            .is_ok_and(|(_, provider)| provider.capabilities().messages)
    }

    /// Chooses the provider of a step. The session that the step continues must be of the
    /// same provider.
    pub(crate) fn plan(
        &self,
        step: StepId,
        ordinal: u32,
        request: AgentRequest,
    ) -> Result<Job, Failure> {
        let (choice, provider) = assign(&request, &self.head, &self.registry)?;
        if let Some(of) = request.session.as_ref().and_then(|session| session.of.as_ref())
            && of.provider != choice.provider
        {
            let message = format!(
                "the option `session` goes on with a session of `{}`, and this call goes to `{}`; name the provider, or leave the option out",
                of.provider, choice.provider
            );
            return Err(Failure::new(ProviderErrorKind::Unsupported.code(), message));
        }
        Ok(Job { step, ordinal, request, choice, provider })
    }

    /// Runs one step to its end. Dropping the future cancels it.
    pub(crate) async fn run(&self, job: Job, reporter: AgentReporter) -> AgentOutcome {
        let started = Instant::now();
        let name = job.choice.provider.clone();
        let mut reply = Reply { provider: name, attempts: 1, ..Reply::default() };
        let end = self.work(&job, &reporter, &mut reply).await;
        reply.asks = reporter.asks();
        reply.steered = reporter.mailbox.count_told();
        reply.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match end {
            RoundsEnd::Answer(text) => AgentOutcome::Settled(Outcome::Value(text), reply),
            RoundsEnd::Failed(failure) => AgentOutcome::Settled(Outcome::Failed(failure), reply),
            RoundsEnd::Shut(shut) => AgentOutcome::Shut(shut, reply),
        }
    }

    /// Runs the rounds of a step in its folder or worktree. Adds their usage to `reply`,
    /// also when they fail.
    async fn work(&self, job: &Job, reporter: &AgentReporter, reply: &mut Reply) -> RoundsEnd {
        let raw = self.raw.as_ref();
        let sink = raw.map(|raw| raw.sink(&job.choice.provider, &self.run, job.step, reporter));
        let home = self.home.as_deref();
        let resources =
            match step_resources::find(&job.request, &self.cwd, home, &self.settings).await {
                Ok(resources) => resources,
                Err(failure) => return RoundsEnd::Failed(failure),
            };
        if job.request.isolation.is_none() {
            return Rounds::new(self, job, reporter, &self.cwd, sink, resources).run(reply).await;
        }
        let cwd = match self.worktrees.open(job.step).await {
            Ok(opened) => {
                opened.warning.into_iter().for_each(|warning| reporter.warn(warning));
                opened.cwd
            }
            Err(error) => return RoundsEnd::Failed(Failure::new(error.code(), error.to_string())),
        };
        let end = Rounds::new(self, job, reporter, &cwd, sink, resources).run(reply).await;
        reply.worktree = self.worktrees.finish(job.step).await;
        let kept = reply.worktree.as_ref();
        if let Some(warning) = kept.and_then(|worktree| worktree.warning.as_ref()) {
            reporter.warn(format!("worktree of call {}: {warning}", job.step));
        }
        end
    }
}

/// Refusal, in a simulation, of a step that names no agent when there is none. A run would
/// stop instead.
const NO_AGENT: &str = "this call names no agent (by provider, model or phase), and none is \
    installed and logged in; `smol-wf doctor` says what is missing; name one with \
    --agent-provider";

/// Whether the step leaves the choice to a run that has no agent. A step that names
/// `auto` itself names an unknown provider.
fn is_for_nobody(request: &AgentRequest, choice: &Choice) -> bool {
    let is_left_to_run = request.provider.is_none() && choice.named_by_model.is_none();
    is_left_to_run && choice.provider == provider_set::NOBODY
}

/// Chooses the provider of a step. A step with an option that the provider does not
/// support is refused here, before it costs anything.
pub(crate) fn assign(
    request: &AgentRequest,
    head: &RunHead,
    registry: &Registry,
) -> Result<(Choice, Arc<dyn Provider>), Failure> {
    let choice = choose(request, head, registry)
        .map_err(|error| Failure::new(Code::CallInvalid, error.to_string()))?;
    if is_for_nobody(request, &choice) {
        return Err(Failure::new(Code::NoAgent, NO_AGENT));
    }
    let Some(provider) = registry.get(&choice.provider) else {
        return Err(unknown(request, &choice.provider, registry));
    };
    for wish in wishes(request, &choice) {
        if !(wish.is_met)(&provider.capabilities()) {
            return Err(unsupported(registry, &choice.provider, &wish));
        }
    }
    Ok((choice, provider))
}

/// The provider and model of a step, whether or not they exist.
pub(crate) fn choose(
    request: &AgentRequest,
    head: &RunHead,
    registry: &Registry,
) -> Result<Choice, SelectorError> {
    Ok(of_vendor(selector::choose(request, head)?, registry))
}

/// In a model's selector, `provider=` names the vendor of the model if no provider has
/// that name and the provider that is asked otherwise (the step's, its phase's or the
/// run's) takes vendors.
fn of_vendor(choice: Choice, registry: &Registry) -> Choice {
    let takes_vendors = |name: &str| registry.get(name).is_some_and(|it| it.capabilities().vendors);
    let names_nobody = choice.named_by_model.as_ref().is_some_and(|it| registry.get(it).is_none());
    match names_nobody && takes_vendors(&choice.else_provider) {
        true => choice.with_vendor(),
        false => choice,
    }
}

fn unknown(request: &AgentRequest, name: &str, registry: &Registry) -> Failure {
    let mut message = provider_set::unknown(name, registry);
    let vendors: Vec<&str> = registry
        .all()
        .filter(|other| other.capabilities().vendors)
        .map(|other| other.name())
        .collect();
    if request.provider.is_none() && !vendors.is_empty() {
        message.push_str(&format!(
            "; where it is a model's vendor, name an agent that takes vendors: --agent-provider {}",
            vendors.join(" or ")
        ));
    }
    Failure::new(Code::ProviderUnknown, message)
}

fn unsupported(registry: &Registry, name: &str, wish: &Wish) -> Failure {
    let able: Vec<&str> = registry
        .all()
        .filter(|other| (wish.is_met)(&other.capabilities()))
        .map(|other| other.name())
        .collect();
    let able = match able.as_slice() {
        [] => "no provider here does".to_owned(),
        names => format!("these do: {}", names.join(", ")),
    };
    let message = format!(
        "provider `{name}` does not support {}; {able}; or leave the option out",
        wish.option
    );
    Failure::new(ProviderErrorKind::Unsupported.code(), message)
}

/// An option that not every provider supports.
struct Wish {
    option: String,
    is_met: fn(&Capabilities) -> bool,
}

/// The options of a step that its provider must support.
fn wishes(request: &AgentRequest, choice: &Choice) -> Vec<Wish> {
    let mut wishes = Vec::new();
    let mut wish = |option: String, is_met| wishes.push(Wish { option, is_met });
    if let Some(model) = &choice.model {
        wish(format!("the option `model` ('{model}')"), |can| can.models);
    }
    if let Some(effort) = &choice.effort {
        wish(format!("the option `effort` ('{effort}')"), |can| can.effort);
    }
    if let Some(kind) = &request.agent_type {
        wish(format!("the option `agentType` ('{kind}')"), |can| can.agent_types);
    }
    if !request.disallowed_tools.is_empty() {
        wish("the option `disallowedTools`".to_owned(), |can| can.disallowed_tools);
    }
    if request.tools.is_some() {
        wish("the option `tools`".to_owned(), |can| can.tools);
    }
    if request.bash_command_clamp.is_some() {
        wish("the option `bashCommandClamp`".to_owned(), |can| can.bash_command_clamp);
    }
    if request.system.is_some() {
        wish("the option `system`".to_owned(), |can| can.system);
    }
    if !request.dirs.is_empty() {
        wish("the option `dirs`".to_owned(), |can| can.dirs);
    }
    if request.max_turns.is_some() {
        wish("the option `maxTurns`".to_owned(), |can| can.max_turns);
    }
    if !request.images.is_empty() {
        wish("the option `images`".to_owned(), |can| can.images);
    }
    if request.session.is_some() {
        wish("the option `session`".to_owned(), |can| can.sessions);
    }
    if !request.mcp.is_empty() {
        wish("the option `mcp`".to_owned(), |can| can.mcp);
    }
    match choice.permissions {
        // The tools of a server may write.
        Some(Permissions::Read) if !request.mcp.is_empty() => {
            wish("the option `mcp` beside `permissions: 'read'`".to_owned(), |can| !can.files);
        }
        Some(Permissions::Read) => {
            wish("the option `permissions: 'read'`".to_owned(), |can| can.read_only);
        }
        Some(Permissions::Write) => {
            wish("the option `permissions: 'write'`".to_owned(), |can| can.write);
        }
        None => {}
    }
    wishes
}
