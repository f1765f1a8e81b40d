//! `smol-wf history`: lists runs; its parts show one, delete some and add up.
//!
//! Owns: the flags of the list, and its rows. Never: reads a journal; the engine does.

mod brief;
mod delete;
mod show;
mod text;
mod usage;
mod whole;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, HistoryPage, RunSummary};

use crate::config::{FlagLayer, Settings};
use crate::failure::CommandError;
use crate::flags::{DbFlags, JsonFlag, SpanFlags, StateName};
use crate::humanize::{count, price, utc};
use crate::table::{Align, Column, Format, NarrowRule, table};
use crate::usage_hints::whole_number;
use crate::working_folder::LatestFlags;
use crate::{failure, output, sanitize, setup};

/// List, show or delete runs, and sum up their usage
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct HistoryArgs {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// Show this run: its id, the beginning of its id, or `latest`
    #[arg(conflicts_with_all = ["state", "name", "since", "until", "before", "limit"])]
    run: Option<String>,

    #[command(flatten)]
    parts: show::PartFlags,

    /// How to print. Default for a list: text; for one run: text on a terminal,
    /// elsewhere its report as JSON. With json or jsonl, the report of a run has
    /// its arguments, attempts, log, steps and usage under `details`
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,

    /// Only runs in this state; may be repeated
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    state: Vec<StateName>,

    /// Only runs of the workflow with this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    span: SpanFlags,

    /// Only runs older than this one: the last run of the previous page
    #[arg(long, value_name = "RUN")]
    before: Option<String>,

    /// Most runs to list, up to 100000; `--before RUN` shows the next page
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = limit)]
    limit: u32,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

/// The list is built in memory; a row takes about a kibibyte.
const LIMIT_MAX: u32 = 100_000;

/// A value parser for clap: the number of runs to list.
fn limit(text: &str) -> Result<u32, String> {
    let read = whole_number(1, LIMIT_MAX.into())(text);
    read.map_err(|wrong| format!("{wrong}; `--before RUN` shows the next page"))
}

#[derive(Debug, Subcommand)]
enum Verb {
    Delete(delete::DeleteArgs),
    Usage(usage::UsageArgs),
}

const EXAMPLES: &str = "\
Examples:
  smol-wf history --since yesterday --state failed,paused
  smol-wf history --name code-review --limit 5 --output json
  smol-wf history latest --output text
  smol-wf history latest --step 3
  smol-wf history usage --by day --since 7d
  smol-wf history delete --state failed --older-than 30d --dry-run";

/// The JSON output of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History {
    schema_version: u32,
    /// The page, newest first.
    runs: Vec<RunSummary>,
}

impl HistoryArgs {
    /// Prints a list of runs or one run, or runs a subcommand. Fails if a named
    /// run does not exist or cannot be read; a damaged run in a list is only
    /// marked.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        match self.verb {
            Some(Verb::Delete(args)) => return args.execute().await,
            Some(Verb::Usage(args)) => return args.execute().await,
            None => {}
        }
        let output = self.json.asked().or(self.output);
        let engine = reader(&self.db, self.run.as_deref().or(self.before.as_deref()))?;
        if let Some(asked) = &self.run {
            let run = self.latest.find(&engine, asked).await?;
            return show::show(&engine, &run, &self.parts, output).await;
        }
        let before = match &self.before {
            Some(asked) => {
                let run = self.latest.find(&engine, asked).await?;
                let summary = engine.summary(&run).await?;
                Some((summary.created_at_us, run))
            }
            None => None,
        };
        let page = HistoryPage {
            limit: self.limit,
            before,
            states: self.state.iter().map(|name| name.state()).collect(),
            name: self.name.clone(),
            since_us: self.span.since,
            until_us: self.span.until,
            ..HistoryPage::default()
        };
        let runs = engine.history(page).await?;
        match output.unwrap_or(Format::Text) {
            Format::Text => output::line(&table(&COLUMNS, &rows(&runs), SPARE))?,
            Format::Json => output::document(&History { schema_version: 1, runs })?,
            Format::Jsonl => runs.iter().try_for_each(output::json_line)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// An engine to read the database of the current folder. Fails with `run_unknown`
/// if there is no database and `asked` names a run.
pub(super) fn reader(db: &DbFlags, asked: Option<&str>) -> Result<Engine, CommandError> {
    let settings = settings_of(db)?;
    match asked {
        Some(asked) => setup::engine_with_run(&settings, asked),
        None => setup::engine_to_read(&settings),
    }
}

/// The settings of the current folder; prints warnings about those that have no
/// effect.
pub(crate) fn settings_of(db: &DbFlags) -> Result<Settings, CommandError> {
    let mut flags = FlagLayer::default();
    db.put(&mut flags);
    let settings = Settings::load(flags, Path::new("."))?;
    failure::print_warnings(&settings);
    Ok(settings)
}

/// Columns of the list.
const COLUMNS: [Column; 9] = [
    ("RUN", Align::Left),
    ("STATE", Align::Left),
    ("NAME", Align::Left),
    ("CREATED (UTC)", Align::Left),
    ("STARTS", Align::Right),
    ("STEPS", Align::Right),
    ("TOKENS", Align::Right),
    ("COST", Align::Right),
    ("FORK OF", Align::Left),
];

/// Columns that a narrow terminal drops, least important first.
const SPARE: NarrowRule =
    NarrowRule { columns: &["FORK OF", "STARTS", "STEPS", "COST", "TOKENS"], cut: "NAME" };

/// A row of the list, and its depth in the tree of forks.
struct TreeRow<'a> {
    run: &'a RunSummary,
    /// 0 for a run without a parent on the page.
    depth: usize,
}

/// Orders runs newest first, with forks below their parent.
fn tree(runs: &[RunSummary]) -> Vec<TreeRow<'_>> {
    let mut children: HashMap<&RunId, Vec<&RunSummary>> = HashMap::new();
    let listed: HashSet<&RunId> = runs.iter().map(|run| &run.run_id).collect();
    let mut stack = Vec::new();
    for run in runs {
        match run.parent.as_ref().filter(|parent| listed.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(run),
            None => stack.push(TreeRow { run, depth: 0 }),
        }
    }
    stack.reverse();
    let mut placed = Vec::new();
    while let Some(place) = stack.pop() {
        let below = children.remove(&place.run.run_id).unwrap_or_default();
        let depth = place.depth + 1;
        stack.extend(below.into_iter().rev().map(|run| TreeRow { run, depth }));
        placed.push(place);
    }
    // Runs in a cycle of parents, which only a forged database has.
    placed.extend(children.into_values().flatten().map(|run| TreeRow { run, depth: 0 }));
    placed
}

/// The cells of [`COLUMNS`], one row per run, in the order of the tree.
fn rows(runs: &[RunSummary]) -> Vec<Vec<String>> {
    let row = |TreeRow { run, depth }: &TreeRow<'_>| {
        let branch = if *depth > 0 { "└ " } else { "" };
        // The parent, if the tree does not show it.
        let elsewhere = run.parent.as_ref().filter(|_| *depth == 0);
        vec![
            format!("{}{branch}{}", "  ".repeat(depth.saturating_sub(1)), run.run_id),
            run.state.as_str().to_owned(),
            sanitize::cut(&sanitize::one_line(&run.name), 40),
            utc(run.created_at_ms),
            run.attempts.to_string(),
            count(run.steps),
            count(run.token_usage.total_tokens),
            price(run.cost_usd),
            elsewhere.map(RunId::to_string).unwrap_or_default(),
        ]
    };
    tree(runs).iter().map(row).collect()
}
