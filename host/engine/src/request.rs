//! What a caller asks of the engine.
//!
//! Owns: the shapes of requests, high-level and complete. Never: parses flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use smol_wf_core::budget::{Budget, BudgetMode, BudgetSetting};
use smol_wf_core::call::CallDefaults;
use smol_wf_core::ids::RunId;
use smol_wf_core::limits::{
    AGENT_IDLE_MS_DEFAULT, AGENT_TIMEOUT_MS_DEFAULT, Limits, TURN_MS_DEFAULT,
};
use smol_wf_core::prices::Prices;
use smol_wf_providers::{McpServer, debug};
use tokio::time::Instant;

use crate::error::EngineError;
use crate::library::load_named;

/// A script that the caller has read.
#[derive(Debug, Clone)]
pub struct ScriptFile {
    /// Its bytes, as they are.
    pub bytes: Vec<u8>,
    /// Where it came from; child workflows are looked for beside it.
    pub path: PathBuf,
}

/// A new run, or a simulation of one. All but the script has a default.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// What to run.
    pub script: ScriptFile,
    /// JSON text of `args`; none is `undefined` to a body script, `{}` to a module.
    pub args: Option<String>,
    /// Limits.
    pub limits: Limits,
    /// Output tokens that the script's `budget` speaks of.
    pub budget: Option<u64>,
    /// Provider for calls that name none.
    pub provider: String,
    /// Model aliases; a later one wins.
    pub model_map: Vec<(String, String)>,
    /// What calls are given that do not say it themselves.
    pub defaults: CallDefaults,
    /// Rules of the debug provider.
    pub debug_rules: Vec<String>,
    /// Seed of everything random; drawn when there is none.
    pub seed: Option<u64>,
    /// How this process runs it.
    pub settings: RunSettings,
}

impl RunSpec {
    /// This script, with the usual limits and the debug provider, in the folder that
    /// its project begins at.
    #[must_use]
    pub fn new(script: ScriptFile) -> Self {
        Self {
            script,
            args: None,
            limits: Limits::default(),
            budget: None,
            provider: debug::NAME.to_owned(),
            model_map: Vec::new(),
            defaults: CallDefaults::default(),
            debug_rules: Vec::new(),
            seed: None,
            settings: RunSettings::default(),
        }
    }
}

/// How one process runs a run. Not part of what the run is: each resume may have
/// other settings.
#[derive(Debug, Clone, Default)]
pub struct RunSettings {
    /// How agents are run, and what they may be given.
    pub agents: AgentSettings,
    /// Wall-clock limits of the whole run and of each turn.
    pub times: Times,
    /// Where agents work and where scripts lie.
    pub folders: Folders,
}

/// Wall-clock time that a process gives a run. Ends no more than this process's
/// part in it.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// All of it; as long as it takes when there is none.
    pub run: Option<Duration>,
    /// One turn of a script, whatever its fuel says.
    pub turn: Duration,
}

impl Times {
    /// When the run is to be let go of, counted from now.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.run.map(|run| Instant::now() + run)
    }
}

impl Default for Times {
    fn default() -> Self {
        Self { run: None, turn: Duration::from_millis(TURN_MS_DEFAULT) }
    }
}

/// Where a run works and where its scripts lie, as far as its head does not say
/// so or the caller knows better.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// The folder that agents work in; that of the head, else the root of the
    /// script's project, when there is none.
    pub cwd: Option<PathBuf>,
    /// The folder to work in where neither the head nor the project has one any
    /// more: runs of an older program do not say theirs.
    pub here: Option<PathBuf>,
    /// No child workflow lies above this folder; found from the script when
    /// there is none.
    pub project_root: Option<PathBuf>,
    /// The user's home, which is never taken for a project.
    pub home: Option<PathBuf>,
}

/// How agents are run by one process. Not part of what a run is: a resume may
/// have others.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// Wall-clock time of one attempt at a call that names none.
    pub timeout: Duration,
    /// Longest silence of an agent.
    pub idle_timeout: Duration,
    /// Folder for the agents' own transcripts.
    pub raw_sessions: Option<PathBuf>,
    /// What tokens cost where a provider does not say.
    pub prices: Prices,
    /// Folders outside of the project in which calls may let their agents work, and
    /// from which they may show images.
    pub dirs: Vec<PathBuf>,
    /// The MCP servers that calls may give their agents.
    pub mcp: Vec<McpServer>,
}

impl Default for AgentSettings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(AGENT_TIMEOUT_MS_DEFAULT),
            idle_timeout: Duration::from_millis(AGENT_IDLE_MS_DEFAULT),
            raw_sessions: None,
            prices: Prices::default(),
            dirs: Vec::new(),
            mcp: Vec::new(),
        }
    }
}

impl ScriptFile {
    /// Reads a script's file.
    ///
    /// # Errors
    /// When it cannot be read, or is too large for a script.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, EngineError> {
        let path = path.as_ref();
        let bytes = load_named(path, None)?;
        Ok(Self { bytes, path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()) })
    }
}

/// Limits that a resume changes; what is none stays as it was.
#[derive(Debug, Clone, Copy, Default)]
pub struct LimitChanges {
    /// Fuel of the run.
    pub fuel: Option<u64>,
    /// MiB of memory.
    pub memory_mib: Option<u32>,
    /// Agents that may be started.
    pub agents: Option<u32>,
    /// Agents at work at once; may be lowered.
    pub parallel_agents: Option<u32>,
    /// MiB of the journal.
    pub journal_mib: Option<u32>,
    /// What may be spent.
    pub budget: Option<BudgetSetting>,
    /// What happens to agents at work when it is spent.
    pub budget_mode: Option<BudgetMode>,
}

impl LimitChanges {
    /// These limits, changed.
    #[must_use]
    pub fn applied_to(self, limits: Limits) -> Limits {
        Limits {
            fuel: self.fuel.unwrap_or(limits.fuel),
            memory_mib: self.memory_mib.unwrap_or(limits.memory_mib),
            agents: self.agents.unwrap_or(limits.agents),
            parallel_agents: self.parallel_agents.unwrap_or(limits.parallel_agents),
            budget: self.budget_over(limits.budget),
            journal_mib: self.journal_mib.unwrap_or(limits.journal_mib),
        }
    }

    fn budget_over(self, budget: Option<Budget>) -> Option<Budget> {
        // A budget in another unit takes the place of the old one.
        let allowance = match self.budget {
            Some(asked) => asked.allowance()?,
            None => budget?.allowance,
        };
        let mode = self.budget_mode.or(budget.map(|budget| budget.mode)).unwrap_or_default();
        Some(Budget { allowance, mode })
    }
}

/// A run to take up again.
#[derive(Debug, Clone)]
pub struct ResumeRequest {
    /// Which.
    pub run: RunId,
    /// The script as the caller has it now. When it is another one than the
    /// recorded text, the run is forked. None goes on with the recorded text.
    pub script: Option<ScriptFile>,
    /// Limits to raise.
    pub limits: LimitChanges,
    /// How this process runs it.
    pub settings: RunSettings,
}

impl ResumeRequest {
    /// This run, with its own script and limits.
    #[must_use]
    pub fn of(run: RunId) -> Self {
        Self {
            run,
            script: None,
            limits: LimitChanges::default(),
            settings: RunSettings::default(),
        }
    }
}
