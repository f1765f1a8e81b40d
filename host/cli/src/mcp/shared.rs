//! What all calls of a server share.
//!
//! Owns: the database, and which runs were started here. Never: answers a call.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, EngineError};
use tokio::sync::OnceCell;

use super::rights::Rights;
use crate::commands::status_of;
use crate::config::{Key, Settings};
use crate::failure::{CommandError, print_message};
use crate::{setup, shell};

/// The variable with the token of clients over HTTP.
pub(super) const TOKEN_VARIABLE: &str = "SMOL_WF_MCP_TOKEN";

/// Longest that the end of the server waits for starts: a run is durable long before.
const STARTS_END_MAX: Duration = Duration::from_secs(30);

/// Most runs that the last line names.
const NAMED_MAX: usize = 10;

/// Most runs whose start is remembered for the last line.
const STARTED_MAX: usize = 1_000;

/// What the server offers to clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offer {
    /// Clients may answer questions of scripts.
    pub(crate) answers: bool,
    /// Each workflow is a tool.
    pub(crate) workflow_tools: bool,
    /// Only tools that change nothing.
    pub(crate) read_only: bool,
    /// The folder of calls that name none.
    pub(crate) cwd: Option<PathBuf>,
}

/// Where a process of this program works for a call: its folder, and the same database.
pub(super) struct Place {
    folder: PathBuf,
    database: PathBuf,
}

impl Place {
    pub(super) fn set(&self, command: &mut Command) {
        command.current_dir(&self.folder).env("SMOL_WF_DB", &self.database);
        // Agents below it must not speak for a client.
        command.env_remove(TOKEN_VARIABLE);
    }
}

/// The parts of a server.
pub(super) struct Shared {
    pub(super) offer: Offer,
    pub(super) settings: Settings,
    /// Absolute: processes in other folders find it as well.
    database: PathBuf,
    engine: OnceCell<Engine>,
    pub(super) rights: Arc<Rights>,
    started: Mutex<Vec<RunId>>,
    /// Number of questions that a wait for each run has shown.
    questions: Mutex<BTreeMap<RunId, usize>>,
}

impl Shared {
    /// Fails if there is no place for a database.
    pub(super) fn new(settings: Settings, offer: Offer) -> Result<Self, CommandError> {
        let database = settings.path(Key::Db).ok_or_else(|| EngineError::Request {
            message: "there is no home directory to keep runs in; name a database with --db"
                .to_owned(),
        })?;
        let database = std::path::absolute(database)?;
        Ok(Self {
            offer,
            settings,
            database,
            engine: OnceCell::new(),
            rights: Rights::new(),
            started: Mutex::default(),
            questions: Mutex::default(),
        })
    }

    /// The engine over the database, opened once. Fails if no run was ever started there.
    pub(super) async fn engine(&self, asked: &str) -> Result<&Engine, String> {
        let open = || async {
            // It may wait for a lock.
            let (settings, asked) = (self.settings.clone(), asked.to_owned());
            let opened =
                tokio::task::spawn_blocking(move || setup::engine_with_run(&settings, &asked));
            match opened.await {
                Ok(opened) => opened.map_err(|error| error.sentence()),
                Err(error) => Err(format!("the database was not opened: {error}")),
            }
        };
        self.engine.get_or_try_init(open).await
    }

    /// Where another process of this program works for a call.
    pub(super) fn place(&self, folder: &Path) -> Place {
        Place { folder: folder.to_owned(), database: self.database.clone() }
    }

    /// The flag `--db`, if this server has it, so that what a command says has it as well.
    pub(super) fn database_flag(&self) -> Vec<OsString> {
        match shell::is_database_named() {
            true => vec!["--db".into(), self.database.clone().into()],
            false => Vec::new(),
        }
    }

    /// Remembers a run that was started here.
    pub(super) fn has_started(&self, run: &RunId, folder: &Path, client: &str) {
        let folder = crate::sanitize::path(folder);
        print_message(&format!("{client} started {run} in {folder}"));
        let mut started = locked(&self.started);
        if started.len() < STARTED_MAX {
            started.push(run.clone());
        }
    }

    /// Waits until no start is under way, and lets no other begin.
    pub(super) async fn starts_are_over(&self) {
        self.rights.starts_are_over(STARTS_END_MAX).await;
    }

    /// Says which of the runs that were started here go on.
    pub(super) async fn say_which_go_on(&self) {
        let started = locked(&self.started).clone();
        let Ok(engine) = (match started.first() {
            Some(run) => self.engine(run.as_str()).await,
            None => return,
        }) else {
            return;
        };
        let mut held = Vec::new();
        for run in &started {
            if let Ok(Some(status)) = status_of(engine, run).await
                && status.holder.is_some()
            {
                held.push(run.to_string());
            }
        }
        let Some(first) = held.first() else { return };
        let more = match held.len().saturating_sub(NAMED_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let named: Vec<&str> = held.iter().take(NAMED_MAX).map(String::as_str).collect();
        print_message(&format!(
            "the server ends; runs that were started here go on: {}{more}; follow one: smol-wf attach {first}{}",
            named.join(", "),
            shell::with_database()
        ));
    }

    /// Number of questions of a run that a wait has shown.
    pub(super) fn questions_shown(&self, run: &RunId) -> usize {
        locked(&self.questions).get(run).copied().unwrap_or(0)
    }

    /// Remembers that number. What is forgotten is shown once more.
    pub(super) fn has_shown_questions(&self, run: &RunId, asked: usize) {
        let mut questions = locked(&self.questions);
        if questions.len() >= STARTED_MAX {
            questions.clear();
        }
        questions.insert(run.clone(), asked);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
