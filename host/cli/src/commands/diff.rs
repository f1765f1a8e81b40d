//! `smol-wf diff`: two runs side by side.
//!
//! Owns: the text of a comparison. Never: what counts as a difference; the core
//! decides that.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::details::Details;
use smol_wf_core::diff::{
    Change, Divergence, Field, MissingAnswer, Pair, RunDiff, RunSide, Side, StepLine,
};
use smol_wf_engine::{EngineError, RunJournal};

use super::history::reader;
use crate::failure::CommandError;
use crate::flags::{DbFlags, JsonFlag};
use crate::humanize::{change, count, dollars, dollars_change, plural};
use crate::table::Format;
use crate::working_folder::LatestFlags;
use crate::{exit, output, sanitize};

/// Most lines of one side in the text.
const LINES_SHOWN_MAX: usize = 20;

/// Most differing steps, and most changes of the result, in the text.
const STEPS_SHOWN_MAX: usize = 20;

/// Compare two runs: their steps, answers, results, tokens and dollars
///
/// Steps are aligned by content: prompt and options, not label and retries. The
/// exit code is that of diff(1): 0 if the runs are the same, 1 if they differ.
/// Differences in tokens, dollars and times are shown but do not count.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DiffArgs {
    /// First run: its id, the beginning of its id, or `latest`
    #[arg(value_name = "A")]
    a: String,

    /// Second run
    #[arg(value_name = "B")]
    b: String,

    /// How to print the differences
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf diff run_0k3 latest
  smol-wf diff run_0k3 run_7pa --output json";

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    #[serde(flatten)]
    diff: &'a RunDiff<'a>,
}

impl DiffArgs {
    /// Compares two runs and prints the difference. Returns 0 if they are equal
    /// and 1 if not; fails if a run does not exist or cannot be read.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let engine = reader(&self.db, Some(&self.a))?;
        let a = self.latest.find(&engine, &self.a).await?;
        let b = match self.b == self.a {
            true => a.clone(),
            false => self.latest.find(&engine, &self.b).await?,
        };
        let (a, b) = (engine.journal(&a).await?, engine.journal(&b).await?);
        let diff = RunDiff::of(&details(&a, &self.a)?, &details(&b, &self.b)?);
        let document = Document { schema_version: 1, diff: &diff };
        match self.json.asked().unwrap_or(self.output) {
            Format::Text => output::line(&text(&diff))?,
            Format::Json => output::document(&document)?,
            Format::Jsonl => output::json_line(&document)?,
        }
        Ok(ExitCode::from(if diff.equal { 0 } else { exit::DIFFERENT }))
    }
}

/// The steps of a run. Fails with `run_unknown` if the journal has no head.
fn details<'a>(journal: &'a RunJournal, asked: &str) -> Result<Details<'a>, EngineError> {
    Details::fold(&journal.entries, journal.held)
        .map_err(|_| EngineError::UnknownRun { asked: asked.to_owned() })
}

/// The whole comparison as text.
fn text(diff: &RunDiff<'_>) -> String {
    let mut lines = vec![side("-", &diff.a), side("+", &diff.b), tally(diff)];
    let (a, b) = (&diff.a.token_usage, &diff.b.token_usage);
    lines.push(format!(
        "tokens: {} → {} ({}); cost: {} → {} ({})",
        count(a.total_tokens),
        count(b.total_tokens),
        change(a.total_tokens, b.total_tokens),
        dollars(diff.a.cost_usd),
        dollars(diff.b.cost_usd),
        dollars_change(diff.a.cost_usd, diff.b.cost_usd),
    ));
    if let Some(divergence) = &diff.first_divergence {
        lines.push(String::new());
        lines.extend(first_difference(divergence, diff));
    }
    let listed = steps(diff);
    if !listed.is_empty() {
        lines.push(String::new());
        let left_out = listed.len().saturating_sub(STEPS_SHOWN_MAX);
        lines.extend(listed.into_iter().take(STEPS_SHOWN_MAX));
        if left_out > 0 {
            lines.push(format!("and {} more: --output json", plural(left_out, "step")));
        }
    }
    if !diff.result.is_empty() {
        lines.extend([String::new(), "result:".to_owned()]);
        lines.extend(diff.result.iter().take(STEPS_SHOWN_MAX).flat_map(changed));
        let left_out = diff.result.len().saturating_sub(STEPS_SHOWN_MAX) as u64;
        let left_out = left_out + diff.changes_not_listed;
        if left_out > 0 {
            lines.push(format!("and {} more changes", count(left_out)));
        }
    }
    if diff.equal {
        lines.push("the runs are the same".to_owned());
    }
    lines.join("\n")
}

/// One line: how many steps are the same, and how many differ in which way.
fn tally(diff: &RunDiff<'_>) -> String {
    let not_answered =
        |which| diff.not_answered.iter().filter(|step| step.missing_in == which).count();
    let mut tally = vec![format!("{} same", count(diff.same))];
    for (number, what) in [
        (diff.answered_otherwise.len(), "answered otherwise"),
        (not_answered(RunSide::A), &format!("{} in the first", no_answer(&diff.a))),
        (not_answered(RunSide::B), &format!("{} in the second", no_answer(&diff.b))),
        (diff.only_in_a.len(), "only in the first"),
        (diff.only_in_b.len(), "only in the second"),
    ] {
        if number > 0 {
            tally.push(format!("{} {what}", count(number as u64)));
        }
    }
    format!("steps: {}", tally.join(", "))
}

/// Describes a missing answer: a run that is not over may still get it.
fn no_answer(side: &Side<'_>) -> &'static str {
    if side.ended.is_none() { "not answered yet" } else { "not answered" }
}

/// The steps that differ, one per line: `-` and `+` for a step of one run only, `~`
/// for another answer, `?` for a missing one.
fn steps(diff: &RunDiff<'_>) -> Vec<String> {
    let one = |sign: &str, step: &StepLine| {
        format!("{sign} step {}  {}", step.step, line_of(&step.label))
    };
    let both = |sign: &str, pair: &Pair| {
        format!("{sign} step {} and {}  {}", pair.a, pair.b, line_of(&pair.label))
    };
    let unanswered = |step: &MissingAnswer| {
        let (which, side) = match step.missing_in {
            RunSide::A => ("first", &diff.a),
            RunSide::B => ("second", &diff.b),
        };
        format!("{}: {} in the {which}", both("?", &step.pair), no_answer(side))
    };
    let mut lines: Vec<String> = Vec::new();
    lines.extend(diff.only_in_a.iter().map(|step| one("-", step)));
    lines.extend(diff.only_in_b.iter().map(|step| one("+", step)));
    lines.extend(diff.answered_otherwise.iter().map(|step| {
        let (a, b) = (short(&step.answers.a), short(&step.answers.b));
        format!("{}: {a} → {b}", both("~", &step.pair))
    }));
    lines.extend(diff.not_answered.iter().map(unanswered));
    lines
}

/// The line about one run: sign, id, name, end and number of steps.
fn side(sign: &str, side: &Side<'_>) -> String {
    let ended = side.ended.unwrap_or("not over");
    let steps = plural(side.steps, "step");
    format!("{sign} {}  {}  {ended}, {steps}", side.run_id, line_of(side.name))
}

/// The first difference between the runs, with both sides of each field.
fn first_difference(divergence: &Divergence, diff: &RunDiff<'_>) -> Vec<String> {
    let of = |step: &StepLine| format!("step {} ({})", step.step, line_of(&step.label));
    let what = match (&divergence.a, &divergence.b) {
        (Some(a), Some(b)) if a.step == b.step => format!("at {}", of(b)),
        (Some(a), Some(b)) => format!("at {} and {}", of(a), of(b)),
        (Some(a), None) => format!("at {}, which only the first has", of(a)),
        (None, Some(b)) => format!("at {}, which only the second has", of(b)),
        (None, None) => String::new(),
    };
    let mut lines = vec![format!("the runs differ first {what}")];
    for Field { name, a, b } in &divergence.fields {
        lines.push(format!("  {}:", line_of(name)));
        // Other fields of a step are optional.
        let none = |side| if name == "answer" { no_answer(side) } else { "" };
        let a = a.as_deref().unwrap_or_else(|| none(&diff.a));
        let b = b.as_deref().unwrap_or_else(|| none(&diff.b));
        let (a, b) = without_common_lines(a, b);
        lines.extend(marked("  -", &a));
        lines.extend(marked("  +", &b));
    }
    lines
}

/// The lines of both texts without the lines that are equal at their beginning
/// and end.
fn without_common_lines<'a>(a: &'a str, b: &'a str) -> (Vec<&'a str>, Vec<&'a str>) {
    let (a, b): (Vec<_>, Vec<_>) = (a.lines().collect(), b.lines().collect());
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let before = a.iter().zip(&b).take_while(same).count();
    let (a, b) = (&a[before..], &b[before..]);
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    (a[..a.len() - suffix].to_vec(), b[..b.len() - suffix].to_vec())
}

/// Lines with a sign before each, at most [`LINES_SHOWN_MAX`].
fn marked(sign: &str, lines: &[&str]) -> Vec<String> {
    let mut all: Vec<_> = lines
        .iter()
        .take(LINES_SHOWN_MAX)
        .map(|line| format!("{sign} {}", line_of(line)))
        .collect();
    if lines.len() > LINES_SHOWN_MAX {
        all.push(format!("{sign} and {} more", plural(lines.len() - LINES_SHOWN_MAX, "line")));
    }
    all
}

/// A changed value of the result: its path, then both values.
fn changed(change: &Change) -> Vec<String> {
    let value = |sign: &str, value: &Option<serde_json::Value>| {
        value.as_ref().map(|value| format!("  {sign} {}", line_of(&value.to_string())))
    };
    let path = format!("  {}", line_of(&change.path));
    [Some(path), value("-", &change.a), value("+", &change.b)].into_iter().flatten().collect()
}

/// A text on one safe line of at most 120 columns.
fn line_of(text: &str) -> String {
    sanitize::cut(&sanitize::one_line(text), 120)
}

/// One of two answers that share a line.
fn short(answer: &str) -> String {
    sanitize::cut(&sanitize::one_line(answer), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_lines_are_left_out() {
        let (a, b) = without_common_lines("one\ntwo\nthree\nend", "one\n2\nend");
        assert_eq!((a, b), (vec!["two", "three"], vec!["2"]));
        let (a, b) = without_common_lines("x\nx", "x\nx\nx");
        assert_eq!((a, b), (vec![], vec!["x"]));
        assert_eq!(without_common_lines("", "new"), (vec![], vec!["new"]));
    }
}
