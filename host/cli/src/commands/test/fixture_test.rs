//! Tests one fixture: reads it and the files beside it, and writes updates.
//!
//! Owns: the files of one fixture. Never: judges the run (the engine does), or
//! stops the tests of other fixtures.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use smol_wf_engine::{
    CancellationToken, Engine, FIXTURE_BYTES_MAX, FixtureError, FixtureRequest, FixtureVerdict,
    Keep,
};

use super::agents::Agents;
use super::folder_lock;
use crate::advice;
use crate::commands::fixture::FixtureFile;
use crate::failure::{FileError, print_message};
use crate::{file_output, files, paths, shell};

/// Largest file of rules; a schema in it may have 64 KiB.
const RULES_BYTES_MAX: u64 = 1024 * 1024;

/// The result of one fixture; part of the JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FixtureResult {
    /// The path of the fixture as people type it.
    pub(super) fixture: String,
    /// The path of the fixture, quoted for a shell.
    #[serde(skip)]
    pub(super) typed: String,
    /// The script from the command line, quoted for a shell.
    #[serde(skip)]
    pub(super) script: Option<String>,
    /// Whether the fixture passed and its update, if any, was written.
    pub(super) pass: bool,
    /// Whether the fixture file was rewritten.
    pub(super) updated: bool,
    /// Whether agents answered but the fixture was not rewritten; the answers are
    /// then in the `.kept` file beside it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) kept: bool,
    /// The differences and counts; `None` if the fixture could not be run.
    #[serde(flatten)]
    pub(super) verdict: Option<FixtureVerdict>,
    /// Why there is no verdict, or why its update could not be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Time that the test took.
    #[serde(skip)]
    pub(super) took: Duration,
}

/// The options of a test, for all fixtures.
pub(super) struct Tester {
    /// An engine without a database; agents are added per fixture.
    pub(super) engine: Engine,
    /// Whether to update fixtures (`--accept`).
    pub(super) accept: bool,
    /// The script from the command line, instead of the recorded path.
    pub(super) script: Option<PathBuf>,
    /// The agents to ask for missing answers, with `--record`.
    pub(super) agents: Option<Agents>,
    /// Stops the test of a fixture after a signal.
    pub(super) cancel: CancellationToken,
}

impl Tester {
    /// Tests one fixture. Never fails: an error is part of the result.
    pub(super) async fn test(&mut self, found: &FixtureFile) -> FixtureResult {
        let path = found.path.as_path();
        let mut tested = FixtureResult {
            fixture: shown(path),
            typed: shell::path(path.strip_prefix(".").unwrap_or(path)),
            script: self.script.as_deref().map(shell::path),
            pass: false,
            updated: false,
            kept: false,
            verdict: None,
            error: None,
            took: Duration::ZERO,
        };
        // Held until the answers are written, so that nobody asks for them again.
        let _lock = match self.agents {
            Some(_) => folder_lock::lock_folder_of(path, &self.cancel).await,
            None => None,
        };
        let started = Instant::now();
        match Box::pin(self.verdict(found)).await {
            Err(error) => tested.error = Some(error),
            Ok(verdict) => self.write(path, verdict, &mut tested),
        }
        tested.took = started.elapsed();
        tested
    }

    /// Reads the fixture and its rules and runs it. Fails with a message and its
    /// code.
    async fn verdict(&mut self, found: &FixtureFile) -> Result<FixtureVerdict, String> {
        let (path, within) = (found.path.as_path(), found.within.as_path());
        let text = text_of(path, within)?;
        let rules = optional(&path.with_extension("assert.json"), within, RULES_BYTES_MAX)?;
        let mut engine = self.engine.clone();
        let (mut kept, mut live) = (None, None);
        if let Some(agents) = &mut self.agents {
            kept = optional(&kept_beside(path), within, FIXTURE_BYTES_MAX)?;
            let (with_agents, steps) = agents.of(&self.engine, path, keep_beside(path))?;
            (engine, live) = (with_agents, Some(steps));
        }
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let (accept, script, home) = (self.accept, self.script.clone(), paths::home());
        let within = Some(within.to_owned());
        let cwd = std::env::current_dir().ok();
        let request =
            FixtureRequest { path, text, script, within, cwd, home, rules, accept, live, kept };
        let verdict = engine.test_fixture(request, self.cancel.clone()).await;
        verdict.map_err(|error| format!("{} [{}]", advice::sentence(&error), error.code()))
    }

    /// Writes the updated fixture or the `.kept` file of the verdict.
    fn write(&self, path: &Path, mut verdict: FixtureVerdict, tested: &mut FixtureResult) {
        let mut failed = None;
        if let Some(text) = &verdict.updated {
            match file_output::replace(path, text) {
                Ok(()) => tested.updated = true,
                Err(error) => failed = Some(unwritable(path, error)),
            }
        }
        let kept = kept_beside(path);
        if tested.updated && self.agents.is_some() {
            // The fixture now holds all answers of the `.kept` file.
            if let Err(error) = file_output::remove(&kept) {
                print_message(&format!("warning: cannot remove {}: {error}", kept.display()));
            }
        } else if let Some(text) = &verdict.kept {
            match file_output::replace(&kept, text) {
                Ok(()) => tested.kept = true,
                Err(error) => failed = failed.or(Some(unwritable(&kept, error))),
            }
        }
        verdict.pass &= failed.is_none();
        tested.pass = verdict.pass;
        tested.error = failed;
        tested.verdict = Some(verdict);
    }
}

/// A callback that stores new answers beside the fixture as they arrive.
fn keep_beside(path: &Path) -> Keep {
    let kept = kept_beside(path);
    Arc::new(move |text| file_output::replace(&kept, text))
}

/// Path of the answers while a fixture is recorded: `<fixture>.swf.kept`.
fn kept_beside(path: &Path) -> PathBuf {
    path.with_extension("swf.kept")
}

/// The text of a fixture. Fails with the line of the first byte that is not
/// UTF-8.
fn text_of(path: &Path, within: &Path) -> Result<String, String> {
    let bytes = files::read_found(path, within, FIXTURE_BYTES_MAX)
        .map_err(|error| unreadable(path, error))?;
    String::from_utf8(bytes).map_err(|error| {
        let read = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
        let reason = "it is not UTF-8".to_owned();
        let error = FixtureError::Unreadable { line, reason };
        format!("{error} [{}]", error.code())
    })
}

/// The text of a file, or `None` if it does not exist.
fn optional(path: &Path, within: &Path, most: u64) -> Result<Option<String>, String> {
    match files::read_found(path, within, most) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| {
            let error = io::Error::other("it is not UTF-8");
            unreadable(path, FileError::Read { path: path.to_owned(), error })
        }),
        Err(FileError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// The message about a file that cannot be read, with its code.
fn unreadable(path: &Path, error: FileError) -> String {
    let error = error.at(shown(path).into());
    format!("{error} [{}]", error.code())
}

/// The message about a file that cannot be written, with its code.
fn unwritable(path: &Path, error: io::Error) -> String {
    let error = FileError::Write { path: shown(path).into(), error };
    format!("{error} [{}]", error.code())
}

/// The path as people type it: without `./`.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy().into_owned()
}
