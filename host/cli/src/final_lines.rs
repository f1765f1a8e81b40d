//! The last lines of a run on a terminal, below a report that has scrolled
//! everything else away.
//!
//! Owns: these lines. Never: prints them when a program reads the report.

use std::io::IsTerminal;

use smol_wf_engine::{Report, RunState};

use crate::failure::{null_in_words, print_message};
use crate::humanize::{count, dollars, plural};
use crate::sanitize;
use crate::shell;

/// Most columns of the result, and most nulls that are named.
const RESULT_COLUMNS: usize = 70;
const NAMED_MAX: usize = 3;

/// Whether stdout and stderr are both a terminal, so that a person saw the
/// report.
fn is_terminal_reader() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Prints a summary of the run below its report.
pub(crate) fn print_summary(report: &Report, warned: &[String]) {
    if is_terminal_reader() {
        lines(report, warned).iter().for_each(|line| print_message(line));
    }
}

/// Prints the same to stdout, for `attach --output text`.
pub(crate) fn print_to_stdout(report: &Report) -> std::io::Result<()> {
    crate::output::line(&lines(report, &[]).join("\n"))
}

/// Prints the same into a log, which has no report.
pub(crate) fn print_for_log(report: &Report, warned: &[String]) {
    lines(report, warned).iter().for_each(|line| print_message(line));
}

/// Prints what to type next, as the last line, if nothing else did.
pub(crate) fn print_next(report: &Report) {
    if is_terminal_reader() && report.state == RunState::Completed {
        print_message(&format!(
            "its steps: smol-wf history {}{}",
            report.run_id,
            shell::with_database()
        ));
    }
}

/// The summary: repeated warnings, nulls, totals and the result.
fn lines(report: &Report, warned: &[String]) -> Vec<String> {
    let mut lines: Vec<_> = warned.iter().map(|warning| format!("warning: {warning}")).collect();
    if !report.is_fruitless() {
        let named = report.nulls.iter().take(NAMED_MAX);
        lines.extend(named.map(|null| format!("null: {}", null_in_words(null))));
        let more = report.nulls.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            let db = shell::with_database();
            lines.push(format!("null: {more} more; smol-wf history {}{db}", report.run_id));
        }
    }
    lines.push(totals(report));
    if report.state == RunState::Completed {
        lines.push(match &report.results_file {
            Some(file) => format!("result: in {}", sanitize::one_line(file)),
            None => {
                let result = report.result.get();
                let result = sanitize::cut(&sanitize::one_line(result), RESULT_COLUMNS);
                format!("result: {result}")
            }
        });
    }
    lines
}

/// One line: state, agents, failures, tokens and dollars.
fn totals(report: &Report) -> String {
    let mut totals =
        format!("{}: {}", report.state.as_str(), plural(count(report.agents.called), "agent"));
    if report.agents.failed > 0 {
        totals.push_str(&format!(", {} failed", count(report.agents.failed)));
    }
    let tokens = report.token_usage.total_tokens;
    if tokens > 0 {
        totals.push_str(&format!(", {}", plural(count(tokens), "token")));
    }
    if report.cost_usd > 0.0 {
        totals.push_str(&format!(", {}", dollars(report.cost_usd)));
    }
    totals
}
