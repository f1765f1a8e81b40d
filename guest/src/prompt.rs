//! What a prompt shows of a value that was put into it as it is.
//!
//! Owns: the words to look for, and what is said of them. Never: stops a call;
//! a prompt may quote the words.

use crate::bindings::smol::workflow::calls;
use crate::bindings::smol::workflow::types::{CallId, Warning};
use crate::failure;

/// What such a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Promise,
    Object(&'static str),
    /// It is all of the prompt.
    Nothing(&'static str),
    /// It is a line, or the end of one, and an agent failed before.
    Null(CallId),
}

const PROMISE: &str = "[object Promise]";

/// How objects show themselves that have no words of their own.
const OBJECTS: [&str; 8] = [
    "[object Object]",
    "[object Map]",
    "[object Set]",
    "[object WeakMap]",
    "[object WeakSet]",
    "[object Generator]",
    "[object AsyncGenerator]",
    "[object ArrayBuffer]",
];

/// How each of them begins.
const BEGINNING: &str = "[object ";

/// The letters that their names begin with.
const INITIALS: [u8; 7] = *b"AGMOPSW";

/// Length of the longest.
const LONGEST: usize = 23;

/// Values that say nothing, as a text.
const NOTHING: [&str; 3] = ["undefined", "null", "NaN"];

/// Warns of such signs in the prompt of a call. `stack` is where in the
/// author's text the call is; `nulled` is the agent that was given as `null`
/// last.
pub(crate) fn look_into(prompt: &str, step: CallId, stack: &str, nulled: Option<CallId>) {
    for sign in found_in(prompt, nulled) {
        let at = failure::place_in_script(stack);
        let (code, message) = said(sign, step);
        let code = code.to_owned();
        let (line, column) = (at.line, at.column);
        calls::warn(&Warning { code, message, path: None, step: Some(step), line, column });
    }
}

fn said(sign: Sign, step: CallId) -> (&'static str, String) {
    match sign {
        Sign::Promise => (
            "prompt_promise",
            format!(
                "the prompt of step {step} holds \"{PROMISE}\": a promise was put into it before it was awaited"
            ),
        ),
        Sign::Object(text) => (
            "prompt_object",
            format!(
                "the prompt of step {step} holds \"{text}\": {}",
                match text {
                    "[object Object]" =>
                        "an object was put into it as it is; JSON.stringify shows what it holds",
                    "[object Map]" | "[object Set]" =>
                        "it was put into it as it is; JSON.stringify([...value]) shows what it holds",
                    _ => "it was put into it as it is",
                }
            ),
        ),
        Sign::Nothing(text) => (
            "prompt_nothing",
            format!(
                "the prompt of step {step} is \"{text}\", the text of a value that is not there"
            ),
        ),
        Sign::Null(failed) => (
            "prompt_null",
            format!(
                "the prompt of step {step} holds the text \"null\", and step {failed} was given as null: test for it before it goes into a prompt"
            ),
        ),
    }
}

/// A prompt may be megabytes long: one pass, from bracket to bracket, and one
/// from `null` to `null` once an agent has failed.
fn found_in(prompt: &str, nulled: Option<CallId>) -> Vec<Sign> {
    let whole = prompt.trim();
    if let Some(text) = NOTHING.into_iter().find(|text| *text == whole) {
        return vec![Sign::Nothing(text)];
    }
    let mut found = Vec::new();
    let mut add = |sign| {
        if !found.contains(&sign) {
            found.push(sign);
        }
    };
    for (at, _) in prompt.match_indices('[') {
        let rest = prompt.get(at..).unwrap_or_default();
        let name = rest.strip_prefix(BEGINNING).and_then(|name| name.bytes().next());
        if !name.is_some_and(|initial| INITIALS.contains(&initial)) {
            continue;
        }
        let Some(end) = rest.bytes().take(LONGEST).position(|byte| byte == b']') else { continue };
        let text = rest.get(..=end).unwrap_or_default();
        if text == PROMISE {
            add(Sign::Promise);
        } else if let Some(text) = OBJECTS.into_iter().find(|object| *object == text) {
            add(Sign::Object(text));
        }
    }
    if let Some(failed) =
        nulled.filter(|_| prompt.match_indices("null").any(|(at, _)| is_slot(prompt, at)))
    {
        add(Sign::Null(failed));
    }
    found
}

/// Whether the `null` there is a line of its own, or ends one behind a colon. JSON
/// has its own behind the quotation mark of a name.
fn is_slot(prompt: &str, at: usize) -> bool {
    let behind = prompt.get(at + 4..).unwrap_or_default().trim_start_matches([' ', '\t', '\r']);
    let before = prompt.get(..at).unwrap_or_default().trim_end_matches([' ', '\t']);
    let ends = behind.is_empty() || behind.starts_with('\n');
    let names = before.strip_suffix(':').is_some_and(|name| !name.ends_with(['"', '\'']));
    ends && (before.is_empty() || before.ends_with('\n') || names)
}
