//! Requests to the engine: a new run, or a resume.
//!
//! Owns: the shapes of requests and their defaults. Never: parses flags.

use std::path::{Path, PathBuf};
use std::time::Duration;

use smol_wf_core::ids::RunId;
use smol_wf_core::limit_changes::LimitChanges;
use smol_wf_core::limits::{
    AGENT_IDLE_MS_DEFAULT, AGENT_TIMEOUT_MS_DEFAULT, Limits, TURN_MS_DEFAULT,
};
use smol_wf_core::prices::Prices;
use smol_wf_core::step_request::StepDefaults;
use smol_wf_providers::{McpServer, debug};
use tokio::time::Instant;

use crate::error::EngineError;
use crate::given_answers::GivenAnswers;
use crate::library::load_named;

/// The text of a script and where it came from.
#[derive(Debug, Clone)]
pub struct ScriptFile {
    /// The bytes of the file. They must be UTF-8.
    pub bytes: Vec<u8>,
    /// The file. It need not exist: child workflows and imports are searched in its
    /// folder, and errors show its name.
    pub path: PathBuf,
}

/// A new run, or a simulation of one. Everything but the script has a default:
///
/// ```
/// use smol_wf_engine::{RunSpec, ScriptFile};
///
/// let text = "export const meta = { name: 'n', description: 'd' }\nreturn args.n + 1";
/// let script = ScriptFile { bytes: text.into(), path: "add.mjs".into() };
/// let spec = RunSpec { args: Some("{\"n\": 1}".into()), ..RunSpec::new(script) };
/// ```
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// The script.
    pub script: ScriptFile,
    /// JSON text of `args`. Without it, `args` is `undefined` in a body script and `{}`
    /// in a module.
    pub args: Option<String>,
    /// Limits of the run. They are part of its journal.
    pub limits: Limits,
    /// Output tokens that the script's `budget` reports. By default those of a budget
    /// in tokens in `limits`.
    pub budget: Option<u64>,
    /// Provider of agent steps that name none. It must be among the engine's
    /// [`Providers`](crate::Providers), or be [`NOBODY`](crate::NOBODY).
    pub provider: String,
    /// Model aliases as (alias, selector). The last one of a name wins.
    pub model_map: Vec<(String, String)>,
    /// Options of `agent` calls that do not set them.
    pub defaults: StepDefaults,
    /// Rules of the debug provider, in its own syntax.
    pub debug_rules: Vec<String>,
    /// Seed of `Math.random()`. Without it, one is drawn and recorded.
    pub seed: Option<u64>,
    /// Folders, agents and times of the run in this process.
    pub settings: RunSettings,
}

impl RunSpec {
    /// A run of this script with the default limits and the debug provider, whose
    /// agents work in the root of the script's project.
    #[must_use]
    pub fn new(script: ScriptFile) -> Self {
        Self {
            script,
            args: None,
            limits: Limits::default(),
            budget: None,
            provider: debug::NAME.to_owned(),
            model_map: Vec::new(),
            defaults: StepDefaults::default(),
            debug_rules: Vec::new(),
            seed: None,
            settings: RunSettings::default(),
        }
    }
}

/// The settings of one process for a run. They are not part of the run: each resume may
/// have others.
#[derive(Debug, Clone, Default)]
pub struct RunSettings {
    /// Settings of the agents, and the folders and servers that they may get.
    pub agents: AgentSettings,
    /// Wall-clock limits of the whole run and of each turn.
    pub times: Times,
    /// The folders of agents and scripts.
    pub folders: Folders,
    /// What the process does when only questions to people are open.
    pub asks: WhenOnlyAsks,
    /// Answers to questions that are given in advance.
    pub answers: GivenAnswers,
}

/// What a process does with a run when only questions to people are open: no agent, no
/// sleep and no timer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenOnlyAsks {
    /// It waits for answers.
    Stay,
    /// It waits while a question has a deadline, and lets go of the run otherwise.
    StayForDeadlines,
    /// It lets go of the run. A deadline that passes meanwhile counts when the run is
    /// taken up again.
    #[default]
    End,
}

/// Wall-clock limits of one process's work on a run. A run that reaches one stops and
/// can be resumed. Time in which the whole process stood still does not count.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Limit of the run in this process. Without it, there is none.
    pub run: Option<Duration>,
    /// Limit of each turn of a script, whatever fuel it has left.
    pub turn: Duration,
}

impl Times {
    /// The end of the run's time, counted from now; none without a limit.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.run.map(|run| Instant::now() + run)
    }
}

impl Default for Times {
    fn default() -> Self {
        Self { run: None, turn: Duration::from_millis(TURN_MS_DEFAULT) }
    }
}

/// The folders of a run. A folder that is not set comes from the run's journal, or is found
/// from the script.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// The folder that agents work in. By default the recorded one, or for a new run
    /// the root of the script's project.
    pub cwd: Option<PathBuf>,
    /// The folder to work in if the journal names none, as those of older programs, and the
    /// project is gone.
    pub here: Option<PathBuf>,
    /// The root of the script's project: child workflows lie in it or below it. By
    /// default it is found from the script.
    pub project_root: Option<PathBuf>,
    /// The user's home folder. It never counts as a project, and holds the user's own
    /// workflows.
    pub home: Option<PathBuf>,
}

/// The settings of one process for agents. They are not part of a run: each resume may have
/// others.
#[derive(Debug, Clone)]
pub struct AgentSettings {
    /// Longest time of one attempt, unless the step sets `timeout`.
    pub timeout: Duration,
    /// Longest silence of the agent, unless the step sets `stallMs`.
    pub idle_timeout: Duration,
    /// Folder for the agents' own transcripts. Without it, none are saved.
    pub raw_sessions: Option<PathBuf>,
    /// Prices of tokens, for providers that report no cost.
    pub prices: Prices,
    /// Folders outside of the project that steps may name in `dirs` and `images`.
    pub dirs: Vec<PathBuf>,
    /// The MCP servers that steps may name in `mcp`.
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
    /// Reads a script from a file.
    ///
    /// # Errors
    /// When the file cannot be read, or is larger than a script may be.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, EngineError> {
        let path = path.as_ref();
        let bytes = load_named(path, None)?;
        Ok(Self { bytes, path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()) })
    }
}

/// A run to resume.
///
/// ```no_run
/// # async fn f(engine: smol_wf_engine::Engine) -> Result<(), smol_wf_engine::EngineError> {
/// use smol_wf_engine::{LimitChanges, ResumeRequest};
///
/// let run = engine.find("latest").await?;
/// let limits = LimitChanges { agents: Some(200), ..LimitChanges::default() };
/// let resumed = engine.start(ResumeRequest { limits, ..ResumeRequest::of(run) })?;
/// # resumed.wait().await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ResumeRequest {
    /// The run.
    pub run: RunId,
    /// The current script. If it differs from the recorded text, the run is forked. Without
    /// it, the recorded text is used.
    pub script: Option<ScriptFile>,
    /// Limits to raise.
    pub limits: LimitChanges,
    /// Folders, agents and times of the run in this process.
    pub settings: RunSettings,
}

impl ResumeRequest {
    /// A resume of this run with its recorded script and limits.
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
