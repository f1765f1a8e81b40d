//! Why a message was not posted to a run.
//!
//! Owns: these errors. Never: names a command; whoever shows them does.

use smol_wf_core::codes::Code;
use smol_wf_core::ids::RunId;
use smol_wf_core::message::MessageRefusal;
use smol_wf_core::report::RunState;

/// Why a message was not posted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The run is over.
    #[error("run {run} is over: it {}", in_words(*.state))]
    Over {
        /// The run.
        run: RunId,
        /// Its state.
        state: RunState,
    },
    /// The message does not fit the run.
    #[error("run {run}: {refusal}")]
    Refused {
        /// The run.
        run: RunId,
        /// Why it does not fit.
        refusal: MessageRefusal,
    },
}

fn in_words(state: RunState) -> &'static str {
    match state {
        RunState::Failed => "has failed",
        _ => "has its result",
    }
}

impl PostError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Over { .. } => Code::RunOver,
            Self::Refused { refusal, .. } => refusal.code(),
        }
    }
}
