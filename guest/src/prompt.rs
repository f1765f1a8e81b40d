//! What a prompt shows of a value that was put into it as it is.
//!
//! Owns: the words to look for, and what is said of them. Never: stops a call;
//! a prompt may quote the words.

use crate::bindings::smol::workflow::calls;
use crate::bindings::smol::workflow::types::{CallId, Warning};
use crate::failure;

struct Sign {
    text: &'static str,
    code: &'static str,
    why: &'static str,
}

const SIGNS: [Sign; 2] = [
    Sign {
        text: "[object Promise]",
        code: "prompt_promise",
        why: "a promise was put into it before it was awaited",
    },
    Sign {
        text: "[object Object]",
        code: "prompt_object",
        why: "an object was put into it as it is; JSON.stringify shows what it holds",
    },
];

/// Warns of such signs in the prompt of a call. `stack` is where in the
/// author's text the call is.
pub(crate) fn look_into(prompt: &str, step: CallId, stack: &str) {
    let found = found_in(prompt);
    for (Sign { text, code, why }, found) in SIGNS.iter().zip(found) {
        if !found {
            continue;
        }
        let at = failure::frames(stack).first().map(|frame| frame.position).unwrap_or_default();
        calls::warn(&Warning {
            code: (*code).to_owned(),
            message: format!("the prompt of step {step} holds \"{text}\": {why}"),
            path: None,
            step: Some(step),
            line: at.line,
            column: at.column,
        });
    }
}

/// A prompt may be megabytes long: one pass, from bracket to bracket.
fn found_in(prompt: &str) -> [bool; SIGNS.len()] {
    let mut found = [false; SIGNS.len()];
    for (at, _) in prompt.match_indices('[') {
        let rest = prompt.get(at..).unwrap_or_default();
        for (found, sign) in found.iter_mut().zip(&SIGNS) {
            *found |= rest.starts_with(sign.text);
        }
    }
    found
}
