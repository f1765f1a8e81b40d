//! The end of a run on stdout: its report, or its result as text.
//!
//! Owns: which of them is printed, and how much of a result a terminal gets. Never:
//! the event stream; it was written while the run went on.

use std::io::{self, IsTerminal};

use smol_wf_engine::Report;

use crate::config::Settings;
use crate::failure::print_message;
use crate::final_lines::Shown;
use crate::report_format::ReportFormat;
use crate::result_text::{self, ResultText};
use crate::{output, result_files, streams};

/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Prints the report in this format. Returns what a person was shown, and the error if
/// stdout could not be written. On a terminal, the report then names the file of a large
/// result.
pub(crate) fn print(
    report: &mut Report,
    format: ReportFormat,
    settings: &Settings,
    is_quiet: bool,
) -> (Shown, io::Result<()>) {
    match format {
        ReportFormat::Json => {
            result_files::move_to_file(report, settings);
            (Shown::Report, output::document(report))
        }
        ReportFormat::Text => match print_result(report, settings, is_quiet) {
            Ok(shown) => (shown, Ok(())),
            Err(error) => (Shown::Nothing, Err(error)),
        },
        ReportFormat::Jsonl | ReportFormat::None => (Shown::Nothing, Ok(())),
    }
}

/// Prints an empty line between the result and what is said about the run.
fn set_apart(is_quiet: bool) {
    if !is_quiet && io::stderr().is_terminal() {
        print_message("");
        streams::flush_before_stdout();
    }
}

/// Prints the result as text, cut to a few screens if it goes to one.
fn print_result(report: &mut Report, settings: &Settings, is_quiet: bool) -> io::Result<Shown> {
    let Some(ResultText { text, is_whole }) = result_text::of_result(report.result.get()) else {
        return Ok(Shown::Nothing);
    };
    if !io::stdout().is_terminal() {
        output::safe_text(&text)?;
        return Ok(Shown::Result { rows: text.lines().count(), lines_left_out: 0, is_whole });
    }
    let cut = result_text::to_rows(&text, streams::columns_of_stdout().unwrap_or(COLUMNS));
    set_apart(is_quiet);
    output::safe_text(&cut.text)?;
    set_apart(is_quiet);
    if cut.lines_left_out > 0 {
        result_files::move_to_file(report, settings);
    }
    Ok(Shown::Result { rows: cut.rows, lines_left_out: cut.lines_left_out, is_whole })
}
