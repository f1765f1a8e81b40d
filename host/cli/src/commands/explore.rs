//! `smol-wf explore`: a script under many schedules.
//!
//! Owns: the text of the findings and the commands that reproduce them. Never:
//! the schedules; those are the engine's.

use std::process::ExitCode;

use clap::Args;
use smol_wf_core::script;
use smol_wf_engine::simulate::{Exploration, ExploreOptions, Finding, Tally};

use super::simulation::{PreparedScript, SimulationFlags};
use crate::advice;
use crate::annotations::{self, Annotation};
use crate::failure::CommandError;
use crate::humanize::plural;
use crate::usage_hints;
use crate::workflow_args::Named;
use crate::{exit, output, sanitize};

/// Most schedules of one exploration; a million of a short script take minutes.
const RUNS_MAX: u64 = 1_000_000;

/// Run a script under many orders, failures, nulls and crashes, without agents
///
/// The real script runs in the sandbox; the same question always gets the same
/// generated answer. Schedule 0 is undisturbed, 1 answers in reverse order, 2
/// crashes after every delivery; the others mix orders, silent agents, failures,
/// crashes and lasting faults. The same script, arguments and seed give the same
/// findings.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExploreArgs {
    #[command(flatten)]
    pub(super) flags: SimulationFlags,

    /// Number of schedules to run
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = usage_hints::whole_number::<u64>(1, RUNS_MAX))]
    runs: u64,

    /// Run only this schedule and the undisturbed one
    #[arg(long, value_name = "K", conflicts_with = "runs", value_parser = usage_hints::whole_number::<u64>(0, u64::MAX))]
    schedule: Option<u64>,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf explore review.js --args-base main
  smol-wf explore review.js --runs 2000 --seed 7
  smol-wf explore review.js --seed 7 --schedule 12

Exit codes:
  0 nothing found   7 findings";

/// An exploration as JSON, with the commands that reproduce its findings.
#[derive(serde::Serialize)]
struct PrintedExploration<'a> {
    #[serde(flatten)]
    exploration: &'a Exploration,
    /// One command per finding, in the same order.
    reproduce: Vec<String>,
}

impl ExploreArgs {
    /// Explores the script and prints the findings. Returns 7 if there are any;
    /// fails if the script cannot be loaded or compiled.
    pub(crate) async fn execute(self, named: Named) -> Result<ExitCode, CommandError> {
        let prepared = self.flags.prepare(named, None).await?;
        let options = ExploreOptions { runs: self.runs, schedule: self.schedule };
        let mut exploration = prepared.simulator.explore(&options).await?;
        for finding in exploration.findings.iter_mut().filter(|finding| finding.lacks_args) {
            finding.hint = Some("give them with --args".to_owned());
        }
        let findings = &exploration.findings;
        let command = |finding: &Finding| {
            format!("smol-wf explore {} --schedule {}", prepared.rerun_words, finding.schedule)
        };
        let reproduce: Vec<String> = findings.iter().map(command).collect();
        if self.flags.output.is_json() {
            output::document(&PrintedExploration { exploration: &exploration, reproduce })?;
        } else {
            output::line(&text(&exploration, &reproduce, &prepared))?;
        }
        self.annotate(findings);
        let code = if findings.is_empty() { 0 } else { exit::MISMATCH };
        Ok(ExitCode::from(code))
    }

    /// Prints the findings as annotations, in GitHub Actions.
    fn annotate(&self, findings: &[Finding]) {
        if !annotations::wanted() {
            return;
        }
        let file = self.flags.script.to_string_lossy();
        for finding in findings {
            annotations::annotate(&Annotation {
                is_error: true,
                file: finding.file.as_deref().unwrap_or(&file),
                line: finding.line,
                column: finding.column,
                title: finding.kind.as_str(),
                message: &finding.message,
            });
        }
    }
}

/// The whole result as text: the counts, then each finding with the command that
/// reproduces it.
fn text(exploration: &Exploration, reproduce: &[String], prepared: &PreparedScript) -> String {
    let tally = &exploration.tally;
    let mut lines = vec![
        format!(
            "{}: {} with seed {}, {} in the undisturbed schedule",
            sanitize::one_line(&exploration.name),
            plural(tally.schedules, "schedule"),
            exploration.seed,
            plural(tally.agents, "agent")
        ),
        ends(tally),
        format!(
            "{} of answers; {} with nulls, {} with failures, {} with crashes",
            plural(tally.orders, "order"),
            plural(tally.with_nulls, "schedule"),
            tally.with_failures,
            tally.with_crashes
        ),
    ];
    if tally.asks > 0 {
        lines.push(format!(
            "{} to people; {} in which they refuse, answer otherwise or not at all",
            plural(tally.asks, "question"),
            plural(tally.with_other_answers, "schedule")
        ));
    }
    if exploration.ended_early {
        lines.push("the undisturbed schedule did not complete, so no other was tried".to_owned());
    }
    if exploration.gave_up {
        lines.push(
            "several schedules did not end, so no more were tried; fix those first".to_owned(),
        );
    }
    if exploration.findings.is_empty() {
        lines.push("nothing found".to_owned());
    }
    for (finding, reproduce) in exploration.findings.iter().zip(reproduce) {
        lines.push(String::new());
        lines.push(one(finding, prepared));
        lines.push(format!("  reproduce: {reproduce}"));
    }
    lines.join("\n")
}

/// How the schedules ended. A script may fail on purpose; the text says so,
/// because that is not a finding.
fn ends(tally: &Tally) -> String {
    let as_written = tally.failed_as_written;
    let found = tally.failed.saturating_sub(as_written);
    let mut said = format!("{} completed", tally.completed);
    if as_written > 0 {
        said.push_str(&format!(
            ", {as_written} failed as the script says: it let an agent's failure through, or threw an error of its own"
        ));
    }
    if found > 0 {
        said.push_str(&format!(", {found} did not, as found below"));
    }
    said
}

/// One finding: message, hint, place in the script, and for an order that matters
/// both orders with their results.
fn one(finding: &Finding, prepared: &PreparedScript) -> String {
    let kind = finding.kind.as_str();
    let said = advice::joined(&finding.message, finding.hint.as_deref());
    let mut shown = format!("{kind}: {}", sanitize::one_line(&said));
    let snippet = match (&finding.file, finding.line) {
        (None, Some(line)) => script::snippet(&prepared.text, line, finding.column.unwrap_or(1)),
        (Some(file), Some(line)) => {
            let place = format!("{file}:{line}:{}", finding.column.unwrap_or(1));
            format!("  in {}\n{}", sanitize::one_line(&place), finding.excerpt)
        }
        (_, None) => String::new(),
    };
    if !snippet.is_empty() {
        shown.push('\n');
        shown.push_str(&snippet);
    }
    for side in &finding.sides {
        let order: Vec<String> = side.order.iter().map(|title| sanitize::one_line(title)).collect();
        shown.push_str(&format!(
            "\n  schedule {}: {}\n    result: {}",
            side.schedule,
            order.join(" → "),
            sanitize::one_line(&side.outcome)
        ));
    }
    for when in &finding.also {
        shown.push_str(&format!("\n  also {}", sanitize::one_line(when)));
    }
    if finding.seen > 1 {
        shown.push_str(&format!("\n  seen in {}", plural(finding.seen, "schedule")));
    }
    shown
}
