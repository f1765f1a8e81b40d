//! `smol-wf history <run>`.
//!
//! Owns: which parts of a run are shown, and its JSON. Never: text that the JSON lacks.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use smol_wf_core::details::Details;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_engine::{Engine, EngineError, Report};

use super::brief;
use super::text::{beginning, end};
use super::whole::{self, WholeStep};
use crate::advice;
use crate::commands::fork;
use crate::failure::CommandError;
use crate::json_list::JsonList;
use crate::lean_run::LeanRun;
use crate::output::{self, Sink};
use crate::table::Format;

/// Which parts of a run are shown
#[derive(Debug, Args)]
pub(super) struct PartFlags {
    /// Show one step with nothing left out: prompt, options, schema, attempts,
    /// answer or failure
    #[arg(long, value_name = "N", requires = "run", value_parser = fork::step)]
    step: Option<StepId>,

    /// Show the prompts and answers of all agents, in the order of their steps
    #[arg(long, requires = "run", conflicts_with = "step")]
    prompts: bool,

    /// Leave nothing out and shorten nothing
    #[arg(long, requires = "run")]
    full: bool,
}

/// Prints one run: text on a terminal, its report elsewhere; `format` overrides
/// this. Fails if the journal cannot be read, or lacks the step that was named.
pub(super) async fn show(
    engine: &Engine,
    run: &RunId,
    parts: &PartFlags,
    format: Option<Format>,
) -> Result<ExitCode, CommandError> {
    let lean = LeanRun::read(engine.run_reader(run).await?).await?;
    let unknown = |_| EngineError::UnknownRun { asked: run.to_string() };
    let report = Report::fold(&lean.entries, lean.held()).map_err(unknown)?;
    let report = advice::with_hint(report);
    let details = Details::fold(&lean.entries, lean.held()).map_err(unknown)?;
    let has_parts = parts.step.is_some() || parts.prompts || parts.full;
    let is_text = std::io::stdout().is_terminal();
    let format = match format {
        None if !is_text && !has_parts => {
            output::document(&report)?;
            return Ok(ExitCode::SUCCESS);
        }
        None if is_text => Format::Text,
        None => Format::Json,
        Some(format) => format,
    };
    if let Some(number) = parts.step {
        let last = details.steps.len();
        let step = details.step(number);
        let step = step.ok_or(CommandError::NoStep { run: run.clone(), step: number, last })?;
        whole::print_step(&lean, &report, step, format).await?;
    } else if parts.prompts {
        whole::print_said(&lean, &report, &details.steps, format).await?;
    } else if format == Format::Text {
        print_text(&lean, &report, &details, parts.full).await?;
    } else {
        print_json(&lean, &report, &details, (parts.full, format)).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the whole run as text: head, epochs, log, steps, usage, nulls and result.
async fn print_text(
    lean: &LeanRun,
    report: &Report,
    details: &Details<'_>,
    is_full: bool,
) -> Result<(), CommandError> {
    let args = lean.args().await?;
    let mut sink = Sink::stdout();
    sink.safe_text(&beginning(report, details, args.as_deref(), is_full).join("\n\n"))?;
    if is_full {
        for step in &details.steps {
            let whole = WholeStep::read(lean, step).await?;
            sink.safe_text(&format!("\n{}", whole.text(true)))?;
        }
    }
    for part in end(report, details, is_full) {
        sink.safe_text(&format!("\n{part}"))?;
    }
    Ok(sink.finish()?)
}

/// Prints the report, with the field `details` at its end.
async fn print_json(
    lean: &LeanRun,
    report: &Report,
    details: &Details<'_>,
    (is_full, format): (bool, Format),
) -> Result<(), CommandError> {
    let args = lean.args().await?;
    let mut fields = serde_json::to_value(details).map_err(std::io::Error::from)?;
    if let Some(args) = args {
        fields["args"] = serde_json::from_str(&args).unwrap_or(Value::String(args));
    }
    fields["log"] = brief::log_json(details);
    // Last, because its items may be written one at a time.
    let steps = if is_full { Vec::new() } else { brief_steps(details)? };
    fields.as_object_mut().and_then(|fields| fields.shift_remove("steps"));
    fields["steps"] = steps.into();
    let document = ReportWithDetails { report, details: &fields };
    if !is_full {
        return Ok(output::print(format, &document)?);
    }
    let frame = match format {
        Format::Jsonl => serde_json::to_string(&document).map_err(std::io::Error::from)?,
        Format::Json | Format::Text => output::pretty(&document)?,
    };
    let mut sink = Sink::stdout();
    let mut list = JsonList::begin(&mut sink, &frame)?;
    for step in &details.steps {
        let whole = WholeStep::read(lean, step).await?;
        list.push(whole.json().map_err(std::io::Error::from)?)?;
    }
    list.finish()?;
    Ok(sink.finish()?)
}

fn brief_steps(details: &Details<'_>) -> std::io::Result<Vec<Value>> {
    Ok(details.steps.iter().map(brief::step_json).collect::<Result<_, _>>()?)
}

/// The report, with the field `details` at its end.
struct ReportWithDetails<'a> {
    report: &'a Report,
    details: &'a Value,
}

impl Serialize for ReportWithDetails<'_> {
    /// Joins two texts: the result in the report is raw JSON, which serde cannot
    /// flatten.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        let report = serde_json::to_string(self.report).map_err(S::Error::custom)?;
        let details = serde_json::to_string(self.details).map_err(S::Error::custom)?;
        let open = report.strip_suffix('}').unwrap_or(&report);
        let whole = RawValue::from_string(format!("{open},\"details\":{details}}}"));
        whole.map_err(S::Error::custom)?.serialize(serializer)
    }
}
