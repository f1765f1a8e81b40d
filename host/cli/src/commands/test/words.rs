//! A verdict in words.
//!
//! Owns: the sentences, and what to type next. Never: judges.

use smol_wf_engine::{CallNote, Difference};

use super::Tested;
use crate::words::plural;
use crate::{difference, screen};

/// Differences that are shown: the first is nearly always the cause of the rest.
const SHOWN_MAX: usize = 5;

/// `PASS` or `FAIL`, the fixture, and below it what differs.
pub(super) fn of_test(tested: &Tested) -> String {
    let verdict = if tested.pass { "PASS" } else { "FAIL" };
    let mut lines = vec![format!("{verdict}  {}  {}", tested.fixture, summary(tested))];
    let found = tested.verdict.as_ref().map_or(&[][..], |verdict| &verdict.differences);
    for difference in found.iter().take(SHOWN_MAX) {
        lines.extend(of_difference(difference).lines().map(|line| format!("      {line}")));
    }
    if found.len() > SHOWN_MAX {
        lines.push(format!("      … and {} more differences", found.len() - SHOWN_MAX));
    }
    if let Some(next) = next(tested) {
        lines.push(format!("      {next}"));
    }
    screen::lines(&lines.join("\n"))
}

/// The line behind the fixture's name.
pub(super) fn summary(tested: &Tested) -> String {
    let Some(verdict) = &tested.verdict else {
        return tested.error.clone().unwrap_or_default();
    };
    let (calls, live) = (verdict.calls, verdict.live);
    let edited = if verdict.edited { ", script edited" } else { "" };
    let updated = if tested.updated { ", fixture written" } else { "" };
    let took = tested.took.as_secs_f64();
    format!("{}, {live} live{edited}{updated}, {took:.2} s", plural(calls, "call"))
}

/// What differs first, in a line; none when nothing does.
pub(super) fn first(tested: &Tested) -> Option<String> {
    if tested.pass {
        return None;
    }
    let differences = tested.verdict.as_ref().map(|verdict| &verdict.differences);
    let told = differences.and_then(|found| found.first()).map(headline);
    Some(told.or_else(|| tested.error.clone()).unwrap_or_else(|| "failed".to_owned()))
}

fn headline(difference: &Difference) -> String {
    match difference {
        Difference::Mismatch { mismatch } => mismatch.to_string(),
        Difference::CallChanged { call, recorded_step, fields } => {
            let names: Vec<&str> = fields
                .iter()
                .map(|field| field.field.strip_prefix("request.").unwrap_or(&field.field))
                .collect();
            format!(
                "call {}: {} changed since recorded call {recorded_step}",
                named(call),
                names.join(", ")
            )
        }
        Difference::CallNew { call } => {
            format!("call {} is new: the fixture has no answer", named(call))
        }
        Difference::CallMissing { call } => {
            format!("recorded call {} is no longer made", named(call))
        }
        Difference::EndChanged { .. } => "the result changed".to_owned(),
        Difference::Stopped { message } => message.clone(),
        Difference::Assertion { rule, message } => format!("rule {rule}: {message}"),
    }
}

pub(super) fn of_difference(difference: &Difference) -> String {
    let below = match difference {
        Difference::Mismatch { mismatch } => difference::of_fields(&mismatch.fields),
        Difference::CallChanged { fields, .. } | Difference::EndChanged { fields } => {
            difference::of_fields(fields)
        }
        Difference::CallNew { call } => first_line(&call.prompt),
        _ => String::new(),
    };
    let line = headline(difference);
    if below.is_empty() { line } else { format!("{line}\n{below}") }
}

fn first_line(prompt: &str) -> String {
    const SHOWN_CHARS: usize = 160;
    let line = prompt.lines().next().unwrap_or_default();
    format!("+ {}", screen::cut(line, SHOWN_CHARS))
}

fn named(call: &CallNote) -> String {
    format!("{} ({})", call.step, call.label)
}

/// What to type when the difference is meant.
fn next(tested: &Tested) -> Option<String> {
    let verdict = tested.verdict.as_ref().filter(|verdict| !verdict.pass)?;
    let is_unanswered = |difference: &Difference| {
        matches!(difference, Difference::CallNew { .. } | Difference::CallChanged { .. })
    };
    let fixture = &tested.fixture;
    if tested.kept {
        let kept = "the answers so far are kept in";
        return Some(format!(
            "{kept} {fixture}.kept; go on: smol-wf test {fixture} --record missing"
        ));
    }
    if verdict.differences.iter().any(is_unanswered) {
        return Some(format!("record what is new: smol-wf test {fixture} --record missing"));
    }
    let can_be_accepted = |difference: &Difference| {
        !matches!(difference, Difference::Assertion { .. } | Difference::Stopped { .. })
    };
    verdict
        .differences
        .iter()
        .all(can_be_accepted)
        .then(|| format!("accept it: smol-wf test {fixture} --accept"))
}
