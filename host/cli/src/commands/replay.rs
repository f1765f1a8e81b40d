//! `smol-wf replay`: runs a journal again and prints the verdict.
//!
//! Owns: the output. Never: the comparison; that is the engine's.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::history::settings_of;
use crate::failure::{CommandError, print_error, print_message};
use crate::final_lines::{self, Said, Shown};
use crate::flags::DbFlags;
use crate::table::Format;
use crate::working_folder::LatestFlags;
use crate::{exit, output, setup, text_diff};

/// Replay a recorded run offline and compare
///
/// Nothing is sent to agents and nothing is written. Every step, the order of all
/// deliveries, the fuel of every turn and the result must match the journal. The
/// verdict goes to stdout, as JSON unless --output says otherwise. The exit code
/// is 7 if there is a difference.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplayArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    #[command(flatten)]
    latest: LatestFlags,

    /// How to print the verdict [default: json]
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,

    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    json: bool,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf replay latest
  smol-wf replay run_0k3 && echo equal";

impl ReplayArgs {
    /// Replays a run and prints the verdict. Returns 7 if the replay differs;
    /// fails if the run does not exist or its journal cannot be read.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let engine = setup::engine_with_run(&settings_of(&self.db)?, &self.run)?;
        let run = self.latest.find(&engine, &self.run).await?;
        let started = Instant::now();
        let replayed = engine.replay(&run).await?;
        let format = self.output.filter(|_| !self.json).unwrap_or(Format::Json);
        if format != Format::Text {
            output::print(format, &replayed)?;
        }
        let Some(mismatch) = &replayed.mismatch else {
            let fuel = if replayed.fuel_compared { "" } else { "; fuel of another guest" };
            let said = format!(
                "run {run} replays: {} steps, {} turns, {} entries in {:.2} s{fuel}",
                replayed.steps,
                replayed.turns,
                replayed.entries,
                started.elapsed().as_secs_f64(),
            );
            if format == Format::Text {
                output::line(&said)?;
                return Ok(ExitCode::SUCCESS);
            }
            print_message(&said);
            // The lines that a run prints below its report.
            let report = engine.report(&run).await?;
            final_lines::print_summary(&report, &Said::default(), Shown::Report);
            final_lines::print_next(&report, Shown::Report);
            return Ok(ExitCode::SUCCESS);
        };
        let said = format!("run {run} does not replay: {mismatch} [replay_mismatch]");
        let below = text_diff::of_fields(&mismatch.fields);
        if format == Format::Text {
            output::line(&format!("{said}\n{below}"))?;
        } else {
            print_error(&said, Some(&below));
        }
        Ok(ExitCode::from(exit::MISMATCH))
    }
}
