//! Hints for forks that cannot start.
//!
//! Owns: the flags of a fork. Never: the fault; the error names it.

use smol_wf_core::ids::StepId;
use smol_wf_engine::ForkError;

/// The whole sentence: the flag that was typed, and what is wrong with it.
pub(super) fn sentence(error: &ForkError) -> String {
    match error {
        ForkError::NoSuchStep { from, last: 0, .. } => {
            format!("--from {from}: {error}; leave out --from")
        }
        ForkError::NoSuchStep { from, .. } => format!("--from {from}: {error}"),
        ForkError::TwoAnswers { step } => {
            format!("--set-result is given twice for step {step}; give one answer per step")
        }
        ForkError::NotJson { step, reason, text } => match needs_quotes(text) {
            true => format!(
                "--set-result {step}: the answer is not JSON; text needs quotes: {}",
                quoted(*step, text)
            ),
            false => format!("--set-result {step}: the answer is not JSON: {reason}"),
        },
        ForkError::NeedsSession { step, .. } => format!(
            "--set-result {step}: {error}; leave it out, or give a script in which that step has no `session`"
        ),
        ForkError::NotAnAgent { step, .. }
        | ForkError::Schema { step, .. }
        | ForkError::Mismatch { step, .. } => format!("--set-result {step}: {error}"),
    }
}

/// Whether an answer that is not JSON is probably text.
fn needs_quotes(text: &str) -> bool {
    !text.trim_start().starts_with(['{', '[', '"'])
}

/// The flag with the text as JSON, quoted for a shell.
fn quoted(step: StepId, text: &str) -> String {
    const SHOWN_BYTES: usize = 60;
    let is_short = text.len() <= SHOWN_BYTES && !text.contains('\'');
    let text = if is_short && !text.is_empty() { text } else { "text" };
    let quoted = serde_json::Value::String(text.to_owned());
    format!("--set-result {step}='{quoted}'")
}
