//! The last lines of a run: what a person wants to know below a report or a result.
//!
//! Owns: these lines. Never: prints them when a program reads the report.

use std::io::IsTerminal;

use smol_wf_core::report::WorktreeReport;
use smol_wf_engine::{Report, RunState};

use crate::failure::{null_in_words, print_message};
use crate::humanize::{count, dollars, plural};
use crate::sanitize;
use crate::shell;

/// Most columns of the result, and most nulls, failures and worktrees that are named.
const RESULT_COLUMNS: usize = 70;
const NAMED_MAX: usize = 3;

/// Rows of a result below which the warnings above it are still in sight: most of
/// the smallest usual terminal.
const ROWS_IN_SIGHT: usize = 15;

/// What stdout has shown of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The report. A person saw it if both streams are a terminal.
    Report,
    /// The result as text.
    Result {
        /// Its lines.
        rows: usize,
        /// Lines that a terminal did not get.
        lines_left_out: usize,
        /// Whether its lists and objects were there, and not only their sizes.
        is_whole: bool,
    },
    /// Nothing.
    Nothing,
}

impl Shown {
    /// Whether a person reads the lines below.
    fn is_for_people(self) -> bool {
        let is_terminal = || std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        self != Self::Report || is_terminal()
    }

    /// Whether what stood above is out of sight.
    fn has_scrolled(self) -> bool {
        match self {
            Self::Report => true,
            Self::Result { rows, .. } => rows > ROWS_IN_SIGHT,
            Self::Nothing => false,
        }
    }
}

/// What was said while the run was going on.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The first warnings.
    pub(crate) warnings: Vec<String>,
    /// The first failures that were thrown: label and reason.
    pub(crate) failures: Vec<String>,
}

/// Prints a summary of the run.
pub(crate) fn print_summary(report: &Report, said: &Said, shown: Shown) {
    if shown.is_for_people() {
        lines(report, said, shown).iter().for_each(|line| print_message(line));
    }
}

/// Prints the same into a log, which has no report.
pub(crate) fn print_for_log(report: &Report, said: &Said) {
    lines(report, said, Shown::Nothing).iter().for_each(|line| print_message(line));
}

/// Prints what to type next, as the last line, if nothing else did.
pub(crate) fn print_next(report: &Report, shown: Shown) {
    // Below failed agents stands the same command, for their reasons.
    let is_said = shown != Shown::Report && report.agents.failed > 0;
    if shown.is_for_people() && report.state == RunState::Completed && !is_said {
        print_message(&format!(
            "its steps: smol-wf history {}{}",
            report.run_id,
            shell::with_database()
        ));
    }
}

/// The summary: repeated warnings, nulls, totals and the result; without a report
/// above it also failures and worktrees.
fn lines(report: &Report, said: &Said, shown: Shown) -> Vec<String> {
    let mut lines = Vec::new();
    if shown.has_scrolled() {
        lines.extend(said.warnings.iter().map(|warning| format!("warning: {warning}")));
    }
    if !report.is_fruitless() {
        let named = report.nulls.iter().take(NAMED_MAX);
        lines.extend(named.map(|null| format!("null: {}", null_in_words(null))));
        let more = report.nulls.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            let db = shell::with_database();
            lines.push(format!("null: {more} more; smol-wf history {}{db}", report.run_id));
        }
    }
    if shown != Shown::Report {
        lines.extend(said.failures.iter().take(NAMED_MAX).map(|one| format!("failed: {one}")));
        lines.extend(worktrees(&report.worktrees));
    }
    lines.push(totals(report));
    lines.extend(result(report, shown));
    lines
}

/// The worktrees that were kept.
fn worktrees(kept: &[WorktreeReport]) -> Vec<String> {
    let named = kept.iter().take(NAMED_MAX).map(|one| {
        let label = one.label.as_deref().map(|label| format!(" of {label}")).unwrap_or_default();
        let (path, branch) = (&one.worktree.path, &one.worktree.branch);
        sanitize::one_line(&format!("worktree{label}: {path}, branch {branch}"))
    });
    let more = kept.len().saturating_sub(NAMED_MAX);
    let db = shell::with_database();
    let rest = (more > 0).then(|| format!("worktree: {more} more; smol-wf worktrees list{db}"));
    named.chain(rest).collect()
}

/// Where the result is, or its beginning, as far as stdout did not show it.
fn result(report: &Report, shown: Shown) -> Option<String> {
    if report.state != RunState::Completed {
        return None;
    }
    if let Some(file) = &report.results_file {
        return Some(format!("result: in {}", sanitize::one_line(file)));
    }
    let rest = |more: &str| {
        let db = shell::with_database();
        Some(format!("{more} of the result: smol-wf history {} --full{db}", report.run_id))
    };
    match shown {
        Shown::Result { lines_left_out: 0, is_whole: true, .. } => None,
        Shown::Result { lines_left_out: 0, .. } => rest("all"),
        Shown::Result { lines_left_out, .. } => {
            rest(&format!("{} more", plural(count(lines_left_out as u64), "line")))
        }
        Shown::Report | Shown::Nothing => {
            let result = sanitize::one_line(report.result.get());
            Some(format!("result: {}", sanitize::cut(&result, RESULT_COLUMNS)))
        }
    }
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
