//! Verdicts as text.
//!
//! Owns: the sentences, and what to type next. Never: judges a fixture.

use smol_wf_engine::{Difference, StepNote};

use super::FixtureResult;
use crate::humanize::plural;
use crate::{sanitize, text_diff};

/// Differences that are shown: the first is nearly always the cause of the rest.
const SHOWN_MAX: usize = 5;

/// `PASS` or `FAIL` and the fixture; below it at most [`SHOWN_MAX`] differences,
/// the end of the run, and what to type next. Several lines, safe to print.
pub(super) fn of_test(tested: &FixtureResult) -> String {
    let verdict = if tested.pass { "PASS" } else { "FAIL" };
    let mut lines =
        vec![format!("{verdict}  {}  {}", sanitize::one_line(&tested.fixture), summary(tested))];
    let found = tested.verdict.as_ref().map_or(&[][..], |verdict| &verdict.differences);
    // Without a verdict, the summary is the error.
    let error = tested.error.as_ref().filter(|_| tested.verdict.is_some());
    lines.extend(error.map(|error| format!("      {error}")));
    let (first, rest) = found.split_at(found.len().min(SHOWN_MAX));
    // The end of the run is never left out.
    let is_end = |difference: &&Difference| matches!(difference, Difference::EndChanged { .. });
    let shown = first.iter().chain(rest.iter().filter(is_end));
    for difference in shown {
        lines.extend(of_difference(difference).lines().map(|line| format!("      {line}")));
    }
    let left_out = rest.len() - rest.iter().filter(is_end).count();
    if left_out > 0 {
        lines.push(format!("      … and {}", plural(left_out, "more difference")));
    }
    if let Some(next) = next(tested) {
        lines.push(format!("      {next}"));
    }
    sanitize::lines(&lines.join("\n"))
}

/// The line behind the fixture's name: `14 steps, 0 live, 0.02 s`. Without a
/// verdict it is the error.
pub(super) fn summary(tested: &FixtureResult) -> String {
    let Some(verdict) = &tested.verdict else {
        return tested.error.clone().unwrap_or_default();
    };
    let (steps, live) = (verdict.steps, verdict.live);
    let edited = if verdict.edited { ", script edited" } else { "" };
    let updated = if tested.updated { ", fixture written" } else { "" };
    let took = tested.took.as_secs_f64();
    format!("{}, {live} live{edited}{updated}, {took:.2} s", plural(steps, "step"))
}

/// The error or the first difference, on one line; `None` if the fixture passed.
pub(super) fn first(tested: &FixtureResult) -> Option<String> {
    if tested.pass {
        return None;
    }
    let differences = tested.verdict.as_ref().map(|verdict| &verdict.differences);
    let differs = || differences.and_then(|found| found.first()).map(headline);
    Some(tested.error.clone().or_else(differs).unwrap_or_else(|| "failed".to_owned()))
}

/// A difference in one line.
fn headline(difference: &Difference) -> String {
    match difference {
        Difference::Mismatch { mismatch } => mismatch.to_string(),
        Difference::StepChanged { step, recorded_step, fields } => {
            let names: Vec<&str> = fields
                .iter()
                .map(|field| field.field.strip_prefix("request.").unwrap_or(&field.field))
                .collect();
            format!(
                "step {}: {} changed since recorded step {recorded_step}",
                named(step),
                names.join(", ")
            )
        }
        Difference::StepNew { step } => {
            format!("step {} is new: the fixture has no answer", named(step))
        }
        Difference::StepMissing { step } => {
            format!("recorded step {} no longer occurs", named(step))
        }
        Difference::StepsNotReached { steps } => not_reached(steps),
        Difference::StepFailed { step, failure } => {
            format!("step {} failed: {} [{}]", named(step), failure.message, failure.code)
        }
        Difference::EndChanged { error: Some(error), .. } => {
            let place = match error.line {
                0 => String::new(),
                line => {
                    let file = error.file.as_ref().map(|file| format!("{file}:"));
                    format!(" at {}{line}:{}", file.unwrap_or_default(), error.column.max(1))
                }
            };
            format!("the script fails now{place}: {}: {}", error.name, error.message)
        }
        Difference::EndChanged { error: None, .. } => "the result changed".to_owned(),
        Difference::Stopped { message } => message.clone(),
        Difference::Assertion { rule, message, is_unpriced: true } => format!(
            "rule {rule}: {message}; record it with a price for their model (--prices FILE), or leave the rule out"
        ),
        Difference::Assertion { rule, message, .. } => format!("rule {rule}: {message}"),
    }
}

/// A difference: its line, and below it the differing texts of its fields.
pub(super) fn of_difference(difference: &Difference) -> String {
    let below = match difference {
        Difference::Mismatch { mismatch } => text_diff::of_fields(&mismatch.fields),
        Difference::StepChanged { fields, .. } | Difference::EndChanged { fields, .. } => {
            text_diff::of_fields(fields)
        }
        Difference::StepNew { step } => first_line(&step.prompt),
        _ => String::new(),
    };
    let line = headline(difference);
    if below.is_empty() { line } else { format!("{line}\n{below}") }
}

/// The recorded steps after the point where the run stopped: the first three by
/// name.
fn not_reached(steps: &[StepNote]) -> String {
    const NAMED_MAX: usize = 3;
    let names: Vec<String> = steps.iter().take(NAMED_MAX).map(named).collect();
    let more = if steps.len() > NAMED_MAX { ", …" } else { "" };
    let (what, were) = if steps.len() == 1 { ("step", "was") } else { ("steps", "were") };
    format!("recorded {what} {}{more} {were} not reached: the run got no further", names.join(", "))
}

/// The first line of a new prompt, as an added line.
fn first_line(prompt: &str) -> String {
    const SHOWN_CHARS: usize = 160;
    let line = prompt.lines().next().unwrap_or_default();
    format!("+ {}", sanitize::cut(line, SHOWN_CHARS))
}

/// A step by its number and label: `3 (rank)`.
fn named(step: &StepNote) -> String {
    format!("{} ({})", step.step, step.label)
}

/// What to type if the difference is intended, or to go on. `None` if the fixture
/// passed, or no command helps.
fn next(tested: &FixtureResult) -> Option<String> {
    let verdict = tested.verdict.as_ref().filter(|verdict| !verdict.pass)?;
    let fixture = match &tested.script {
        // The fixture's own path leads to no script.
        Some(script) => format!("{} --script {script}", tested.typed),
        None => tested.typed.clone(),
    };
    let any = |is: fn(&Difference) -> bool| verdict.differences.iter().any(is);
    if tested.kept {
        let kept = "the answers so far are kept in";
        return Some(format!(
            "{kept} {}.kept; go on: smol-wf test {fixture} --record missing",
            sanitize::one_line(&tested.fixture)
        ));
    }
    if tested.error.is_some() {
        return None;
    }
    if any(|it| matches!(it, Difference::StepFailed { .. })) {
        return Some(format!(
            "the fixture is as it was; ask again: smol-wf test {fixture} --record missing"
        ));
    }
    let fails = any(|it| matches!(it, Difference::EndChanged { error: Some(_), .. }));
    if any(|it| matches!(it, Difference::StepNew { .. } | Difference::StepChanged { .. })) {
        // No answer helps a script that fails without it.
        let record = || format!("record what is new: smol-wf test {fixture} --record missing");
        return (!fails).then(record);
    }
    if any(|it| matches!(it, Difference::Assertion { .. } | Difference::Stopped { .. })) {
        return None;
    }
    let meant = if fails { "if the script is to fail, accept it" } else { "accept it" };
    Some(format!("{meant}: smol-wf test {fixture} --accept"))
}
