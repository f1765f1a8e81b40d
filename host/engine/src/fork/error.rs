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
        /// The parent.
        run: RunId,
        /// The number in `from`.
        from: StepId,
        /// The last step of the parent; 0 when it has none.
        last: u32,
    },
    /// An answer was given for a step that is not an agent step.
    #[error("step {step} of run {run} is not an agent step")]
    NotAnAgent {
        /// The parent.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// An answer was given for a step whose session a later step continues. An answer
    /// written by hand has no session, so that later step would be refused.
    #[error(
        "step {by} continues the session of step {step}, and an answer written by hand has no session"
    )]
    NeedsSession {
        /// The step that an answer was given for.
        step: StepId,
        /// The first step that continues its session.
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
        /// The step.
        step: StepId,
        /// The parser's message.
        reason: String,
        /// The answer.
        text: String,
    },
    /// The schema of the step cannot be used.
    #[error("the schema of step {step} cannot be used: {reason}")]
    Schema {
        /// The step.
        step: StepId,
        /// Why it cannot be used.
        reason: String,
    },
    /// An answer does not satisfy the schema of its step.
    #[error("the answer for step {step} does not satisfy the schema of the step: {reason}")]
    Mismatch {
        /// The step.
        step: StepId,
        /// Each violation and its path in the answer.
        reason: String,
    },
}

fn steps(run: &RunId, last: u32) -> String {
    match last {
        0 => format!("run {run} has no steps"),
        _ => format!("run {run} has steps 1 to {last}"),
    }
}
