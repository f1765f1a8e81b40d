//! Which kind of failure Codex reports.
//!
//! Owns: its own words for what went wrong. Never: the words that all agents share.

use crate::ProviderErrorKind as Kind;
use crate::cause::Cause;
use crate::process::Exit;

/// The cause of a failed turn, from its message: a sentence, or the body of a response.
pub(super) fn failed(message: &str) -> Cause {
    if message.trim().is_empty() {
        return Cause::new(Kind::Failed, "codex failed and gave no reason");
    }
    if message.contains("max_output_tokens") {
        let text = "the answer broke off at the model's limit of output tokens (max_output_tokens)";
        return Cause::new(Kind::Failed, text);
    }
    let mut cause = Cause::read(message, None);
    if message.starts_with("Missing environment variable") {
        cause.message = format!(
            "{} Name it in `env_allow` of the provider codex in the configuration",
            cause.message
        );
    }
    cause
}

/// It ended, or was ended, in the middle of its turn.
pub(super) fn no_end(exit: Option<&Exit>, complaint: Option<&str>) -> Cause {
    let Some(exit) = exit else {
        return Cause::new(Kind::CutStream, "codex was ended before it had answered");
    };
    let cause = Cause::of_exit("codex", exit);
    // Nothing on stderr: its last complaint is the best explanation.
    match complaint {
        Some(complaint) if cause.kind == Kind::CutStream => {
            let mut told = Cause::read(complaint, None);
            if told.kind == Kind::Failed {
                told.kind = Kind::CutStream;
            }
            told
        }
        _ => cause,
    }
}
