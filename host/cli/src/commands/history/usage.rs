//! `smol-wf history usage`.
//!
//! Owns: the sums over runs. Never: estimates; a run that cannot be read is left
//! out, with a warning.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use smol_wf_core::dollars;
use smol_wf_core::report::TokenUsage;
use smol_wf_core::summary::DailySpend;
use smol_wf_engine::{HistoryPage, RunSummary};

use super::reader;
use crate::failure::{CommandError, print_message};
use crate::flags::{DbFlags, JsonFlag, SpanFlags};
use crate::humanize::{count, plural, price, utc};
use crate::table::{Align, Format, NarrowRule, table};
use crate::{output, sanitize};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// Sum up agents, tokens and dollars over runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct UsageArgs {
    /// What to group by
    #[arg(long, value_name = "WHAT", default_value = "model")]
    by: By,

    /// Only runs of the workflow with this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    #[command(flatten)]
    span: SpanFlags,

    /// How to print the sums
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf history usage --by model --since 7d
  smol-wf history usage --by day --name code-review --output json";

/// The values of `--by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum By {
    /// The model that answered
    Model,
    /// The workflow's name
    Workflow,
    /// The day on which agents answered (UTC)
    Day,
    /// The provider that answered
    Provider,
}

/// Sums of one group. `name` is null for answers whose model is unknown.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: Option<String>,
    /// Runs with at least one agent in this group.
    runs: u64,
    /// Agent steps that answered or failed.
    agents: u64,
    token_usage: TokenUsage,
    /// Dollars, as far as they are known.
    cost_usd: f64,
}

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage<'a> {
    schema_version: u32,
    by: By,
    rows: &'a [Row],
    total: &'a Row,
}

impl UsageArgs {
    /// Prints the sums over all selected runs. Runs that cannot be read count as
    /// zero, with a warning.
    pub(super) async fn execute(self) -> Result<ExitCode, CommandError> {
        let engine = reader(&self.db, None)?;
        let page = HistoryPage {
            limit: u32::MAX,
            name: self.name.clone(),
            since_us: self.span.since,
            until_us: self.span.until,
            ..HistoryPage::default()
        };
        let runs = engine.history(page).await?;
        let unread = runs.iter().filter(|run| run.damage.is_some()).count();
        if unread > 0 {
            let count = if unread == 1 { "counts" } else { "count" };
            print_message(&format!(
                "warning: {} cannot be read and {count} as zero",
                plural(unread, "run")
            ));
        }
        let (rows, total) = add_up(&runs, self.by);
        match self.json.asked().unwrap_or(self.output) {
            Format::Text => output::line(&text(self.by, &rows, &total))?,
            Format::Json => {
                let (rows, total) = (rows.as_slice(), &total);
                output::document(&Usage { schema_version: 1, by: self.by, rows, total })?;
            }
            Format::Jsonl => rows.iter().try_for_each(output::json_line)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Sums per group, and the total. Days are in order; other groups are sorted by
/// cost, then by tokens.
fn add_up(runs: &[RunSummary], by: By) -> (Vec<Row>, Row) {
    let mut rows: BTreeMap<Option<String>, Row> = BTreeMap::new();
    let mut total = Row::default();
    for run in runs {
        let mut seen: Vec<Option<String>> = Vec::new();
        for spent in &run.spent {
            let name = name_of(by, run, spent);
            let row = rows.entry(name.clone()).or_default();
            row.add(spent);
            total.add(spent);
            if !seen.contains(&name) {
                row.runs += 1;
                seen.push(name);
            }
        }
        total.runs += u64::from(!run.spent.is_empty());
    }
    let mut rows: Vec<Row> = rows.into_iter().map(|(name, row)| Row { name, ..row }).collect();
    if by != By::Day {
        rows.sort_by(|a, b| {
            let tokens = |row: &Row| row.token_usage.total_tokens;
            b.cost_usd.total_cmp(&a.cost_usd).then_with(|| tokens(b).cmp(&tokens(a)))
        });
    }
    (rows, total)
}

/// The group of an amount; `None` if the model is unknown.
fn name_of(by: By, run: &RunSummary, spent: &DailySpend) -> Option<String> {
    match by {
        By::Model => spent.model.clone(),
        By::Workflow => Some(run.name.clone()),
        By::Day => utc(spent.day.saturating_mul(DAY_MS)).split(' ').next().map(str::to_owned),
        By::Provider => Some(spent.provider.clone()),
    }
}

impl Row {
    /// Adds the agents, tokens and dollars of one amount; runs are counted
    /// elsewhere.
    fn add(&mut self, spent: &DailySpend) {
        self.agents += spent.agents;
        self.token_usage += spent.tokens;
        dollars::add(&mut self.cost_usd, spent.cost_usd);
    }

    /// The cells of a row in the table.
    fn cells(&self, name: &str) -> Vec<String> {
        vec![
            sanitize::cut(&sanitize::one_line(name), 40),
            count(self.runs),
            count(self.agents),
            count(self.token_usage.input_tokens),
            count(self.token_usage.output_tokens),
            price(self.cost_usd),
        ]
    }
}

/// The sums as a table, with the total in the last row.
fn text(by: By, rows: &[Row], total: &Row) -> String {
    let title = match by {
        By::Model => "MODEL",
        By::Workflow => "WORKFLOW",
        By::Day => "DAY (UTC)",
        By::Provider => "PROVIDER",
    };
    let columns = [
        (title, Align::Left),
        ("RUNS", Align::Right),
        ("AGENTS", Align::Right),
        ("READ", Align::Right),
        ("WRITTEN", Align::Right),
        ("COST", Align::Right),
    ];
    let mut cells: Vec<_> =
        rows.iter().map(|row| row.cells(row.name.as_deref().unwrap_or("-"))).collect();
    cells.push(total.cells("total"));
    table(&columns, &cells, NarrowRule::default())
}
