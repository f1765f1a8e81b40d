//! Which kind of failure Claude Code reports.
//!
//! Owns: its own words for what went wrong, and where it puts them. Never: the words that
//! all agents share.

use std::time::SystemTime;

use serde_json::{Value, json};
use smol_wf_core::asks::RefusedAsk;

use super::lines::ResultLine;
use crate::ProviderErrorKind as Kind;
use crate::cause::{Cause, until};
use crate::cli_agent::detail_of;
use crate::process::Exit;

/// A line on stderr which says that an option was not applied.
pub(super) fn warning(line: &str) -> Option<Cause> {
    let replaced = line.starts_with("Warning: Unknown --effort value");
    replaced.then(|| Cause::new(Kind::Unsupported, line.trim_start_matches("Warning: ")))
}

/// The cause in a result that is an error. Its text is where an answer would be, or in a
/// list of errors.
pub(super) fn failed(result: &ResultLine, resets_at: Option<u64>) -> Cause {
    let listed: Vec<&str> = result.errors.iter().filter_map(Value::as_str).collect();
    let text = match result.result.as_deref() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ if !listed.is_empty() => listed.join("; "),
        _ => format!("claude failed ({})", result.subtype.as_deref().unwrap_or("no reason given")),
    };
    let mut cause = Cause::read(&text, result.api_error_status);
    // A used-up allowance differs from a rate limit by the words alone, and by the time
    // at which it is restored.
    if let Some(wait) = resets_at.and_then(|moment| until(moment, SystemTime::now())) {
        cause.kind = if cause.kind == Kind::RateLimit { Kind::Quota } else { cause.kind };
        cause.retry_after = Some(wait);
    }
    cause
}

/// The model declined, and gave no answer.
pub(super) fn refused(text: Option<&str>) -> Cause {
    let said = text.filter(|text| !text.is_empty()).unwrap_or("without a reason");
    Cause::new(Kind::Refused, format!("the model declined to answer: {said}"))
}

/// Tools were refused, and there is no answer.
pub(super) fn denied(tools: &[String]) -> Cause {
    let message = format!(
        "claude was not allowed to use {} and gave no answer; \
         `permissions: 'write'` lets an agent edit files",
        tools.join(", ")
    );
    Cause::new(Kind::PermissionDenied, message)
}

/// A refused use of a tool, and the rule that would have allowed it.
pub(super) fn asked(tool: &str, input: &Value) -> RefusedAsk {
    let detail = detail_of(input);
    let what = match &detail {
        Some(detail) => format!("{tool} {detail}"),
        None => tool.to_owned(),
    };
    // A rule for files holds for all tools that edit them.
    let rule = match (tool, input["command"].as_str(), input["file_path"].as_str()) {
        ("Bash", Some(command), _) if !command.contains('\n') => format!("Bash({command})"),
        ("Write" | "Edit" | "NotebookEdit", _, Some(path)) if path.starts_with('/') => {
            format!("Edit(/{path})")
        }
        ("Write" | "Edit" | "NotebookEdit", ..) => "Edit".to_owned(),
        _ => tool.to_owned(),
    };
    let line = json!({"permissions": {"allow": [rule]}});
    RefusedAsk::once(what, Some(format!("{line} in ~/.claude/settings.json")))
}

/// It ended, or was ended, without this.
pub(super) fn ended_without(lacking: &str, exit: Option<&Exit>) -> Cause {
    match exit {
        Some(exit) => {
            let mut cause = Cause::of_exit_without("claude", exit, lacking);
            if exit.stderr_tail.contains("--agent '") && exit.stderr_tail.contains("not found") {
                cause.kind = Kind::Unsupported;
            }
            cause
        }
        None => Cause::new(Kind::CutStream, "claude was ended before it had answered"),
    }
}
