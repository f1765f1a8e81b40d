//! The report of an exploration.
//!
//! Owns: its types, which serialize to the JSON document. Never: decides what is a
//! finding.

use serde::Serialize;

/// Which schedules to explore.
#[derive(Debug, Clone, Copy)]
pub struct ExploreOptions {
    /// Number of schedules, with the undisturbed one.
    pub runs: u64,
    /// Explores only this schedule, beside the undisturbed one.
    pub schedule: Option<u64>,
}

/// The report of an exploration.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Exploration {
    /// Version of this document.
    pub schema_version: u32,
    /// `meta.name`.
    pub name: String,
    /// The seed of schedules and made-up answers.
    pub seed: u64,
    /// Counts of the simulated schedules.
    pub tally: Tally,
    /// The findings, in the order in which they were found.
    pub findings: Vec<Finding>,
    /// The undisturbed run did not complete, so no other schedule was simulated.
    pub ended_early: bool,
    /// Too many schedules did not end, so no more were tried.
    pub gave_up: bool,
}

/// Counts of simulated schedules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Schedules that were simulated.
    pub schedules: u64,
    /// Schedules under which the script completed.
    pub completed: u64,
    /// Schedules under which the script did not complete.
    pub failed: u64,
    /// Those of the failed schedules without a finding: the script passed on the failure
    /// of an agent, or threw an error of its own.
    pub failed_as_written: u64,
    /// Different orders of answers.
    pub orders: u64,
    /// Schedules in which agents answered `null`.
    pub with_nulls: u64,
    /// Schedules in which agents failed or timed out.
    pub with_failures: u64,
    /// Schedules in which everything in memory was lost.
    pub with_crashes: u64,
    /// Agents in the undisturbed run.
    pub agents: u32,
    /// Questions to people in the undisturbed run.
    #[serde(skip_serializing_if = "is_zero")]
    pub asks: u32,
    /// Schedules in which people refused, answered otherwise or not at all.
    #[serde(skip_serializing_if = "is_none")]
    pub with_other_answers: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Agents that were not awaited were cut off with the script, or a promise was used in
    /// place of its value.
    NotAwaited,
    /// The outcome depends on which agent answers first.
    OrderDependent,
    /// A `null` answer makes the script throw by accident.
    UnhandledNull,
    /// A failed agent makes the script throw by accident.
    UnhandledFailure,
    /// An answer of people makes the script throw by accident.
    UnhandledAnswer,
    /// The script waits for something that never happens, or computes without end.
    Hang,
    /// The script asks agents, starts children or logs without end.
    Unbounded,
    /// A run would warn about something in the script that has no effect.
    Warned,
    /// A run refuses a step before its agent is asked.
    Refused,
    /// The script fails although nothing went wrong.
    Fails,
    /// A resumed run took another way.
    ResumeDiffers,
}

impl FindingKind {
    /// The word for this kind in output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAwaited => "not-awaited",
            Self::OrderDependent => "order-dependent",
            Self::UnhandledNull => "unhandled-null",
            Self::UnhandledFailure => "unhandled-failure",
            Self::UnhandledAnswer => "unhandled-answer",
            Self::Hang => "hang",
            Self::Unbounded => "unbounded",
            Self::Warned => "warned",
            Self::Refused => "refused",
            Self::Fails => "fails",
            Self::ResumeDiffers => "resume-differs",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Its kind.
    pub kind: FindingKind,
    /// The finding, in a sentence.
    pub message: String,
    /// What to do about it. The program that shows the finding sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The script reads arguments, and was given none.
    #[serde(skip)]
    pub lacks_args: bool,
    /// Other faults that lead to it, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The schedule that shows it.
    pub schedule: u64,
    /// Number of schedules that showed it.
    pub seen: u64,
    /// Path of the script relative to the project's folder, if it is not the script that
    /// was explored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The author's line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The author's column, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line of that script, with a mark under the column.
    #[serde(skip)]
    pub excerpt: String,
    /// Two orders of answers and their outcomes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Side>,
}

/// One of two runs that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// The schedule.
    pub schedule: u64,
    /// Titles of the steps, in the order in which they ended.
    pub order: Vec<String>,
    /// The outcome, in words.
    pub outcome: String,
}
