//! Reasons for which a run stops before its end.
//!
//! Owns: which reasons let agents finish, and the messages of two of them. Never: stops a run.

use smol_wf_core::codes::Code;
use smol_wf_core::ids::StepId;
use smol_wf_core::journal::StopReason;

use crate::error::EngineError;

/// Whether agents at work may finish when a run stops for this reason. They may when
/// somebody paused the run, at a limit of the script, when a folder is gone, or when a
/// step has no agent: none of these is their fault. A limit that ends agents, as a budget
/// may, has a stop reason of its own.
pub(crate) fn lets_agents_finish(reason: &StopReason) -> bool {
    let code = match reason {
        StopReason::Limit { code, .. } => code,
        StopReason::Paused { .. } => return true,
        _ => return false,
    };
    let Some(code) = Code::read(code) else { return false };
    match code {
        Code::GuestFault | Code::NoAgent | Code::CwdGone | Code::ProjectGone => true,
        _ => code.word().starts_with("limit_"),
    }
}

/// A step names no agent, and the run has none. The script is not told: it would take the
/// `null` or the error for that of an agent, and go on to a wrong result.
pub(crate) fn nobody(step: StepId, title: &str) -> StopReason {
    let message = format!(
        "step {step} (`{title}`) names no agent (by provider, model or phase), and when the run started none was installed and logged in"
    );
    StopReason::held(Code::NoAgent, message)
}

/// A folder of the run is gone.
pub(crate) fn place_gone(error: &EngineError) -> StopReason {
    StopReason::held(error.code(), error.to_string())
}
