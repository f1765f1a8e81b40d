//! How the end of a question is called in lines about a run.
//!
//! Owns: those words, which progress lines, `logs` and the terminal UI share. Never: the
//! rest of the line.

use smol_wf_core::event::AskSettled;

/// Who answered, or why nobody did: `Deploy?: answered by ann`.
pub(crate) fn settled_words(ask: &AskSettled) -> String {
    let label = &ask.label;
    match (&ask.by, &ask.error) {
        _ if ask.withdrawn => withdrawn_words(label),
        (None, Some(error)) => format!("{label}: failed: {}", error.message),
        (by, _) => answered_words(label, by.as_deref()),
    }
}

/// A question that has an outcome; nobody answered if the answer was reused, or a default.
pub(crate) fn answered_words(label: &str, by: Option<&str>) -> String {
    match by {
        Some(by) => format!("{label}: answered by {by}"),
        None => format!("{label}: settled without a person"),
    }
}

/// A permission that its agent no longer waits for.
pub(crate) fn withdrawn_words(label: &str) -> String {
    format!("{label}: no longer waits for the permission")
}
