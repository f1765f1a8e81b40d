//! What a fork cannot be asked for.
//!
//! Owns: the list. Never: the flags that ask.

use smol_wf_core::ids::{CallId, RunId};

/// Why a fork cannot begin as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// It is to begin at a step that the run does not have.
    #[error("{}", steps(run, *last))]
    NoSuchStep {
        /// Of which run.
        run: RunId,
        /// The step that was named.
        from: CallId,
        /// The last one of the run; 0 where it has none.
        last: u32,
    },
    /// An answer is given for something else than an agent call.
    #[error("step {call} of run {run} is not an agent call")]
    NotAnAgent {
        /// Of which run.
        run: RunId,
        /// The step that was named.
        call: CallId,
    },
    /// An answer is given for a step in whose session a later one goes on. One that
    /// was written by hand has no session, so that step would be refused.
    #[error(
        "step {by} goes on in the session of step {call}, and an answer written by hand has none"
    )]
    NeedsSession {
        /// The step that is given an answer.
        call: CallId,
        /// The first one that goes on in its session.
        by: CallId,
    },
    /// A step is given two answers.
    #[error("two answers are given for step {call}")]
    TwoAnswers {
        /// Which.
        call: CallId,
    },
    /// An answer is not JSON.
    #[error("the answer for step {call} is not JSON: {reason}")]
    NotJson {
        /// For which step.
        call: CallId,
        /// What the parser said.
        reason: String,
        /// The answer.
        text: String,
    },
    /// The schema of the step cannot be used.
    #[error("the schema of step {call} cannot be used: {reason}")]
    Schema {
        /// Of which step.
        call: CallId,
        /// Why.
        reason: String,
    },
    /// An answer does not satisfy the schema of its step.
    #[error("the answer for step {call} does not satisfy the schema of the call: {reason}")]
    Mismatch {
        /// For which step.
        call: CallId,
        /// Where, and what is wrong.
        reason: String,
    },
}

fn steps(run: &RunId, last: u32) -> String {
    match last {
        0 => format!("run {run} has made no calls"),
        _ => format!("run {run} has steps 1 to {last}"),
    }
}
