//! What two runs have in common, and where they diverge.
//!
//! Owns: which steps of two runs are the same (by content, first in, first out), where
//! the runs first diverge, and the difference of their results. Never: judges which run
//! is right.

use std::collections::{HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::details::{Details, StepDetails};
use crate::dollars;
use crate::guest::Outcome;
use crate::ids::{Digest, RunId, StepId};
use crate::journal::RunEnd;
use crate::report::{StepLabel, TokenUsage};

/// Most changes of the result that are listed; the rest are counted.
const CHANGES_LISTED_MAX: usize = 100;

/// Parts of an agent's request that are not part of its content.
const BESIDES: [&str; 5] = ["label", "phase", "timeout_ms", "retry", "unknown"];

/// The difference of two runs, named `a` and `b`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunDiff<'a> {
    /// The first run.
    pub a: Side<'a>,
    /// The second run.
    pub b: Side<'a>,
    /// Whether both have the same steps in the same order, the same answers and the same
    /// result. Tokens, dollars and times are not compared.
    pub equal: bool,
    /// Number of common steps with equal answers, or without an answer in both.
    pub same: u64,
    /// Common steps with different answers.
    pub answered_otherwise: Vec<ChangedAnswer>,
    /// Common steps with an answer in only one of the runs.
    pub not_answered: Vec<MissingAnswer>,
    /// Steps of `a` alone.
    pub only_in_a: Vec<StepLine>,
    /// Steps of `b` alone.
    pub only_in_b: Vec<StepLine>,
    /// Where the runs first diverge, in the order of their steps.
    pub first_divergence: Option<Divergence>,
    /// Changes of the result from `a` to `b`.
    pub result: Vec<Change>,
    /// Changes of the result beyond those listed.
    pub changes_not_listed: u64,
}

/// One of the two runs, with its sums.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side<'a> {
    /// Id of the run.
    pub run_id: &'a RunId,
    /// `meta.name` of its script.
    pub name: &'a str,
    /// Number of its steps.
    pub steps: usize,
    /// Their tokens.
    pub token_usage: TokenUsage,
    /// Their dollars, as far as providers named them.
    pub cost_usd: f64,
    /// `completed` or `failed`; none if it has not ended.
    pub ended: Option<&'static str>,
}

/// A step of both runs.
#[derive(Debug, Serialize)]
pub struct Pair {
    /// Its number in `a`.
    pub a: StepId,
    /// Its number in `b`.
    pub b: StepId,
    /// Its label in `b`.
    #[serde(flatten)]
    pub label: StepLabel,
}

/// A step of both runs with different answers.
#[derive(Debug, Serialize)]
pub struct ChangedAnswer {
    /// The step.
    #[serde(flatten)]
    pub pair: Pair,
    /// Its two answers.
    pub answers: AnswerPair,
}

/// Two answers to one step: JSON text, or the failure.
#[derive(Debug, Serialize)]
pub struct AnswerPair {
    /// In `a`.
    pub a: String,
    /// In `b`.
    pub b: String,
}

/// A step of both runs with an answer in only one.
#[derive(Debug, Serialize)]
pub struct MissingAnswer {
    /// The step.
    #[serde(flatten)]
    pub pair: Pair,
    /// The run that has no answer.
    #[serde(rename = "in")]
    pub missing_in: RunSide,
}

/// One of the two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunSide {
    /// The first.
    A,
    /// The second.
    B,
}

/// A step of one run.
#[derive(Debug, Serialize)]
pub struct StepLine {
    /// Number of the step.
    pub step: StepId,
    /// Label of the step.
    #[serde(flatten)]
    pub label: StepLabel,
}

/// Where two runs diverge.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// The step of `a`; none if `a` has no more steps.
    pub a: Option<StepLine>,
    /// The step of `b`; none if `b` has no more steps.
    pub b: Option<StepLine>,
    /// The parts of the request that differ, or `answer` alone if the requests are equal.
    pub fields: Vec<Field>,
}

/// One part of a step that differs.
#[derive(Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// In `a`, as text; none if `a` does not have it.
    pub a: Option<String>,
    /// In `b`, as text; none if `b` does not have it.
    pub b: Option<String>,
}

/// One change of a JSON value.
#[derive(Debug, PartialEq, Serialize)]
pub struct Change {
    /// Its path, such as `$.findings[2].title`.
    pub path: String,
    /// The value in `a`; none if it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<Value>,
    /// The value in `b`; none if it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<Value>,
}

impl<'a> RunDiff<'a> {
    /// The difference of these two runs.
    #[must_use]
    pub fn of(a: &Details<'a>, b: &Details<'a>) -> Self {
        let mut diff = Self {
            a: side(a),
            b: side(b),
            equal: false,
            same: 0,
            answered_otherwise: Vec::new(),
            not_answered: Vec::new(),
            only_in_a: Vec::new(),
            only_in_b: Vec::new(),
            first_divergence: first_divergence(&a.steps, &b.steps),
            result: Vec::new(),
            changes_not_listed: 0,
        };
        diff.align(&a.steps, &b.steps);
        let mut changes = Changes::default();
        match (result(a), result(b)) {
            (Some(a), Some(b)) => changes.between("$", &a, &b),
            (a, b) if a == b => {}
            (a, b) => changes.push("$", a.as_ref(), b.as_ref()),
        }
        (diff.result, diff.changes_not_listed) = (changes.listed, changes.not_listed);
        let same_end = diff.a.ended == diff.b.ended && error(a) == error(b);
        diff.equal = diff.first_divergence.is_none() && diff.result.is_empty() && same_end;
        diff
    }

    /// Pairs the steps of equal content, first in, first out.
    fn align(&mut self, a: &[StepDetails<'_>], b: &[StepDetails<'_>]) {
        let mut waiting: HashMap<Digest, VecDeque<&StepDetails<'_>>> = HashMap::new();
        for step in a {
            waiting.entry(step.content()).or_default().push_back(step);
        }
        for step in b {
            let Some(other) = waiting.get_mut(&step.content()).and_then(VecDeque::pop_front) else {
                self.only_in_b.push(line(step));
                continue;
            };
            let pair = || Pair { a: other.step, b: step.step, label: step.label.clone() };
            let not_answered = |missing_in| MissingAnswer { pair: pair(), missing_in };
            match (other.outcome, step.outcome) {
                (a, b) if a == b => self.same += 1,
                (Some(a), Some(b)) => {
                    let answers = AnswerPair { a: answer(a), b: answer(b) };
                    self.answered_otherwise.push(ChangedAnswer { pair: pair(), answers });
                }
                (None, _) => self.not_answered.push(not_answered(RunSide::A)),
                (_, None) => self.not_answered.push(not_answered(RunSide::B)),
            }
        }
        let mut left: Vec<_> = waiting.into_values().flatten().map(line).collect();
        left.sort_by_key(|line| line.step);
        self.only_in_a = left;
    }
}

fn side<'a>(details: &Details<'a>) -> Side<'a> {
    let mut token_usage = TokenUsage::default();
    for step in &details.steps {
        token_usage += step.token_usage;
    }
    Side {
        run_id: &details.head.run,
        name: &details.head.name,
        steps: details.steps.len(),
        token_usage,
        cost_usd: dollars::sum(details.steps.iter().filter_map(|step| step.cost_usd)),
        ended: details.end.map(|end| match end {
            RunEnd::Completed { .. } => "completed",
            RunEnd::Failed { .. } => "failed",
        }),
    }
}

fn line(step: &StepDetails<'_>) -> StepLine {
    StepLine { step: step.step, label: step.label.clone() }
}

fn result(details: &Details<'_>) -> Option<Value> {
    match details.end {
        Some(RunEnd::Completed { result, .. }) => serde_json::from_str(result).ok(),
        _ => None,
    }
}

fn error<'a>(details: &Details<'a>) -> Option<(&'a str, &'a str)> {
    match details.end {
        Some(RunEnd::Failed { error }) => Some((&error.code, &error.message)),
        _ => None,
    }
}

/// The first steps with different content or different answers.
fn first_divergence(a: &[StepDetails<'_>], b: &[StepDetails<'_>]) -> Option<Divergence> {
    for index in 0..a.len().max(b.len()) {
        let (a, b) = (a.get(index), b.get(index));
        let fields = match (a, b) {
            (Some(a), Some(b)) => differences(a, b),
            _ => Vec::new(),
        };
        if a.is_none() || b.is_none() || !fields.is_empty() {
            return Some(Divergence { a: a.map(line), b: b.map(line), fields });
        }
    }
    None
}

/// The parts that differ; empty when content and answers are equal.
fn differences(a: &StepDetails<'_>, b: &StepDetails<'_>) -> Vec<Field> {
    if a.content() != b.content() {
        return parts(a, b);
    }
    let (a_answer, b_answer) = (a.outcome.map(answer), b.outcome.map(answer));
    if a_answer == b_answer {
        return Vec::new();
    }
    vec![Field { name: "answer".to_owned(), a: a_answer, b: b_answer }]
}

fn answer(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Value(text) => text.clone(),
        Outcome::Failed(failure) => format!("{} [{}]", failure.message, failure.code),
    }
}

/// The parts of two requests that differ.
fn parts(a: &StepDetails<'_>, b: &StepDetails<'_>) -> Vec<Field> {
    let (of_a, of_b) = (described(a), described(b));
    let names = of_a.iter().chain(of_b.iter().filter(|(name, _)| !has(&of_a, name)));
    let differing = names.filter_map(|(name, _)| {
        let find = |parts: &[(String, String)]| {
            parts.iter().find(|(found, _)| found == name).map(|(_, text)| text.clone())
        };
        let (a, b) = (find(&of_a), find(&of_b));
        (a != b).then(|| Field { name: name.clone(), a, b })
    });
    differing.collect()
}

fn has(parts: &[(String, String)], name: &str) -> bool {
    parts.iter().any(|(found, _)| found == name)
}

/// The content of a step in named parts, as text.
fn described(step: &StepDetails<'_>) -> Vec<(String, String)> {
    let mut parts = step.asked.parts();
    parts.retain(|(name, _)| !BESIDES.contains(&name.as_str()));
    parts
}

#[derive(Default)]
struct Changes {
    listed: Vec<Change>,
    not_listed: u64,
}

impl Changes {
    /// Parsed JSON has at most 128 levels, so this goes no deeper.
    fn between(&mut self, path: &str, a: &Value, b: &Value) {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                for (name, value) in a {
                    let path = member(path, name);
                    match b.get(name) {
                        Some(other) => self.between(&path, value, other),
                        None => self.push(&path, Some(value), None),
                    }
                }
                for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                    self.push(&member(path, name), None, Some(value));
                }
            }
            (Value::Array(a), Value::Array(b)) => {
                for index in 0..a.len().max(b.len()) {
                    let path = format!("{path}[{index}]");
                    match (a.get(index), b.get(index)) {
                        (Some(a), Some(b)) => self.between(&path, a, b),
                        (a, b) => self.push(&path, a, b),
                    }
                }
            }
            _ if a == b => {}
            _ => self.push(path, Some(a), Some(b)),
        }
    }

    fn push(&mut self, path: &str, a: Option<&Value>, b: Option<&Value>) {
        if self.listed.len() < CHANGES_LISTED_MAX {
            let (a, b) = (a.cloned(), b.cloned());
            self.listed.push(Change { path: path.to_owned(), a, b });
        } else {
            self.not_listed += 1;
        }
    }
}

/// `$.name`, or `$["odd name"]`.
fn member(path: &str, name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { format!("{path}.{name}") } else { format!("{path}[{}]", Value::from(name)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_have_the_path_of_their_value() {
        let a = json!({"same": [1, 2], "n": 1, "gone": null, "list": [{"t": "x"}, 2, 3]});
        let b = json!({"same": [1, 2], "n": 1.5, "list": [{"t": "y"}, 2], "odd name": {}});
        let mut changes = Changes::default();
        changes.between("$", &a, &b);
        let change =
            |path: &str, a: Option<Value>, b: Option<Value>| Change { path: path.to_owned(), a, b };
        let expected = [
            change("$.n", Some(json!(1)), Some(json!(1.5))),
            change("$.gone", Some(json!(null)), None),
            change("$.list[0].t", Some(json!("x")), Some(json!("y"))),
            change("$.list[2]", Some(json!(3)), None),
            change("$[\"odd name\"]", None, Some(json!({}))),
        ];
        assert_eq!(changes.listed, expected);
    }

    #[test]
    fn many_changes_are_counted() {
        let mut changes = Changes::default();
        changes.between("$", &json!(vec![1; 150]), &json!(vec![2; 150]));
        assert_eq!((changes.listed.len(), changes.not_listed), (CHANGES_LISTED_MAX, 50));
    }
}
