//! `smol-wf history`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use smol_wf_engine::{HistoryPage, RunSummary};

use crate::config::{FlagLayer, Settings};
use crate::failure::CommandError;
use crate::flags::DbFlags;
use crate::table::{Format, Table};
use crate::{failure, output, screen, setup};

/// List runs, newest first, or show one
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HistoryArgs {
    /// Run id, the beginning of one, or `latest`: prints its report as it stands
    run: Option<String>,

    /// How to print the list
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    /// Runs at the most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf history
  smol-wf history --output json --limit 5
  smol-wf history latest";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History {
    schema_version: u32,
    runs: Vec<RunSummary>,
}

impl HistoryArgs {
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        // Nothing is run here: one instance is what the sandbox must have.
        let mut flags = FlagLayer::default();
        self.db.put(&mut flags);
        let settings = Settings::load(flags, Path::new("."))?;
        failure::warn(&settings);
        let engine = setup::engine(&settings, 1)?;
        if let Some(asked) = &self.run {
            let run = engine.find(asked).await?;
            output::document(&engine.report(&run).await?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let runs = engine.history(HistoryPage { limit: self.limit, before: None }).await?;
        match self.output {
            Format::Json => output::document(&History { schema_version: 1, runs })?,
            Format::Text => output::line(&table(&runs))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn table(runs: &[RunSummary]) -> String {
    let mut table = Table::new(["RUN", "STATE", "NAME", "CREATED (UTC)"]);
    for run in runs {
        let name = screen::cut(&screen::one_line(&run.name), 40);
        table.row([run.run_id.as_str(), run.state.as_str(), &name, &utc(run.created_at_ms)]);
    }
    table.text()
}

/// `2026-11-23 23:05:09`; nothing for a time that no calendar has.
fn utc(milliseconds: i64) -> String {
    Timestamp::from_millisecond(milliseconds)
        .map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        assert_eq!(utc(0), "1970-01-01 00:00:00");
        assert_eq!(utc(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(utc(1_795_475_109_999), "2026-11-23 23:05:09");
    }
}
