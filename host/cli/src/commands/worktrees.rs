//! `smol-wf worktrees`: git worktrees that steps left behind.
//!
//! Owns: the table, and how to recover a worktree. Never: decides what is
//! removed; the engine does.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use smol_wf_engine::Leftover;

use crate::config::{FlagLayer, Settings};
use crate::failure::{self, CommandError, print_message};
use crate::flags::{DbFlags, JsonFlag};
use crate::output as out;
use crate::setup;
use crate::shell;
use crate::table::{Format, Table};

/// List or remove the git worktrees that agents left behind
///
/// An agent with `isolation: 'worktree'` works in a worktree of its own. It is
/// removed at the end of the step, unless something in it has changed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WorktreesArgs {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf worktrees list
  smol-wf worktrees prune --dry-run
  smol-wf worktrees prune --force";

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the worktrees
    List {
        /// How to print the worktrees
        #[arg(long, short, value_name = "FORMAT", default_value = "text")]
        output: Format,

        #[command(flatten)]
        json: JsonFlag,

        #[command(flatten)]
        db: DbFlags,
    },
    /// Remove the worktrees in which nothing has changed
    Prune {
        /// Also remove changed worktrees of runs that are over, and their
        /// branches
        #[arg(long)]
        force: bool,

        /// Only list what would be removed
        #[arg(long)]
        dry_run: bool,

        /// How to print the worktrees
        #[arg(long, short, value_name = "FORMAT", default_value = "text")]
        output: Format,

        #[command(flatten)]
        json: JsonFlag,

        #[command(flatten)]
        db: DbFlags,
    },
}

impl WorktreesArgs {
    /// Lists or removes worktrees. Those that git cannot read are kept, with a
    /// message. Fails if the database or a folder cannot be read.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let mut flags = FlagLayer::default();
        let (Verb::List { db, .. } | Verb::Prune { db, .. }) = &self.verb;
        db.put(&mut flags);
        let settings = Settings::load(flags, Path::new("."))?;
        failure::print_warnings(&settings);
        let engine = setup::engine_to_read(&settings)?;
        match self.verb {
            Verb::List { output, json, .. } => {
                let format = json.asked().unwrap_or(output);
                let worktrees = engine.worktrees().await?;
                warn(&worktrees);
                match format {
                    Format::Text => out::line(&table(&worktrees))?,
                    Format::Json => {
                        out::document(&json!({ "schemaVersion": 1, "worktrees": worktrees }))?;
                    }
                    Format::Jsonl => worktrees.iter().try_for_each(out::json_line)?,
                }
            }
            Verb::Prune { force, dry_run, output, json, .. } => {
                let format = json.asked().unwrap_or(output);
                let pruned = engine.prune_worktrees(force, dry_run).await?;
                pruned.kept.iter().for_each(explain);
                match format {
                    Format::Json => out::document(&json!({
                        "schemaVersion": 1,
                        "dryRun": dry_run,
                        "removed": pruned.removed,
                        "kept": pruned.kept,
                    }))?,
                    Format::Jsonl => pruned.removed.iter().try_for_each(out::json_line)?,
                    Format::Text => out::line(&table(&pruned.removed))?,
                }
                let verb = if dry_run { "would be removed" } else { "removed" };
                print_message(&format!(
                    "{} {verb}, {} kept",
                    pruned.removed.len(),
                    pruned.kept.len()
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints warnings about worktrees, and problems that git has with them.
fn warn(worktrees: &[Leftover]) {
    for leftover in worktrees {
        let worktree = leftover.worktree.as_ref();
        if let Some(warning) = worktree.and_then(|worktree| worktree.warning.as_ref()) {
            print_message(&format!("{}: {warning}", leftover.path.display()));
        }
        explain(leftover);
    }
}

/// Prints why git cannot read a worktree, and what to do about it.
fn explain(leftover: &Leftover) {
    let Some(problem) = &leftover.problem else { return };
    let (path, typed) = (leftover.path.display(), shell::path(&leftover.path));
    let forget = format!(
        "`smol-wf worktrees prune --force{}` removes it from the list",
        shell::with_database()
    );
    let is_there = leftover.elsewhere.as_ref().is_some_and(|place| place.exists());
    let is_copy = leftover.has_moved && is_there;
    if !leftover.path.exists() {
        let whose = leftover.elsewhere.as_ref().map(|_| format!(", and {problem}, which stays"));
        print_message(&format!("{path} is gone{}; {forget}", whose.unwrap_or_default()));
    } else if is_copy {
        // Repairing it would take the branch from the other one.
        print_message(&format!(
            "{path} is kept: {problem}, and one of the two is a copy; copy the files that you want and delete the folder, then {forget}"
        ));
    } else {
        print_message(&format!(
            "{path} is kept: {problem}; if the repository or the database was moved, `git worktree repair {typed}` in the repository repairs it; otherwise copy the files that you want and delete the folder"
        ));
    }
}

/// All branches with commits of the worktree, the checked-out one first.
fn branches(leftover: &Leftover) -> String {
    leftover.worktree.as_ref().map_or_else(
        || leftover.branch.clone(),
        |worktree| {
            let others = worktree.branches.iter().map(String::as_str);
            let all: Vec<&str> = std::iter::once(&*worktree.branch).chain(others).collect();
            all.join(", ")
        },
    )
}

/// The worktrees as a table, one row each, in the order of the engine.
fn table(worktrees: &[Leftover]) -> String {
    let mut table = Table::new(["RUN", "STEP", "STATE", "RUN STATE", "FILES", "BRANCH", "PATH"]);
    for leftover in worktrees {
        let files = leftover.worktree.as_ref().map(|worktree| worktree.files.to_string());
        table.row([
            leftover.run_id.as_str(),
            &leftover.step.to_string(),
            leftover.state.as_str(),
            leftover.run_state.map_or("deleted", |state| state.as_str()),
            &files.unwrap_or_default(),
            &branches(leftover),
            &leftover.path.to_string_lossy(),
        ]);
    }
    table.text()
}
