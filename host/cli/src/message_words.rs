//! How messages from outside are called in lines about a run.
//!
//! Owns: those words, which progress lines and `logs` share. Never: the rest of the line.

use smol_wf_core::event::MessageEvent;
use smol_wf_core::message::Fate;

/// What was asked, of which step, by whom, and why it had no effect, if so:
/// `stop of step 3 by ann`.
pub(crate) fn message_words(message: &MessageEvent) -> String {
    let MessageEvent { message, by, step, text, refused, .. } = message;
    let word = match message.as_deref() {
        Some("message") => "",
        Some(word) => word,
        None => "of a newer program",
    };
    let step = match (step, text) {
        (Some(step), Some(_)) => format!("to step {step}"),
        (Some(step), None) => format!(" of step {step}"),
        (None, _) => String::new(),
    };
    let refused = refused.as_ref().map_or_else(String::new, |code| format!(": no effect: {code}"));
    format!("{word}{step} by {by}{refused}")
}

/// What became of a message to an agent: `told`.
pub(crate) fn fate_words(fate: Fate) -> &'static str {
    match fate {
        Fate::Waits => "not told",
        Fate::Told => "told",
        Fate::TooLate => "too late",
    }
}
