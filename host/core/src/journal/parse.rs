//! Reading the text of an entry, quickly where there are many.
//!
//! Owns: a short way for the kinds that make up nearly all of a long journal.
//! Never: another meaning; whatever the short way does not take goes the long
//! way, and its verdict counts.
//!
//! The long way finds the kind first and reads the fields then, by way of a
//! copy of all of them: 4 µs for each of the four entries of a step, which is
//! more than the script itself takes.

use std::sync::Arc;

use serde::Deserialize;

use super::{Body, Entry, TurnState};
use crate::call::{AgentRequest, Reply};
use crate::guest::Outcome;
use crate::ids::{CallId, Scope};
use crate::selector::Addressee;
use crate::settlement::Given;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentCalled<'a> {
    at_us: i64,
    kind: &'a str,
    call: CallId,
    scope: Scope,
    request: Box<AgentRequest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentDispatched<'a> {
    at_us: i64,
    kind: &'a str,
    call: CallId,
    #[serde(default)]
    to: Option<Box<Addressee>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled<'a> {
    at_us: i64,
    kind: &'a str,
    call: CallId,
    outcome: Outcome,
    #[serde(default)]
    reply: Option<Box<Reply>>,
    #[serde(default)]
    given: Option<Given>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnEnded<'a> {
    at_us: i64,
    kind: &'a str,
    scope: Scope,
    fuel: u64,
    state: TurnState,
}

/// An entry from its text. `kind` is what the text probably is.
pub(super) fn entry(kind: &str, text: &str) -> Result<Entry, serde_json::Error> {
    match short(kind, text) {
        Some(entry) => Ok(entry),
        None => serde_json::from_str(text),
    }
}

/// The short way; none for all that it does not take.
fn short(kind: &str, text: &str) -> Option<Entry> {
    let (at_us, said, body) = match kind {
        "agent_called" => {
            let AgentCalled { at_us, kind, call, scope, request } = read(text)?;
            (at_us, kind, Body::AgentCalled { call, scope, request: Arc::from(request) })
        }
        "agent_dispatched" => {
            let AgentDispatched { at_us, kind, call, to } = read(text)?;
            (at_us, kind, Body::AgentDispatched { call, to })
        }
        "settled" => {
            let Settled { at_us, kind, call, outcome, reply, given } = read(text)?;
            (at_us, kind, Body::Settled { call, outcome, reply, given })
        }
        "turn_ended" => {
            let TurnEnded { at_us, kind, scope, fuel, state } = read(text)?;
            (at_us, kind, Body::TurnEnded { scope, fuel, state })
        }
        _ => return None,
    };
    (said == kind).then_some(Entry { at_us, body })
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Vec<Body> {
        let call = CallId(7);
        let scope = Scope(2);
        let request = Arc::new(AgentRequest::plain("p \"quoted\" \u{1f980}\n"));
        let outcome = Outcome::Value("{\"a\":1}".into());
        let to = Addressee { provider: "pi".into(), vendor: "v".into() };
        vec![
            Body::AgentCalled { call, scope, request },
            Body::AgentDispatched { call, to: None },
            Body::AgentDispatched { call, to: Some(Box::new(to)) },
            Body::Settled { call, outcome: outcome.clone(), reply: None, given: None },
            Body::Settled { call, outcome, reply: Some(Box::default()), given: Some(Given::Null) },
            Body::TurnEnded { scope, fuel: u64::MAX, state: TurnState::Pending },
        ]
    }

    #[test]
    fn the_short_way_takes_what_is_written_and_says_the_same() {
        for body in bodies() {
            let entry = Entry { at_us: -5, body };
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(short(entry.body.kind(), &text), Some(entry), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_of_another_kind_is_read_as_what_it_is() {
        for body in bodies() {
            let entry = Entry { at_us: 1, body };
            let text = serde_json::to_string(&entry).unwrap();
            for kind in ["agent_called", "agent_dispatched", "settled", "turn_ended", "logged"] {
                assert_eq!(super::entry(kind, &text).unwrap(), entry, "{text} as {kind}");
            }
        }
    }
}
