//! The engine: its parts, and how a new run begins and ends.
//!
//! Owns: the order of things before the first turn and after the last one.
//! Never: the turns themselves; [`crate::drive`] runs them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use smol_wf_core::budget::{Allowance, Budget};
use smol_wf_core::guest::Dialect;
use smol_wf_core::ids::{Digest, RunId, Scope, TenantId};
use smol_wf_core::journal::{JOURNAL_FORMAT, RunHead, ScopeStart};
use smol_wf_core::limits::{CHILDREN_OPEN_MAX, Limits};
use smol_wf_core::machine::Machine;
use smol_wf_core::report::Report;
use smol_wf_core::script::Script;
use smol_wf_core::selector::Selector;
use smol_wf_core::step_request::StepDefaults;
use smol_wf_core::surface::Surface;
use smol_wf_providers::{Processes, Registry, Supervisor, debug, owner};
use smol_wf_sandbox::{Sandbox, SandboxConfig};
use smol_wf_store::{RunKey, RunRow, Store};
use tokio_util::sync::CancellationToken;

use crate::agents::Agents;
use crate::bell::Bells;
use crate::children::{Children, given, scope_start};
use crate::clock;
use crate::compile::{compile, compile_recorded};
use crate::drive::drive;
use crate::effects::EffectRunner;
use crate::error::EngineError;
use crate::folders::{RunFolders, kept};
use crate::fork_answers::ForkAnswers;
use crate::given_answers::{AnswerGiver, GivenAnswers};
use crate::inbox::HolderInbox;
use crate::journal::Entries;
use crate::library::ProjectRoot;
use crate::live::Live;
use crate::lock_wait::LockWait;
use crate::modules::ModuleFolder;
use crate::provider_set::{self, DebugOnly, Providers};
use crate::recorder::{NewRunInfo, Recorder};
use crate::request::{AgentSettings, RunSettings, RunSpec, ScriptFile, Times, WhenOnlyAsks};
use crate::running::Running;
use crate::runs::row;
use crate::watch::Watcher;
use crate::writer::Writer;

/// Default of [`EngineOptions::runs_max`].
const RUNS_MAX_DEFAULT: u32 = 64;

/// Script instances of one run: its scripts, and as many again to find out why one
/// hangs.
const INSTANCES_OF_RUN: u32 = 2 * (CHILDREN_OPEN_MAX + 1);

/// The parts of an engine.
pub struct EngineOptions {
    /// The store of the journals.
    pub store: Box<dyn Store>,
    /// Runs that work at once; at least 1. Others wait in a queue that is in memory
    /// only: see [`Engine::start`].
    pub runs_max: u32,
    /// Makes the providers of each run.
    pub providers: Arc<dyn Providers>,
    /// Folder for the git worktrees of steps. Without it, steps with `isolation` are
    /// refused.
    pub worktrees: Option<PathBuf>,
    /// Folder of the bells through which other processes wake the holder of a run whose
    /// store they share. Without it, the holder notices their messages within ten seconds.
    pub bells: Option<PathBuf>,
    /// Lets the engine act on this whole process to end the programs of agents. Without
    /// it, nothing of the process is changed; `docs/processes.md` says what is weaker.
    pub supervisor: Option<Supervisor>,
}

impl EngineOptions {
    /// This store with the defaults: 64 runs at once, the debug provider alone, no
    /// worktrees, bells or supervisor.
    #[must_use]
    pub fn over(store: Box<dyn Store>) -> Self {
        Self {
            store,
            runs_max: RUNS_MAX_DEFAULT,
            providers: Arc::new(DebugOnly),
            worktrees: None,
            bells: None,
            supervisor: None,
        }
    }
}

/// The parts of a run that belong to this process and are not in its journal.
pub(crate) struct RunMeans {
    pub(crate) registry: Registry,
    pub(crate) folders: RunFolders,
    pub(crate) agents: AgentSettings,
    pub(crate) times: Times,
    pub(crate) asks: (WhenOnlyAsks, GivenAnswers),
}

/// Starts, resumes and forks runs, and reads their journals.
///
/// Cheap to clone. All clones share the store, its thread and the slots for runs; see
/// [`Self::providing`] and [`Self::for_tenant`] for what may differ.
#[derive(Clone)]
pub struct Engine {
    pub(crate) sandbox: Sandbox,
    pub(crate) writer: Writer,
    pub(crate) tenant: TenantId,
    pub(crate) owner: String,
    pub(crate) worktrees: Option<PathBuf>,
    pub(crate) providers: Arc<dyn Providers>,
    /// Shared by all clones.
    pub(crate) bells: Arc<Bells>,
    /// For programs that belong to no run; each run has its own.
    pub(crate) processes: Processes,
    /// Shared by all clones, those of other tenants included.
    pub(crate) running: Arc<Running>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Engine {
    /// Digest of the guest that runs scripts, which each journal names.
    #[must_use]
    pub fn guest_digest() -> Digest {
        Sandbox::guest_digest()
    }

    /// Makes an engine.
    ///
    /// # Errors
    /// When wasmtime cannot be set up, or the system gives no thread or no random
    /// numbers.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        // Never reached: the limits of a run bound its instances.
        let instances = options.runs_max.saturating_add(1).saturating_mul(INSTANCES_OF_RUN);
        let sandbox = Sandbox::new(SandboxConfig::new(instances))?;
        let running = Arc::new(Running::new(options.runs_max));
        let writer = Writer::over(options.store);
        let owner = owner::this_process(random_u64()?);
        let (providers, worktrees) = (options.providers, options.worktrees);
        let supervisor = options.supervisor;
        let processes = supervisor.map_or_else(Processes::new, |given| given.processes());
        let tenant = TenantId::local();
        let bells = Arc::new(Bells::new(options.bells));
        Ok(Self { sandbox, writer, tenant, worktrees, providers, bells, owner, processes, running })
    }

    /// The same engine with other providers. For callers that learn which providers a
    /// run needs from its journal ([`Self::head`]).
    #[must_use]
    pub fn providing(mut self, providers: Arc<dyn Providers>) -> Self {
        self.providers = providers;
        self
    }

    /// The same engine for another tenant, which sees its own runs only. Tenants share
    /// the store, its thread and the slots for runs.
    #[must_use]
    pub fn for_tenant(&self, tenant: TenantId) -> Self {
        Self { tenant, ..self.clone() }
    }

    /// Stops all runs so that another process can resume them, and returns when all
    /// agents have ended and all leases are released.
    ///
    /// 1. Nothing can be started any more, by any clone of this engine:
    ///    [`EngineError::ShuttingDown`].
    /// 2. Queued runs are dropped. [`RunHandle::wait`](crate::RunHandle::wait) returns
    ///    [`EngineError::ShuttingDown`], and nothing of them is in the store.
    /// 3. Agents at work may finish for at most `grace`; no other agent begins. Their
    ///    answers are in the journal.
    /// 4. What still runs is stopped as by
    ///    [`RunHandle::cancel`](crate::RunHandle::cancel).
    ///
    /// Agents of a fixture that is recorded ([`Self::test_fixture`]) are treated alike.
    pub async fn shutdown(&self, grace: Duration) {
        self.running.shut_down(grace).await;
        self.processes.leftovers_ended().await;
    }

    /// Reads and compiles a script without running it.
    ///
    /// # Errors
    /// When the script is invalid, with the author's line and column.
    pub async fn check(&self, file: &ScriptFile) -> Result<(Script, Dialect), EngineError> {
        self.check_as(file, Surface::CURRENT, None).await
    }

    /// As [`Self::check`], for a recorded script.
    pub(crate) async fn check_recorded(
        &self,
        start: &ScopeStart,
        path: &str,
    ) -> Result<(Script, Dialect), EngineError> {
        compile_recorded(&self.sandbox, start, path, Surface::CURRENT).await
    }

    /// Reads and compiles a script for this surface. Its modules are those of `folder`, or
    /// else those beside it.
    pub(crate) async fn check_as(
        &self,
        file: &ScriptFile,
        surface: Surface,
        folder: Option<ModuleFolder<'_>>,
    ) -> Result<(Script, Dialect), EngineError> {
        compile(&self.sandbox, file, surface, folder).await
    }

    /// Runs a script to its end, or until it is stopped.
    ///
    /// # Errors
    /// When the run cannot start, or its journal can no longer be written. Errors of
    /// the script are in the report.
    pub(crate) async fn run(
        &self,
        request: RunSpec,
        run: RunId,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, EngineError> {
        refuse_wrong_models(&request.model_map, &request.defaults)?;
        let folders = RunFolders::of_new(&request.script.path, &request.settings.folders)?;
        let folder = folders.modules();
        let (script, dialect) = self.check_as(&request.script, Surface::CURRENT, folder).await?;
        let head = head_of(&request, &script, run, &folders, random_u64()?)?;
        let registry = provider_set::registry(self.providers.as_ref(), &head)?;
        if head.provider != debug::NAME {
            // In the background; the first agent waits until it is done.
            self.processes.begin_to_end_leftovers();
        }
        let path = &request.script.path;
        let path = folders.root.as_ref().map_or_else(String::new, |root| root.relative(path));
        let start = given(scope_start(Scope::ROOT, script, dialect, path), request.args)?;
        let limits = request.limits;
        let machine = Machine::start(head, start, limits, Sandbox::guest_digest(), clock::now_us());
        let RunSettings { agents, times, asks, answers, .. } = request.settings;
        let asks = (asks, answers);
        let means = RunMeans { registry, folders, agents, times, asks };
        self.begin(machine, None, means, watcher, cancel).await
    }

    /// Puts a new run into the store and drives it.
    pub(crate) async fn begin(
        &self,
        mut machine: Machine,
        fork_answers: Option<ForkAnswers>,
        means: RunMeans,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<Report, EngineError> {
        let RunMeans { registry, folders, agents, times, asks } = means;
        folders.tell(watcher);
        let (head, limits) = (machine.head().clone(), *machine.limits());
        let key = RunKey { tenant: self.tenant.clone(), run: head.run.clone() };
        let new_run = NewRunInfo { name: head.name.clone(), owner: self.owner.clone() };
        let processes = self.processes.apart();
        let tools = (self.writer.clone(), processes.clone());
        let lock_wait = LockWait { watcher, cancel: cancel.clone(), deadline: times.deadline() };
        let inbox = HolderInbox::new(self.writer.clone(), key.clone(), self.bells.clone(), (0, 0));
        let mut recorder = Recorder::new(tools, lock_wait, key, new_run);
        recorder.absorb(machine.take_entries());
        if let Some(fork_answers) = fork_answers {
            recorder.create_fork(fork_answers).await?;
        }
        let runner = self.runner(&head, registry, folders, (limits, agents), processes);
        let driven = (machine, Entries::NONE, inbox);
        Box::pin(self.drive(driven, recorder, runner, cancel, (times, asks))).await
    }

    /// Drives a run until it ends or stops. All its agents have ended and its lease is
    /// released when this returns.
    pub(crate) async fn drive(
        &self,
        (machine, rest, inbox): (Machine, Entries, HolderInbox),
        recorder: Recorder<'_>,
        runner: EffectRunner,
        cancel: CancellationToken,
        (times, (asks, answers)): (Times, (WhenOnlyAsks, GivenAnswers)),
    ) -> Result<Report, EngineError> {
        let _counted = self.writer.run();
        let processes = runner.processes().clone();
        let sandbox = self.sandbox.clone();
        let mut live = Live::new(sandbox, (recorder, inbox), rest, runner, cancel, times);
        live.drain = self.running.drain().clone();
        live.asks = asks;
        live.answers = AnswerGiver::new(answers);
        // Boxed, so that the future of a run is small.
        let ended = Box::pin(drive(&mut live, machine)).await;
        // The next holder of the run must find none of its agents at work.
        processes.all_ended().await;
        live.recorder.let_go().await;
        ended?;
        live.recorder.into_report()
    }

    /// Waits until the store can be written, for at most
    /// [`START_LOCKED_MAX`](crate::START_LOCKED_MAX).
    ///
    /// # Errors
    /// When another process keeps it locked for longer, or `cancel` ended the wait.
    pub async fn wait_to_write(
        &self,
        watcher: &dyn Watcher,
        cancel: CancellationToken,
    ) -> Result<(), EngineError> {
        let lock_wait = LockWait { watcher, cancel, deadline: None };
        Ok(lock_wait.start(|| self.writer.soon(|store| store.try_lock())).await??)
    }

    /// The key of a run of this tenant.
    pub(crate) fn key(&self, run: &RunId) -> RunKey {
        RunKey { tenant: self.tenant.clone(), run: run.clone() }
    }

    /// The row of a run of this tenant; none if the run does not exist.
    pub(crate) async fn row(&self, run: &RunId) -> Result<Option<RunRow>, EngineError> {
        row(&self.writer, &self.key(run)).await
    }

    /// The effect runner of a run.
    pub(crate) fn runner(
        &self,
        head: &RunHead,
        registry: Registry,
        folders: RunFolders,
        (limits, settings): (Limits, AgentSettings),
        processes: Processes,
    ) -> EffectRunner {
        let dirs = (folders.cwd.clone(), folders.home.clone());
        let library = Arc::new(folders.library());
        let sandbox = self.sandbox.clone();
        let children = Children { library, sandbox, surface: head.surface, rules: None };
        let worktrees = self.worktrees.clone();
        let agents = Agents::new(head, registry, settings, dirs, worktrees, processes);
        EffectRunner::new(agents, children, self.writer.clone(), limits.parallel_agents)
    }
}

/// The head of a new run.
fn head_of(
    request: &RunSpec,
    script: &Script,
    run: RunId,
    folders: &RunFolders,
    drawn: u64,
) -> Result<RunHead, EngineError> {
    let root = folders.root.as_ref().map(ProjectRoot::path);
    Ok(RunHead {
        format: JOURNAL_FORMAT,
        surface: Surface::CURRENT,
        run,
        name: script.meta.name.clone(),
        script: script.digest.clone(),
        script_path: kept(&request.script.path)?,
        project_root: kept(root.unwrap_or(&folders.cwd))?,
        cwd: Some(kept(&folders.cwd)?),
        seed: request.seed.unwrap_or(drawn),
        budget: request.budget.or(tokens_of(request.limits.budget)),
        provider: request.provider.clone(),
        model_map: request.model_map.clone(),
        defaults: request.defaults.clone(),
        debug_rules: request.debug_rules.clone(),
        parent: None,
    })
}

/// What the script's `budget` reports by default: a budget in tokens.
fn tokens_of(budget: Option<Budget>) -> Option<u64> {
    match budget?.allowance {
        Allowance::OutputTokens(tokens) => Some(tokens),
        Allowance::UsdMicros(_) => None,
    }
}

/// Refuses model selectors that cannot be parsed.
pub(crate) fn refuse_wrong_models(
    model_map: &[(String, String)],
    defaults: &StepDefaults,
) -> Result<(), EngineError> {
    let aliases = model_map.iter().map(|(_, selector)| (true, selector));
    let own = defaults.model.iter().map(|model| (false, model));
    for (is_alias, text) in aliases.chain(own) {
        Selector::parse(text).map_err(|error| EngineError::Model { is_alias, error })?;
    }
    Ok(())
}

fn random_u64() -> Result<u64, EngineError> {
    getrandom::u64().map_err(no_randomness)
}

/// 128 random bits, for the id of a run.
pub(crate) fn random_u128() -> Result<u128, EngineError> {
    Ok((u128::from(random_u64()?) << 64) | u128::from(random_u64()?))
}

fn no_randomness(error: getrandom::Error) -> EngineError {
    EngineError::System {
        doing: "draw random numbers",
        error: std::io::Error::other(error.to_string()),
    }
}
