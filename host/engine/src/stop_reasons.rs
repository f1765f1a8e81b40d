//! What a run stops for that is no end of it.
//!
//! Owns: which of these let agents finish, and how a lost folder is told. Never:
//! stops anything.

use smol_wf_core::codes::Code;
use smol_wf_core::ids::CallId;
use smol_wf_core::journal::StopReason;

use crate::error::EngineError;

/// Whether a run stops because its script has come to a limit, has lost a folder or
/// has nobody to ask: then its agents have done nothing wrong. A limit that ends them says
/// so, as a budget may.
pub(crate) fn lets_agents_finish(reason: &StopReason) -> bool {
    let StopReason::Limit { code, .. } = reason else { return false };
    let Some(code) = Code::read(code) else { return false };
    match code {
        // A run waits for its folder: neither its script nor an agent is to blame.
        Code::GuestFault | Code::NoAgent | Code::CwdGone | Code::ProjectGone => true,
        _ => code.word().starts_with("limit_"),
    }
}

/// A call names nobody, and the run has nobody. No script is told of it: it would
/// take the null, or the error, for that of an agent, and go on to a result.
pub(crate) fn nobody(call: CallId, title: &str) -> StopReason {
    let message = format!(
        "step {call} (`{title}`) names no agent (by provider, model or phase), and when the run started none was installed and logged in"
    );
    StopReason::held(Code::NoAgent, message)
}

/// A folder of the run is gone.
pub(crate) fn place_gone(error: &EngineError) -> StopReason {
    StopReason::held(error.code(), error.to_string())
}
