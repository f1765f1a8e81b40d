//! `smol-wf history delete`.
//!
//! Owns: which runs are deleted, and the question before. Never: deletes a run
//! that a process is working on.

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, EngineError, HistoryPage, RunState, RunSummary};

use super::settings_of;
use crate::failure::{CommandError, print_message};
use crate::flags::{DbFlags, JsonFlag, StateName};
use crate::humanize::plural;
use crate::moment::age;
use crate::table::Format;
use crate::working_folder::LatestFlags;
use crate::{output, result_files, run_log, sanitize, setup};

/// Delete runs, with their prompts and answers
///
/// A run that a process is working on is not deleted. Deleted data is overwritten
/// in the database. Its space is reused; --vacuum returns it to the system.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct DeleteArgs {
    /// Runs to delete: ids, beginnings of ids, or `latest`
    #[arg(value_name = "RUN", conflicts_with_all = ["state", "all"])]
    runs: Vec<String>,

    /// Delete all runs in this state; may be repeated
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<StateName>,

    /// Delete all runs
    #[arg(long)]
    all: bool,

    /// Of these, only runs of the workflow with this name
    #[arg(long, value_name = "NAME", conflicts_with = "runs")]
    name: Option<String>,

    /// Of these, only runs created longer ago than this: 12h, 30d, 2w
    #[arg(long, value_name = "DURATION", value_parser = age, conflicts_with = "runs")]
    older_than: Option<Duration>,

    /// Only list the runs that would be deleted
    #[arg(long)]
    dry_run: bool,

    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,

    /// Return free space to the system; without a selection of runs, do only that
    #[arg(long)]
    vacuum: bool,

    /// How to print the deleted runs
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf history delete run_0k3
  smol-wf history delete --state failed,cancelled --older-than 30d --yes
  smol-wf history delete --all --dry-run";

/// The JSON output; with `--dry-run`, `deleted` lists what would be deleted.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Deletion {
    schema_version: u32,
    dry_run: bool,
    /// Runs that were deleted, or would be.
    deleted: Vec<DeletedRun>,
    /// Selected runs that a process works on.
    skipped: Vec<DeletedRun>,
}

/// A run in the JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeletedRun {
    run_id: RunId,
    name: String,
    state: RunState,
}

impl From<RunSummary> for DeletedRun {
    fn from(run: RunSummary) -> Self {
        Self { run_id: run.run_id, name: run.name, state: run.state }
    }
}

impl DeleteArgs {
    /// Deletes the chosen runs and prints them. A selected run that a process
    /// works on is skipped; a named one is an error. Fails with a usage error if
    /// nothing was chosen or the user declined.
    pub(super) async fn execute(self) -> Result<ExitCode, CommandError> {
        let selects = self.all || !self.state.is_empty();
        if self.runs.is_empty() && !selects && !self.vacuum {
            let message = "name the runs to delete, or select them with --state or --all";
            return Err(CommandError::Usage(message.to_owned()));
        }
        let settings = settings_of(&self.db)?;
        let engine = match self.runs.first() {
            Some(asked) => setup::engine_with_run(&settings, asked)?,
            None => setup::engine_to_read(&settings)?,
        };
        let chosen = self.chosen(&engine, selects).await?;
        if selects && !chosen.is_empty() && !self.dry_run && !self.yes {
            confirm(chosen.len())?;
        }
        if !selects && !self.dry_run {
            // Before waiting for a process of an older program, which may work on one.
            for run in &chosen {
                engine.refuse_held(&run.run_id).await?;
            }
        }
        if !self.dry_run && (self.vacuum || !chosen.is_empty()) {
            setup::wait_to_write(&engine, &settings).await?;
        }
        let mut done = Deletion { schema_version: 1, dry_run: self.dry_run, ..Deletion::default() };
        for run in chosen {
            let id = run.run_id.clone();
            let is_deleted = match run.state {
                RunState::Running if selects => false,
                _ if self.dry_run => true,
                _ => match engine.delete(&id).await {
                    Ok(()) => {
                        result_files::remove(&id, &settings);
                        run_log::remove(&id);
                        true
                    }
                    // Another process has resumed or deleted the run meanwhile.
                    Err(EngineError::Held { .. } | EngineError::UnknownRun { .. }) if selects => {
                        false
                    }
                    Err(error) => return Err(error.into()),
                },
            };
            if is_deleted { &mut done.deleted } else { &mut done.skipped }.push(run.into());
        }
        let mut cleaned = Ok(());
        if !self.dry_run && (self.vacuum || !done.deleted.is_empty()) {
            cleaned = engine.clean(self.vacuum).await;
        }
        // The runs are deleted even if their space could not be returned.
        self.print(&done)?;
        cleaned?;
        Ok(ExitCode::SUCCESS)
    }

    /// The runs to delete: selected by state, name and age, or named one by one.
    /// Fails if a named run does not exist.
    async fn chosen(
        &self,
        engine: &Engine,
        selects: bool,
    ) -> Result<Vec<RunSummary>, CommandError> {
        if selects {
            let age = self.older_than.map(|age| i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
            let now_us = Timestamp::now().as_microsecond();
            let page = HistoryPage {
                limit: u32::MAX,
                states: self.state.iter().map(|name| name.state()).collect(),
                name: self.name.clone(),
                until_us: age.map(|age| now_us.saturating_sub(age)),
                ..HistoryPage::default()
            };
            return Ok(engine.history(page).await?);
        }
        let mut chosen: Vec<RunSummary> = Vec::new();
        for asked in &self.runs {
            let run = self.latest.find(engine, asked).await?;
            if chosen.iter().all(|known| known.run_id != run) {
                chosen.push(engine.summary(&run).await?);
            }
        }
        Ok(chosen)
    }

    /// Prints the deleted runs to stdout, and the number of skipped ones to
    /// stderr.
    fn print(&self, done: &Deletion) -> Result<(), CommandError> {
        match self.json.asked().unwrap_or(self.output) {
            Format::Json => output::document(done)?,
            Format::Jsonl => done.deleted.iter().try_for_each(output::json_line)?,
            Format::Text => {
                let verb = if done.dry_run { "would delete" } else { "deleted" };
                for run in &done.deleted {
                    let (name, state) = (sanitize::one_line(&run.name), run.state.as_str());
                    output::line(&format!("{verb} {}  {name} ({state})", run.run_id))?;
                }
            }
        }
        if !done.skipped.is_empty() {
            let skipped = plural(done.skipped.len(), "run");
            print_message(&format!("not deleted, because a process is working on it: {skipped}"));
        }
        Ok(())
    }
}

/// Asks before a selection of runs is deleted: it may be larger than intended.
/// Fails with a usage error unless the answer is yes.
fn confirm(runs: usize) -> Result<(), CommandError> {
    let runs = plural(runs, "run");
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        let message = format!("this deletes {runs}; add --yes, or --dry-run to see which");
        return Err(CommandError::Usage(message));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "delete {runs} permanently? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        return Ok(());
    }
    Err(CommandError::Usage("nothing was deleted".to_owned()))
}
