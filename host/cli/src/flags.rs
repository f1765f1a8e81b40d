//! Flags that several commands share, and how they become settings.
//!
//! Each group is a clap `Args` with a `put` that adds the given flags to a
//! [`FlagLayer`]. Owns: names and help of the flags. Never: a default or a bound;
//! `config` has those.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use smol_wf_engine::{Engine, RunState};

use crate::answer_flags::AnswerFlags;
use crate::config::{ConfigError, FlagLayer, Key, Settings, Value, duration, model_alias};
use crate::detached::DetachFlags;
use crate::failure::CommandError;
use crate::moment;
use crate::report_format::{self, ReportFormat};
use crate::table::Format;
use crate::working_folder::{LatestFlags, PlaceFlags};

/// Help headings of commands that run a script.
pub(crate) const AGENTS: &str = "Agents";
const PLACES: &str = "Folders and database";

/// A clap value parser that reads a flag like the setting `key`. Fails with the
/// setting's message, without the flag's name.
pub(crate) fn reader(
    key: Key,
) -> impl Fn(&str) -> Result<Value, String> + Clone + Send + Sync + 'static {
    move |text| key.row().kind.read(text)
}

/// A flag with a path, as a setting.
pub(crate) fn path_value(path: Option<&PathBuf>) -> Option<Value> {
    path.cloned().map(Value::Path)
}

/// The database
#[derive(Debug, Args)]
pub(crate) struct DbFlags {
    /// Database of the runs [default: smol-wf.db in the state directory]
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
}

impl DbFlags {
    /// Adds the flag, and records the database for hints.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        if let Some(path) = &self.db {
            crate::shell::set_database(path);
        }
        layer.add(Key::Db, path_value(self.db.as_ref()).as_ref());
    }
}

/// Defaults for calls that do not set these options
#[derive(Debug, Args)]
pub(crate) struct StepFlags {
    /// Provider: debug, claude-code, codex, opencode, pi, one from a settings
    /// file, or auto: the first that is installed and logged in [default: auto]
    #[arg(long, value_name = "PROVIDER", value_parser = reader(Key::Provider))]
    agent_provider: Option<Value>,

    /// Model: an alias, or a name that the provider knows
    #[arg(long, value_name = "SELECTOR", value_parser = reader(Key::Model))]
    model: Option<Value>,

    /// Reasoning effort: a level that the provider knows
    #[arg(long, value_name = "EFFORT", value_parser = reader(Key::Effort))]
    effort: Option<Value>,

    /// What agents may do to files: read or write [default: the provider's own]
    #[arg(long, value_name = "ACCESS", value_parser = reader(Key::Permissions))]
    permissions: Option<Value>,

    /// What a call does when its agent fails: null (it returns null) or throw
    /// [default: null in a script body, throw in a module]
    #[arg(long, value_name = "WHAT", value_parser = reader(Key::OnFailure))]
    on_failure: Option<Value>,

    /// Models in the `meta.phases` of a script body: show them only, or use them
    /// [default: show]
    #[arg(long, value_name = "HOW", value_parser = reader(Key::PhaseModels))]
    phase_models: Option<Value>,

    /// Define an alias for a model; may be repeated
    #[arg(long, value_name = "ALIAS:SELECTOR", value_parser = model_alias)]
    model_map: Vec<(String, String)>,
}

impl StepFlags {
    /// Adds the flags that were given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        layer.add(Key::Provider, self.agent_provider.as_ref());
        layer.add(Key::Model, self.model.as_ref());
        layer.add(Key::Effort, self.effort.as_ref());
        layer.add(Key::Permissions, self.permissions.as_ref());
        layer.add(Key::OnFailure, self.on_failure.as_ref());
        layer.add(Key::PhaseModels, self.phase_models.as_ref());
        layer.model_map.extend(self.model_map.iter().cloned());
    }

    /// The flags that were given, as (flag, value) pairs, in a fixed order.
    pub(crate) fn words(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("--agent-provider", &self.agent_provider),
            ("--model", &self.model),
            ("--effort", &self.effort),
            ("--permissions", &self.permissions),
            ("--on-failure", &self.on_failure),
            ("--phase-models", &self.phase_models),
        ];
        let given = given.into_iter().filter_map(|(name, value)| match value {
            Some(Value::Text(text)) => Some((name, text.clone())),
            _ => None,
        });
        let aliases = self.model_map.iter();
        let aliases = aliases.map(|(alias, text)| ("--model-map", format!("{alias}:{text}")));
        given.chain(aliases).collect()
    }
}

/// How agents run, and what they may cost
#[derive(Debug, Args)]
pub(crate) struct AgentFlags {
    /// Longest time for one attempt of an agent [default: 30m]
    #[arg(long, value_name = "DURATION", value_parser = reader(Key::AgentTimeout))]
    agent_timeout: Option<Value>,

    /// Longest time that an agent may be silent [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = reader(Key::IdleTimeout))]
    idle_timeout: Option<Value>,

    /// Answer to an agent whose own settings make it ask for permission: refuse, allow,
    /// or as a person answers [default: refuse]
    #[arg(long, value_name = "ANSWER", value_parser = reader(Key::Asks))]
    asks: Option<Value>,

    #[command(flatten)]
    budget: BudgetFlags,

    /// Folder for the agents' own transcripts
    #[arg(long, value_name = "DIR")]
    save_raw_sessions: Option<PathBuf>,

    /// File of prices, for agents that do not report their cost
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// If a provider is out of quota and says that it answers again within this
    /// time, wait and resume the run, once
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) wait_for_reset: Option<Duration>,
}

impl AgentFlags {
    /// Adds the flags that were given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        layer.add(Key::AgentTimeout, self.agent_timeout.as_ref());
        layer.add(Key::IdleTimeout, self.idle_timeout.as_ref());
        layer.add(Key::Asks, self.asks.as_ref());
        self.budget.put(layer);
        layer.add(Key::SaveRawSessions, path_value(self.save_raw_sessions.as_ref()).as_ref());
        layer.add(Key::Prices, path_value(self.prices.as_ref()).as_ref());
    }
}

/// State of a run, as a filter of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// A process is working on the run
    Running,
    /// The process died
    #[value(alias = "pending")]
    Interrupted,
    /// The run was stopped by a signal
    Cancelled,
    /// The run stopped at a limit
    Paused,
    /// The run has a result
    Completed,
    /// The script failed
    Failed,
    /// The journal cannot be read
    Damaged,
}

impl StateName {
    /// The engine's word for this state.
    pub(crate) fn state(self) -> RunState {
        match self {
            Self::Running => RunState::Running,
            Self::Interrupted => RunState::Interrupted,
            Self::Cancelled => RunState::Cancelled,
            Self::Paused => RunState::Paused,
            Self::Completed => RunState::Completed,
            Self::Failed => RunState::Failed,
            Self::Damaged => RunState::Damaged,
        }
    }
}

/// The time in which runs were created
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct SpanFlags {
    /// Only runs created at this time or later: 2h, 3d, yesterday, 2026-11-01,
    /// 2026-11-01T10:00:00Z, or milliseconds since 1970; times are UTC
    #[arg(long, value_name = "WHEN", value_parser = moment::when)]
    pub(crate) since: Option<i64>,

    /// Only runs created before this time
    #[arg(long, value_name = "WHEN", value_parser = moment::when)]
    pub(crate) until: Option<i64>,
}

/// Limits that can also be raised while a run goes on
#[derive(Debug, Args)]
pub(crate) struct RaiseFlags {
    /// Most agents at work at once [default: 16]
    #[arg(long, value_name = "N", value_parser = reader(Key::MaxParallelAgents))]
    max_parallel_agents: Option<Value>,

    /// Most agents that the run may start, child workflows included [default:
    /// 1000]
    #[arg(long, value_name = "N", value_parser = reader(Key::MaxAgents))]
    max_agents: Option<Value>,

    /// Fuel of the script: about one unit per instruction. One turn may use a
    /// tenth of it, more if --max-agents is over 1000 [default: 100000000000,
    /// about 10 s of CPU]
    #[arg(long, value_name = "UNITS", value_parser = reader(Key::Fuel))]
    fuel: Option<Value>,

    /// Memory of the script in MiB [default: 256]
    #[arg(long, value_name = "MIB", value_parser = reader(Key::Memory))]
    memory: Option<Value>,

    /// Size of the journal in MiB: prompts, answers and log lines [default: 512]
    #[arg(long, value_name = "MIB", value_parser = reader(Key::MaxJournal))]
    max_journal: Option<Value>,
}

impl RaiseFlags {
    /// Adds the flags that were given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        layer.add(Key::MaxParallelAgents, self.max_parallel_agents.as_ref());
        layer.add(Key::MaxAgents, self.max_agents.as_ref());
        layer.add(Key::Fuel, self.fuel.as_ref());
        layer.add(Key::Memory, self.memory.as_ref());
        layer.add(Key::MaxJournal, self.max_journal.as_ref());
    }
}

/// What a run may spend
#[derive(Debug, Args)]
pub(crate) struct BudgetFlags {
    /// What the run may spend: dollars ('$5'), output tokens (200k), or none
    #[arg(long, value_name = "AMOUNT", value_parser = reader(Key::Budget))]
    budget: Option<Value>,

    /// What happens when the budget is spent: pause lets running agents finish,
    /// stop ends them [default: pause]
    #[arg(long, value_name = "MODE", value_parser = reader(Key::BudgetMode))]
    budget_mode: Option<Value>,
}

impl BudgetFlags {
    /// Adds the flags that were given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        layer.add(Key::Budget, self.budget.as_ref());
        layer.add(Key::BudgetMode, self.budget_mode.as_ref());
    }
}

/// Limits of a run
#[derive(Debug, Args)]
pub(crate) struct LimitFlags {
    #[command(flatten)]
    raised: RaiseFlags,

    /// Stop the run after this time; it can be resumed: 90s, 5m, 1h
    #[arg(long, value_name = "DURATION", value_parser = reader(Key::Timeout))]
    timeout: Option<Value>,

    /// Stop the run when the script computes for this long without waiting for a
    /// step; it can be resumed [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = reader(Key::TurnTimeout))]
    turn_timeout: Option<Value>,
}

impl LimitFlags {
    /// Adds the flags that were given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        self.raised.put(layer);
        layer.add(Key::Timeout, self.timeout.as_ref());
        layer.add(Key::TurnTimeout, self.turn_timeout.as_ref());
    }
}

/// How much goes to stderr
#[derive(Debug, Args)]
pub(crate) struct LogFlags {
    /// How much to write to stderr: error (also off, none, quiet), warn
    /// (warning), info or debug (trace) [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = reader(Key::LogLevel))]
    log_level: Option<Value>,

    /// The same as --log-level debug
    #[arg(long)]
    debug: bool,
}

impl LogFlags {
    /// Adds the flag if it was given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        layer.add(Key::LogLevel, self.log_level.as_ref());
        let debug = self.debug.then(|| Value::Text("debug".to_owned()));
        layer.add(Key::LogLevel, debug.as_ref());
    }
}

/// The short way to ask for JSON, for commands that have `--output`
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct JsonFlag {
    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

impl JsonFlag {
    /// JSON if `--json` was given.
    pub(crate) fn asked(self) -> Option<Format> {
        self.json.then_some(Format::Json)
    }
}

/// What is shown during a run
#[derive(Debug, Args)]
pub(crate) struct ShowFlags {
    /// What to write to stdout [default: text on a terminal; elsewhere, in CI and
    /// with TERM=dumb, json]
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<ReportFormat>,

    /// The same as --output jsonl
    #[arg(long)]
    events: bool,

    /// Exit with code 8 if the run completes but an answer or a slot of
    /// `parallel` or `pipeline` is null
    #[arg(long)]
    pub(crate) fail_on_null: bool,

    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// What `run`, `resume` and `fork` have in common
#[derive(Debug, Args)]
pub(crate) struct WorkFlags {
    #[command(flatten, next_help_heading = AGENTS)]
    pub(crate) agents: AgentFlags,

    #[command(flatten, next_help_heading = "Limits")]
    pub(crate) limits: LimitFlags,

    #[command(flatten, next_help_heading = "Questions")]
    pub(crate) answers: AnswerFlags,

    #[command(flatten, next_help_heading = "Output")]
    pub(crate) show: ShowFlags,

    #[command(flatten, next_help_heading = "Output")]
    pub(crate) detach: DetachFlags,

    #[command(flatten, next_help_heading = PLACES)]
    pub(crate) places: PlaceFlags,

    #[command(flatten, next_help_heading = PLACES)]
    pub(crate) latest: LatestFlags,

    #[command(flatten, next_help_heading = PLACES)]
    pub(crate) db: DbFlags,
}

impl ShowFlags {
    /// Fails if the flags for stdout contradict each other.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        report_format::check(self.output, self.events)
    }

    /// Whether a flag says what goes to stdout.
    pub(crate) fn is_about_stdout(&self) -> bool {
        self.output.is_some() || self.events
    }

    /// Whether JSON was asked for by name.
    pub(crate) fn asks_json(&self) -> bool {
        self.output == Some(ReportFormat::Json)
    }

    /// What goes to stdout.
    pub(crate) fn format(&self) -> ReportFormat {
        report_format::chosen(self.output, self.events)
    }

    /// The engine to read the event stream from, if that goes to stdout.
    pub(crate) fn stream_of(&self, engine: &Engine) -> Option<Engine> {
        (self.format() == ReportFormat::Jsonl).then(|| engine.clone())
    }
}

impl WorkFlags {
    /// Checks what is known before anything begins, and keeps the answers that are given
    /// in advance. Fails if flags contradict each other, or an agent gives answers.
    pub(crate) fn check(&self) -> Result<(), CommandError> {
        self.show.check()?;
        self.answers.keep()
    }

    /// Adds all flags of a run, resume or fork that were given.
    pub(crate) fn put(&self, layer: &mut FlagLayer) {
        self.agents.put(layer);
        self.limits.put(layer);
        self.show.log.put(layer);
        self.db.put(layer);
    }

    /// The settings of the folder `start`, overridden by these flags. Fails if a
    /// settings file or a variable is invalid.
    pub(crate) fn settings(&self, start: &Path) -> Result<Settings, ConfigError> {
        let mut flags = FlagLayer::default();
        self.put(&mut flags);
        Settings::load(flags, start)
    }
}
