//! The text about one run: head, epochs, log, steps, usage, nulls and result.
//!
//! Owns: its parts and their columns. Never: a whole prompt or answer.

use std::fmt::Write as _;

use smol_wf_core::budget::BudgetMode;
use smol_wf_core::details::{Details, Epoch, StepDetails, StepState, UsageRow};
use smol_wf_core::stop::StopReason;
use smol_wf_engine::Report;

use super::brief;
use crate::advice;
use crate::failure::null_in_words;
use crate::humanize::{count, dollars, plural, price, span, utc};
use crate::table::{Align, Column, NarrowRule, table};
use crate::{result_text, sanitize};

/// Most steps in the text; JSON has them all.
const STEPS_SHOWN_MAX: usize = 500;

/// Most characters of a step's options in the text; JSON has more of them.
const OPTIONS_CHARS_MAX: usize = 100;

/// Most characters of the result in the text.
const RESULT_CHARS_MAX: usize = 4_000;

/// The text above the whole steps: head, arguments, epochs, log, and a line for each
/// step.
pub(super) fn beginning(
    report: &Report,
    details: &Details<'_>,
    args: Option<&str>,
    is_full: bool,
) -> Vec<String> {
    let mut parts = vec![head(report, details)];
    if is_full {
        parts.extend(args.map(|args| format!("ARGS\n{}", result_text::of_json(args))));
    } else if let Some(args) = brief::args(args) {
        parts[0] = format!("{}\n{args}", parts[0]);
    }
    let epochs: Vec<_> = details.epochs.iter().map(epoch).collect();
    parts.push(table(&EPOCHS, &epochs, NarrowRule::default()));
    parts.extend(brief::log(details, is_full));
    let shown_max = if is_full { details.steps.len() } else { STEPS_SHOWN_MAX };
    let shown = || details.steps.iter().take(shown_max);
    if !details.steps.is_empty() {
        let mut steps = table(&STEPS, &shown().map(step).collect::<Vec<_>>(), SPARE);
        let left_out = details.steps.len().saturating_sub(shown_max);
        if left_out > 0 {
            steps = format!("{steps}\nand {} more: --full", count(left_out as u64));
        }
        parts.push(steps);
    }
    if !is_full {
        parts.extend(brief::first_lines(shown()));
    }
    parts.iter().map(|part| sanitize::lines(part)).collect()
}

/// The text below the steps: usage, nulls and result.
pub(super) fn end(report: &Report, details: &Details<'_>, is_full: bool) -> Vec<String> {
    let mut parts = Vec::new();
    for (title, rows) in [
        ("PHASE", &details.usage.by_phase),
        ("MODEL", &details.usage.by_model),
        ("PROVIDER", &details.usage.by_provider),
    ] {
        // The head has the sums of a single row without a name.
        if rows.iter().any(|row| row.name.is_some()) {
            parts.push(usage(title, rows));
        }
    }
    for null in &report.nulls {
        parts.push(sanitize::one_line(&format!("null: {}", null_in_words(null))));
    }
    if report.result.get() != "null" {
        let shown = result_text::of_json(report.result.get());
        parts.push(format!("RESULT\n{}", if is_full { shown } else { shortened(&shown) }));
    }
    parts
}

/// The beginning of a result, and where the rest is.
fn shortened(result: &str) -> String {
    let shown = sanitize::cut(result, RESULT_CHARS_MAX);
    if shown.len() == result.len() { shown } else { format!("{shown}\nthe whole: --full") }
}

/// The first lines: id, times, script, provider, counts, budget, parent and
/// error.
fn head(report: &Report, details: &Details<'_>) -> String {
    let took = u64::try_from((details.updated_at_us - details.created_at_us) / 1_000);
    let mut lines = vec![
        format!(
            "{}  {}  {}",
            report.run_id,
            sanitize::one_line(&report.name),
            report.state.as_str()
        ),
        format!(
            "created {} UTC, last entry {} later",
            utc(details.created_at_us / 1_000),
            span(took.unwrap_or_default())
        ),
        format!("script {}", sanitize::one_line(details.script)),
        format!(
            "provider {}, seed {}{}",
            sanitize::one_line(details.provider),
            details.seed,
            details.budget.map_or_else(String::new, |budget| format!(
                ", the script was told of a budget of {} output tokens",
                count(budget)
            ))
        ),
        format!(
            "{}, {} answered, {} failed; {} ({} read, {} written), {}; fuel {}",
            plural(count(report.agents.called), "agent"),
            count(report.agents.completed),
            count(report.agents.failed),
            plural(count(report.token_usage.total_tokens), "token"),
            count(report.token_usage.input_tokens),
            count(report.token_usage.output_tokens),
            dollars(report.cost_usd),
            count(report.fuel)
        ),
    ];
    lines.extend(budget(&details.epochs));
    if let Some(parent) = &report.parent {
        let saved = report.reused.token_usage.total_tokens;
        lines.push(format!(
            "fork of {}: {} taken over, {} and {} saved",
            parent.run,
            plural(count(report.reused.agents), "answer"),
            plural(count(saved), "token"),
            dollars(report.reused.cost_usd)
        ));
    }
    if let Some(error) = &report.error {
        let of = error.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
        let place = error.line.map_or_else(String::new, |line| format!(" (line {line}{of})"));
        let message = advice::joined(&error.message, error.hint.as_deref());
        lines.push(format!("{}{place} [{}]", sanitize::one_line(&message), error.code));
    }
    lines.join("\n")
}

/// The budget in force, and the epochs that began under another one than the
/// epoch before. `None` if no epoch had a budget.
fn budget(epochs: &[Epoch<'_>]) -> Option<String> {
    let allowance = |epoch: &Epoch<'_>| epoch.limits.budget.map(|budget| budget.allowance);
    epochs.iter().find_map(allowance)?;
    let last = epochs.last()?.limits.budget;
    let mut line = match last {
        None => "budget none".to_owned(),
        Some(budget) => format!("budget {}", budget.allowance.in_words()),
    };
    if last.is_some_and(|budget| budget.mode == BudgetMode::Stop) {
        line.push_str(", at which agents at work are stopped");
    }
    for (before, epoch) in epochs.iter().zip(&epochs[1..]) {
        let change = match (allowance(before), allowance(epoch)) {
            (old, new) if old == new => continue,
            (None, _) => "given".to_owned(),
            (Some(old), None) => format!("{} lifted", old.in_words()),
            (Some(old), Some(new)) if old.is_less_than(new) == Some(true) => {
                format!("raised from {}", old.in_words())
            }
            (Some(old), Some(_)) => format!("set in place of {}", old.in_words()),
        };
        let _ = write!(line, "; {change} at start {}", epoch.number);
    }
    Some(line)
}

/// Columns of the epochs, one row each.
const EPOCHS: [Column; 6] = [
    ("START", Align::Right),
    ("AT (UTC)", Align::Left),
    ("TOOK", Align::Right),
    ("ENDED", Align::Left),
    ("LIMITS", Align::Left),
    ("WHY", Align::Left),
];

/// The cells of [`EPOCHS`].
fn epoch(epoch: &Epoch<'_>) -> Vec<String> {
    let took = u64::try_from((epoch.ended_at_us - epoch.started_at_us) / 1_000);
    let limits = epoch.limits;
    let budget = limits
        .budget
        .map_or_else(String::new, |budget| format!(", budget {}", budget.allowance.in_words()));
    vec![
        epoch.number.to_string(),
        utc(epoch.started_at_us / 1_000),
        span(took.unwrap_or_default()),
        epoch.ended.as_str().to_owned(),
        format!(
            "{}, {} at once, fuel {}, {} MiB{budget}",
            plural(count(limits.agents.into()), "agent"),
            limits.parallel_agents,
            count(limits.fuel),
            limits.memory_mib
        ),
        sanitize::one_line(&why(epoch)),
    ]
}

/// Why the process let go of the run, and what to do about it; empty if the column
/// ENDED says it.
fn why(epoch: &Epoch<'_>) -> String {
    match epoch.stop {
        None | Some(StopReason::Cancelled) => String::new(),
        Some(reason) => advice::of_stop(reason),
    }
}

/// Columns that a narrow terminal drops, least important first.
const SPARE: NarrowRule = NarrowRule {
    columns: &["OPTIONS", "SESSION", "ISOLATION", "DOING", "MODEL", "PHASE", "PROVIDER"],
    cut: "WHAT",
};

/// Columns of the steps; empty ones are left out.
const STEPS: [Column; 16] = [
    ("STEP", Align::Right),
    ("STATE", Align::Left),
    ("WHAT", Align::Left),
    ("PHASE", Align::Left),
    ("PROVIDER", Align::Left),
    ("MODEL", Align::Left),
    ("TOOK", Align::Right),
    ("TOKENS", Align::Right),
    ("COST", Align::Right),
    ("ATTEMPTS", Align::Right),
    ("ISOLATION", Align::Left),
    ("OPTIONS", Align::Left),
    ("SESSION", Align::Left),
    ("WORKTREE", Align::Left),
    ("DOING", Align::Left),
    ("ERROR", Align::Left),
];

/// The cells of [`STEPS`], each on one line and cut to its width.
fn step(step: &StepDetails<'_>) -> Vec<String> {
    let cell =
        |text: Option<&str>, chars| sanitize::cut(&sanitize::one_line(text.unwrap_or("")), chars);
    // Shown for a second dispatch or attempt, or a correction.
    let tries = step.dispatches.max(step.attempts).max(step.rounds);
    let error = step.error.map(|error| format!("{} [{}]", error.message, error.code));
    let tokens = step.token_usage.total_tokens;
    vec![
        step.step.to_string(),
        match step.reused {
            Some(_) => "reused".to_owned(),
            None if step.parked > 0 && step.state == StepState::Queued => "parked".to_owned(),
            None => step.state.as_str().to_owned(),
        },
        cell(Some(&step.label), 40),
        cell(step.phase, 20),
        cell(step.provider, 20),
        cell(step.model, 30),
        step.duration_ms.map(span).unwrap_or_default(),
        if tokens > 0 { count(tokens) } else { String::new() },
        cost(step),
        if tries > 1 { tries.to_string() } else { String::new() },
        cell(step.isolation, 40),
        cell(Some(&step.options.to_string()), OPTIONS_CHARS_MAX),
        cell(step.session_id, 40),
        // In full, so that it can be copied.
        sanitize::one_line(step.worktree.map_or("", |worktree| &worktree.path)),
        cell(step.doing, 60),
        cell(error.as_deref(), 100),
    ]
}

/// The cost of a step. A figure from a table of prices is an estimate, and marked
/// with `~`.
fn cost(step: &StepDetails<'_>) -> String {
    let shown = price(step.cost_usd.unwrap_or_default());
    let by_prices = step.cost_source.is_some_and(|source| source.starts_with("prices:"));
    if by_prices && !shown.is_empty() { format!("~{shown}") } else { shown }
}

/// The table of usage by phase, model or provider, as its title says.
fn usage(title: &'static str, rows: &[UsageRow]) -> String {
    let columns = [
        (title, Align::Left),
        ("AGENTS", Align::Right),
        ("READ", Align::Right),
        ("WRITTEN", Align::Right),
        ("COST", Align::Right),
    ];
    let row = |row: &UsageRow| {
        vec![
            sanitize::cut(&sanitize::one_line(row.name.as_deref().unwrap_or("-")), 40),
            count(row.agents),
            count(row.token_usage.input_tokens),
            count(row.token_usage.output_tokens),
            price(row.cost_usd),
        ]
    };
    table(&columns, &rows.iter().map(row).collect::<Vec<_>>(), NarrowRule::default())
}
