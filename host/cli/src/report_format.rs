//! What `run`, `resume` and `fork` write to stdout.
//!
//! Owns: the choice of the format. Never: writes.

use std::io::IsTerminal;

use clap::ValueEnum;

use crate::failure::CommandError;

/// Value of `--output` of the commands that run a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// The result, for people
    Text,
    /// The report, as one JSON document
    Json,
    /// The event stream, as JSON Lines
    Jsonl,
    /// Nothing
    None,
}

/// The format of `--output` and `--events`; by default text for a person at a
/// terminal, and the report for anyone else.
pub(crate) fn chosen(output: Option<ReportFormat>, events: bool) -> ReportFormat {
    match output {
        Some(format) => format,
        None if events => ReportFormat::Jsonl,
        None if is_read_by_a_person() => ReportFormat::Text,
        None => ReportFormat::Json,
    }
}

/// Fails if the two flags contradict each other.
pub(crate) fn check(output: Option<ReportFormat>, events: bool) -> Result<(), CommandError> {
    match output {
        Some(format) if events && format != ReportFormat::Jsonl => {
            let message = "--events is the same as --output jsonl; give only one of them";
            Err(CommandError::Usage(message.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether stdout is a terminal that nobody but a person reads: not that of a CI
/// system, nor the plain one of an editor, which programs read too.
fn is_read_by_a_person() -> bool {
    let is_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdout().is_terminal() && !is_ci && !is_dumb
}
