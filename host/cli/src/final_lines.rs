//! What a person sees last of a run: a report of many lines has scrolled the
//! rest away.
//!
//! Owns: the few lines below a report on a terminal. Never: said where a program
//! reads the report.

use std::io::IsTerminal;

use smol_wf_engine::{Report, RunState};

use crate::failure::{null_in_words, print_message};
use crate::humanize::{count, dollars, plural};
use crate::sanitize;
use crate::shell;

/// Columns of the result, and agents that are named.
const RESULT_COLUMNS: usize = 70;
const NAMED_MAX: usize = 3;

/// Whether stdout and stderr are read by one person, who saw a report go by.
fn is_read() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// What came of the run, below its report.
pub(crate) fn print_summary(report: &Report, warned: &[String]) {
    if is_read() {
        lines(report, warned).iter().for_each(|line| print_message(line));
    }
}

/// What to type next, last of all, where nothing else has said it.
pub(crate) fn print_next(report: &Report) {
    if is_read() && report.state == RunState::Completed {
        print_message(&format!(
            "its steps: smol-wf history {}{}",
            report.run_id,
            shell::with_database()
        ));
    }
}

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
    lines.push(sums(report));
    if report.state == RunState::Completed {
        lines.push(match &report.results_file {
            Some(file) => format!("result: in {}", sanitize::one_line(file)),
            None => {
                let result = report.results.get();
                let result = sanitize::cut(&sanitize::one_line(result), RESULT_COLUMNS);
                format!("result: {result}")
            }
        });
    }
    lines
}

fn sums(report: &Report) -> String {
    let mut sums =
        format!("{}: {}", report.state.as_str(), plural(count(report.agents.called), "agent"));
    if report.agents.failed > 0 {
        sums.push_str(&format!(", {} failed", count(report.agents.failed)));
    }
    let tokens = report.token_usage.total_tokens;
    if tokens > 0 {
        sums.push_str(&format!(", {}", plural(count(tokens), "token")));
    }
    if report.cost_usd > 0.0 {
        sums.push_str(&format!(", {}", dollars(report.cost_usd)));
    }
    sums
}
