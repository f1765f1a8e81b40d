//! Makes engines and requests from settings.
//!
//! Owns: opening the database, and the parts of requests that settings decide.
//! Never: the origin of a setting.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smol_wf_core::budget::{Budget, BudgetMode, BudgetSetting};
use smol_wf_core::limits::Limits;
use smol_wf_core::prices::PriceTable;
use smol_wf_core::settlement::OnFailure;
use smol_wf_core::step_request::{Permissions, StepDefaults};
use smol_wf_engine::library;
use smol_wf_engine::{
    AgentSettings, CancellationToken, DatabaseWait, Engine, EngineError, EngineOptions, Folders,
    HolderCheck, LimitChanges, MemoryStore, Notice, RunSettings, START_LOCKED_MAX, SqliteStore,
    Store, StoreError, Times, Watcher, judge,
};

use crate::advice;
use crate::agents::Catalogue;
use crate::answer_flags;
use crate::config::{Key, Origin, Settings, Value};
use crate::failure::{CommandError, print_message};
use crate::log_level::LogLevel;
use crate::paths;
use crate::people;
use crate::run_log;
use crate::sanitize;
use crate::supervisor::supervisor;

/// An engine over the database of these settings, for commands that write;
/// creates a missing database.
pub(crate) fn engine(settings: &Settings) -> Result<Engine, EngineError> {
    let path = database(settings)?;
    engine_over(Box::new(open_waiting(path, settings, SqliteStore::open_within)?), path, settings)
}

/// Opens a database; waits, with a warning, while another process has it locked
/// for a backup or to shrink it. Ctrl-C ends the wait, because signals are not
/// handled yet.
fn open_waiting(
    path: &Path,
    settings: &Settings,
    open: impl Fn(&Path, Duration, HolderCheck) -> Result<SqliteStore, StoreError>,
) -> Result<SqliteStore, StoreError> {
    const WARN_AFTER: Duration = Duration::from_secs(1);
    // SQLite itself waits for a lock; this loop waits for a lease of an older
    // program.
    const PAUSE: Duration = Duration::from_millis(100);
    let longest = settings.duration(Key::Timeout).unwrap_or(START_LOCKED_MAX);
    let longest = longest.min(START_LOCKED_MAX);
    let begun = Instant::now();
    let mut has_warned = LogLevel::of(settings) < LogLevel::Warn;
    loop {
        let left = longest.saturating_sub(begun.elapsed());
        match open(path, WARN_AFTER.min(left), judge) {
            Err(busy) if busy.is_passing() && begun.elapsed() < longest => {
                if !std::mem::replace(&mut has_warned, true) {
                    let wait = DatabaseWait { busy: &busy, longest, is_under_way: false };
                    print_message(&format!("warning: {}", advice::waits::for_database(wait)));
                }
                std::thread::sleep(PAUSE.min(left));
            }
            done => return done,
        }
    }
}

/// A note if [`engine`] will create the database: a mistyped path creates one
/// too.
pub(crate) fn new_database_note(settings: &Settings) -> Option<String> {
    let given = settings.get(Key::Db)?;
    let Value::Path(path) = &given.value else { return None };
    if is_there(path) {
        return None;
    }
    let shown =
        |path: &Path| sanitize::path(&std::path::absolute(path).unwrap_or_else(|_| path.into()));
    if let Some(source) = given.origin.source().filter(|_| given.origin != Origin::Default) {
        let named = match given.origin {
            Origin::Flag(_) => String::new(),
            _ => format!(" (named by {source})"),
        };
        return Some(format!("made a new database: {}{named}", shown(path)));
    }
    if given.origin != Origin::Default {
        return None;
    }
    let older = paths::older_db().filter(|older| is_there(older))?;
    Some(format!(
        "{} belongs to another program and was not changed; runs are stored in {}",
        shown(&older),
        shown(path)
    ))
}

/// Like [`engine`], but a read-only database is opened for reading.
fn engine_or_reader(settings: &Settings) -> Result<Engine, EngineError> {
    let path = database(settings)?;
    engine_over(
        Box::new(open_waiting(path, settings, SqliteStore::open_or_read_within)?),
        path,
        settings,
    )
}

/// An engine for commands that only read. A missing database is not created; they
/// see an empty one.
pub(crate) fn engine_to_read(settings: &Settings) -> Result<Engine, CommandError> {
    let path = database(settings)?;
    if is_there(path) {
        return Ok(engine_or_reader(settings)?);
    }
    print_message(&format!(
        "there is no database at {} yet; the first `smol-wf run` creates it; choose another one with --db",
        path.display()
    ));
    Ok(engine_over(Box::new(MemoryStore::new()), path, settings)?)
}

/// An engine for commands about one run. Fails with `run_unknown` if there is no
/// database.
pub(crate) fn engine_with_run(settings: &Settings, asked: &str) -> Result<Engine, CommandError> {
    let path = database(settings)?;
    if !is_there(path) {
        return Err(CommandError::NoDatabase { path: path.to_owned(), asked: asked.to_owned() });
    }
    Ok(engine_or_reader(settings)?)
}

/// The path of the database. Fails if there is neither a setting nor a home
/// directory.
fn database(settings: &Settings) -> Result<&Path, EngineError> {
    settings.path(Key::Db).ok_or_else(|| {
        let message = "there is no home directory to keep runs in; name a database with --db";
        EngineError::Request { message: message.to_owned() }
    })
}

/// Whether a file exists. Errors other than `NotFound` count as existing; opening
/// it will report them.
fn is_there(path: &Path) -> bool {
    !path.metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// The engine over a store, with the providers of the settings and the
/// worktrees in `<path>.worktrees`.
fn engine_over(
    store: Box<dyn Store>,
    path: &Path,
    settings: &Settings,
) -> Result<Engine, EngineError> {
    run_log::set_database(path);
    // One folder per database: a run in another database is not over, only
    // unknown here.
    let mut worktrees = path.as_os_str().to_owned();
    worktrees.push(".worktrees");
    let worktrees = Some(worktrees.into());
    let bells = Some(bells_of(path));
    let providers = Arc::new(Catalogue::of(settings));
    let supervisor = Some(supervisor().clone());
    let engine = Engine::new(EngineOptions {
        providers,
        worktrees,
        bells,
        supervisor,
        ..EngineOptions::over(store)
    })?;
    // The engine is never dropped: the kernel frees everything at the end of the
    // process, and dropping takes a twentieth of a short run.
    std::mem::forget(engine.clone());
    Ok(engine)
}

/// The folder of the bells that wake the holders of runs in this database.
pub(crate) fn bells_of(database: &Path) -> PathBuf {
    let mut folder = database.as_os_str().to_owned();
    folder.push(".bells");
    folder.into()
}

/// An engine without a database, for commands on files.
pub(crate) fn engine_without_db() -> Result<Engine, EngineError> {
    Engine::new(EngineOptions::over(Box::new(MemoryStore::new())))
}

/// The limits of a new run.
pub(crate) fn limits(settings: &Settings) -> Limits {
    let default = Limits::default();
    let small = |key| settings.count(key).and_then(|count| u32::try_from(count).ok());
    Limits {
        fuel: settings.count(Key::Fuel).unwrap_or(default.fuel),
        memory_mib: small(Key::Memory).unwrap_or(default.memory_mib),
        agents: small(Key::MaxAgents).unwrap_or(default.agents),
        parallel_agents: small(Key::MaxParallelAgents).unwrap_or(default.parallel_agents),
        budget: settings
            .budget(Key::Budget)
            .and_then(BudgetSetting::allowance)
            .map(|allowance| Budget { allowance, mode: mode(settings).unwrap_or_default() }),
        journal_mib: small(Key::MaxJournal).unwrap_or(default.journal_mib),
    }
}

/// The budget mode; `None` if it is unset.
fn mode(settings: &Settings) -> Option<BudgetMode> {
    settings.text(Key::BudgetMode).map(|word| match word {
        "stop" => BudgetMode::Stop,
        _ => BudgetMode::Pause,
    })
}

/// The limits that a resume changes: those given as flags. Settings in files and
/// variables are for new runs.
pub(crate) fn limit_changes(settings: &Settings) -> LimitChanges {
    let asked = |key| settings.count(key).filter(|_| settings.is_asked(key));
    let small = |key| asked(key).and_then(|count| u32::try_from(count).ok());
    LimitChanges {
        fuel: asked(Key::Fuel),
        memory_mib: small(Key::Memory),
        agents: small(Key::MaxAgents),
        parallel_agents: small(Key::MaxParallelAgents),
        journal_mib: small(Key::MaxJournal),
        budget: settings.budget(Key::Budget).filter(|_| settings.is_asked(Key::Budget)),
        budget_mode: mode(settings).filter(|_| settings.is_asked(Key::BudgetMode)),
    }
}

/// How this process runs a run.
pub(crate) fn run_settings(
    settings: &Settings,
    folders: Folders,
) -> Result<RunSettings, EngineError> {
    let (asks, answers) = (people::when_only_asks(), answer_flags::given());
    let (agents, times) = (agents(settings)?, times(settings));
    Ok(RunSettings { agents, times, folders, asks, answers })
}

/// Longest time for this process, and for each turn of the script.
fn times(settings: &Settings) -> Times {
    let default = Times::default();
    Times {
        run: settings.duration(Key::Timeout),
        turn: settings.duration(Key::TurnTimeout).unwrap_or(default.turn),
    }
}

/// How this process runs agents. Fails if the file of prices cannot be used.
pub(crate) fn agents(settings: &Settings) -> Result<AgentSettings, EngineError> {
    let default = AgentSettings::default();
    let prices = match settings.path(Key::Prices) {
        Some(path) => default.prices.with(price_table(path)?),
        None => default.prices,
    };
    Ok(AgentSettings {
        timeout: settings.duration(Key::AgentTimeout).unwrap_or(default.timeout),
        idle_timeout: settings.duration(Key::IdleTimeout).unwrap_or(default.idle_timeout),
        raw_sessions: settings.path(Key::SaveRawSessions).map(Into::into),
        prices,
        dirs: settings.dirs.as_ref().map(|given| given.value.clone()).unwrap_or_default(),
        mcp: settings.mcp.iter().map(|(name, given)| given.value.server(name)).collect(),
    })
}

/// Reads a file of prices. Fails with `request_invalid` if it cannot be used.
fn price_table(path: &Path) -> Result<PriceTable, EngineError> {
    let wrong = |why: &dyn std::fmt::Display| EngineError::Request {
        message: format!("the prices in {} cannot be used: {why}", path.display()),
    };
    let text = prices_text(path).map_err(|error| wrong(&error))?;
    PriceTable::parse(&text).map_err(|error| wrong(&error))
}

/// Largest file of prices; thousands of models fit.
const PRICES_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The text of a file of prices. Fails if it is too large or not UTF-8.
pub(crate) fn prices_text(path: &Path) -> io::Result<String> {
    let bytes = library::read_named(path, PRICES_BYTES_MAX, paths::home().as_deref())?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Defaults for steps whose calls do not set these options.
pub(crate) fn step_defaults(settings: &Settings) -> StepDefaults {
    let text = |key| settings.text(key).map(str::to_owned);
    StepDefaults {
        model: text(Key::Model),
        effort: text(Key::Effort),
        permissions: settings.text(Key::Permissions).map(|word| match word {
            "write" => Permissions::Write,
            _ => Permissions::Read,
        }),
        on_failure: settings.text(Key::OnFailure).and_then(OnFailure::from_word),
        phase_models: settings.text(Key::PhaseModels) == Some("use"),
    }
}

/// Waits until the database can be written, with a warning. A signal ends the
/// process.
pub(crate) async fn wait_to_write(engine: &Engine, settings: &Settings) -> Result<(), EngineError> {
    let watcher = EngineNotices { warns: LogLevel::of(settings) >= LogLevel::Warn };
    engine.wait_to_write(&watcher, CancellationToken::new()).await
}

/// Prints warnings of the engine for commands without a run.
struct EngineNotices {
    warns: bool,
}

impl Watcher for EngineNotices {
    fn notice(&self, notice: Notice<'_>) {
        match notice {
            Notice::WaitsForDatabase(wait) if self.warns => {
                print_message(&format!("warning: {}", advice::waits::for_database(wait)));
            }
            Notice::Warning(message) if self.warns => print_message(&format!("warning: {message}")),
            _ => {}
        }
    }
}
