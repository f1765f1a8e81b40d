//! Errors of fork requests.
//!
//! Owns: the list. Never: names a flag.

use smol_wf_core::ids::{RunId, StepId};

/// Why a fork request does not fit its parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForkError {
    /// The parent has no step with the number in `from`.
    #[error("{}", steps(run, *last))]
    NoSuchStep {
        /// Of which run.
        run: RunId,
        /// The step that was named.
        from: StepId,
        /// The last step of the run; 0 when it has none.
        last: u32,
    },
    /// An answer was given for a step that is not an agent call.
    #[error("step {step} of run {run} is not an agent call")]
    NotAnAgent {
        /// Of which run.
        run: RunId,
        /// The step that was named.
        step: StepId,
    },
    /// An answer was given for a step whose session a later step continues. An answer
    /// written by hand has no session, so that later step would be refused.
    #[error(
        "step {by} goes on in the session of step {step}, and an answer written by hand has none"
    )]
    NeedsSession {
        /// The step that is given an answer.
        step: StepId,
        /// The first one that goes on in its session.
        by: StepId,
    },
    /// Two answers were given for one step.
    #[error("two answers are given for step {step}")]
    TwoAnswers {
        /// The step.
        step: StepId,
    },
    /// An answer is not JSON.
    #[error("the answer for step {step} is not JSON: {reason}")]
    NotJson {
        /// For which step.
        step: StepId,
        /// What the parser said.
        reason: String,
        /// The answer.
        text: String,
    },
    /// The schema of the step cannot be used.
    #[error("the schema of step {step} cannot be used: {reason}")]
    Schema {
        /// Of which step.
        step: StepId,
        /// Why.
        reason: String,
    },
    /// An answer does not satisfy the schema of its step.
    #[error("the answer for step {step} does not satisfy the schema of the call: {reason}")]
    Mismatch {
        /// For which step.
        step: StepId,
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
