//! Which kind of failure Claude Code tells of.
//!
//! Owns: its own words for what went wrong, and where it puts them. Never: the
//! words that all agents share.

use std::time::SystemTime;

use serde_json::Value;

use super::lines::ResultLine;
use crate::ProviderErrorKind as Kind;
use crate::cause::{Cause, until};
use crate::process::Exit;

/// A line on stderr that means that it works otherwise than it was told to.
pub(super) fn warning(line: &str) -> Option<Cause> {
    let replaced = line.starts_with("Warning: Unknown --effort value");
    replaced.then(|| Cause::new(Kind::Unsupported, line.trim_start_matches("Warning: ")))
}

/// A result that is an error. Its text is where an answer would be, or in a
/// list of errors.
pub(super) fn failed(result: &ResultLine, resets_at: Option<u64>) -> Cause {
    let listed: Vec<&str> = result.errors.iter().filter_map(Value::as_str).collect();
    let text = match result.result.as_deref() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ if !listed.is_empty() => listed.join("; "),
        _ => format!("claude failed ({})", result.subtype.as_deref().unwrap_or("no reason given")),
    };
    let mut cause = Cause::read(&text, result.api_error_status);
    // An allowance that is used up is told apart from a rate only by the words,
    // and by the moment at which it is there again.
    if let Some(wait) = resets_at.and_then(|moment| until(moment, SystemTime::now())) {
        cause.kind = if cause.kind == Kind::RateLimit { Kind::Quota } else { cause.kind };
        cause.retry_after = Some(wait);
    }
    cause
}

/// The model declined, and that is all it said.
pub(super) fn refused(text: Option<&str>) -> Cause {
    let said = text.filter(|text| !text.is_empty()).unwrap_or("without a reason");
    Cause::new(Kind::Refused, format!("the model declined to answer: {said}"))
}

/// Tools were refused, and nothing was answered.
pub(super) fn denied(tools: &[String]) -> Cause {
    let message = format!(
        "claude was not allowed to use {} and gave no answer; \
         `permissions: 'write'` lets an agent edit files",
        tools.join(", ")
    );
    Cause::new(Kind::PermissionDenied, message)
}

/// It ended, or was ended, without a result.
pub(super) fn no_result(exit: Option<&Exit>) -> Cause {
    match exit {
        Some(exit) => {
            let mut cause = Cause::of_exit("claude", exit);
            if exit.stderr_tail.contains("--agent '") && exit.stderr_tail.contains("not found") {
                cause.kind = Kind::Unsupported;
            }
            cause
        }
        None => Cause::new(Kind::CutStream, "claude was ended before it had answered"),
    }
}
