//! The checks of `doctor`: settings, project, git, database, sandbox.
//!
//! Owns: one function per check, and how to fix a failure. Never: changes
//! anything; a missing database is not created.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use smol_wf_engine::{Engine, EngineOptions, MemoryStore, ScriptFile, SqliteStore, StoreError};

use crate::advice;
use crate::config::{ConfigError, Key, Settings};

/// Longest time for `git --version`, which takes milliseconds.
const GIT_TIME_MAX: Duration = Duration::from_secs(10);
/// Largest database that is checked in full; this size takes about a second.
const CHECKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    /// Runs work, but perhaps not as intended.
    Warning,
    /// No run can work.
    Failed,
}

impl State {
    /// The state in the table; failures are in capitals to be noticed.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}

/// One row: what was checked, how it went, and the details or the fix.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// What was checked: `settings`, `project`, `git`, `database` or `sandbox`.
    pub(super) name: &'static str,
    /// The result.
    pub(super) state: State,
    /// What was found, or what is wrong and how to fix it.
    pub(super) detail: String,
}

/// A row.
fn check(name: &'static str, state: State, detail: impl Into<String>) -> Check {
    Check { name, state, detail: detail.into() }
}

/// The settings files and whether they are in effect.
pub(super) fn settings(settings: &Settings, broken: Option<&ConfigError>) -> Vec<Check> {
    if let Some(error) = broken {
        return vec![check("settings", State::Failed, format!("{error} [{}]", error.code()))];
    }
    let user = settings.user_file.as_deref();
    let mut checks = vec![match user {
        Some(file) => check("settings", State::Ok, file.display().to_string()),
        None => check(
            "settings",
            State::Ok,
            "no user file; `smol-wf config path` shows where it would be",
        ),
    }];
    if let Some(project) = &settings.project_file {
        let warnings = settings.warnings();
        checks.push(match warnings.first() {
            Some(warning) => check("project", State::Warning, warning.clone()),
            None => check("project", State::Ok, project.file.display().to_string()),
        });
    }
    checks
}

/// Git, which calls with `isolation: 'worktree'` need.
pub(super) async fn git() -> Check {
    let missing = |why: String| {
        let detail = format!("{why}; calls with isolation: 'worktree' need it. Install git");
        check("git", State::Warning, detail)
    };
    let mut command = tokio::process::Command::new("git");
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(GIT_TIME_MAX, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            check("git", State::Ok, said.trim().trim_start_matches("git version ").to_owned())
        }
        Ok(Ok(output)) => missing(format!("`git --version` ended with {}", output.status)),
        Ok(Err(error)) => missing(format!("git cannot be started: {error}")),
        Err(_) => missing("`git --version` does not end".to_owned()),
    }
}

/// The database of the runs.
pub(super) fn database(settings: &Settings) -> Check {
    let Some(path) = settings.path(Key::Db) else {
        let detail = "there is no home directory to keep runs in; name a database with --db";
        return check("database", State::Failed, detail);
    };
    let shown = path.display();
    let size = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return missing_database(path);
        }
        Err(error) => return check("database", State::Failed, format!("{shown}: {error}")),
    };
    let sound = |mut store: SqliteStore| -> Result<&str, StoreError> {
        if size > CHECKED_BYTES_MAX {
            return Ok("too large to be read whole here");
        }
        store.check().map(|()| "sound")
    };
    match SqliteStore::open(path).and_then(sound) {
        Ok(verdict) => {
            let mebibytes = size.div_ceil(1024 * 1024);
            check("database", State::Ok, format!("{shown}, {mebibytes} MiB, {verdict}"))
        }
        Err(error) => {
            let said = advice::of_store(&error);
            check("database", State::Failed, format!("{said} [{}]", error.code()))
        }
    }
}

/// A missing database: whether the first run can create it.
fn missing_database(path: &Path) -> Check {
    // A relative path without a parent is in the current folder.
    let above = path.ancestors().skip(1).find(|folder| folder.exists());
    let folder = above.unwrap_or(Path::new("."));
    if let Err(why) = can_make_files(folder) {
        let detail = format!(
            "{} cannot be created in {}: {why}; get write permission there, or choose another database with --db",
            path.display(),
            folder.display()
        );
        return check("database", State::Failed, detail);
    }
    check("database", State::Ok, format!("{}, to be created by the first run", path.display()))
}

/// Fails if this process may not create files in the folder. Creates none.
#[cfg(unix)]
fn can_make_files(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    if !folder.is_dir() {
        return Err(ErrorKind::NotADirectory.into());
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(Into::into)
}

#[cfg(not(unix))]
fn can_make_files(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { Err(ErrorKind::NotADirectory.into()) }
}

/// The sandbox that scripts run in.
pub(super) async fn sandbox() -> Check {
    let options = EngineOptions::over(Box::new(MemoryStore::new()));
    let script = ScriptFile {
        bytes: b"export const meta = { name: 'doctor', description: 'Compiles' }\nreturn 1\n"
            .into(),
        path: Path::new("doctor.mjs").to_owned(),
    };
    let tried = match Engine::new(options) {
        Ok(engine) => engine.check(&script).await.map(|_| ()),
        Err(error) => Err(error),
    };
    match tried {
        Ok(()) => check("sandbox", State::Ok, "compiles and runs scripts"),
        Err(error) => check("sandbox", State::Failed, format!("{error} [{}]", error.code())),
    }
}
