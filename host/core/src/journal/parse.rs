//! Reads the text of an entry.
//!
//! Owns: a fast path for the kinds that make up nearly all of a long journal. Never:
//! gives a text another meaning than the slow path, which reads everything that the
//! fast path does not.
//!
//! The slow path copies all fields to find the kind, and then reads them: 4 µs for
//! each of the four entries of a step, more than the script itself takes.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Body, Entry, JOURNAL_FORMAT, JournalError, TurnState, upgrade};
use crate::ids::{Scope, StepId};
use crate::outcome::Outcome;
use crate::reply::Reply;
use crate::selector::Addressee;
use crate::settlement::Substitute;
use crate::step::{StepKind, StepRequest};
use crate::step_request::AgentRequest;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentAsked<'a> {
    at_us: i64,
    kind: &'a str,
    step: StepId,
    scope: Scope,
    of: StepKind,
    request: Box<AgentRequest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentDispatched<'a> {
    at_us: i64,
    kind: &'a str,
    step: StepId,
    #[serde(default)]
    to: Option<Box<Addressee>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settled<'a> {
    at_us: i64,
    kind: &'a str,
    step: StepId,
    outcome: Outcome,
    #[serde(default)]
    reply: Option<Box<Reply>>,
    #[serde(default)]
    given: Option<Substitute>,
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

/// Reads entry number `seq` from its text, whose digest was checked. `kind` is the
/// kind that the record names beside the text.
pub(super) fn entry(seq: u64, kind: &str, text: &str) -> Result<Entry, JournalError> {
    let entry = match fast(kind, text) {
        Some(entry) => entry,
        None => slow(seq, kind, text)?,
    };
    let format = match &entry.body {
        Body::RunStarted(head) | Body::FormatRaised(head) => head.format,
        Body::EpochStarted { format, .. } => *format,
        _ => return Ok(entry),
    };
    if format > JOURNAL_FORMAT {
        return Err(JournalError::Newer { found: format });
    }
    match entry.body {
        // Only the first entry is the head.
        Body::RunStarted(head) if seq > 0 => {
            Ok(Entry { at_us: entry.at_us, body: Body::FormatRaised(head) })
        }
        _ => Ok(entry),
    }
}

/// Reads every kind, as any version of the program wrote it.
fn slow(seq: u64, kind: &str, text: &str) -> Result<Entry, JournalError> {
    let unreadable =
        |error: serde_json::Error| JournalError::Unreadable { seq, reason: error.to_string() };
    let mut value: Value = serde_json::from_str(text).map_err(unreadable)?;
    if value.get("kind").and_then(Value::as_str) != Some(kind) {
        return Err(JournalError::Changed { seq });
    }
    let format = value.get("format").and_then(Value::as_u64).unwrap_or_default();
    upgrade(&mut value);
    serde_json::from_value(value).map_err(|error| {
        // A newer program may have changed the other fields of these kinds as well.
        let says_format = matches!(kind, "run_started" | "attempt_started");
        match u32::try_from(format) {
            Ok(found) if says_format && found > JOURNAL_FORMAT => JournalError::Newer { found },
            _ => unreadable(error),
        }
    })
}

/// Reads the most frequent kinds in their present form; none for everything else.
fn fast(kind: &str, text: &str) -> Option<Entry> {
    let (at_us, said, body) = match kind {
        "step_asked" => {
            let AgentAsked { at_us, kind, step, scope, of, request } = read(text)?;
            let asked = StepRequest::Agent(Arc::from(request));
            let body = Body::StepAsked { step, scope, asked };
            (at_us, kind, (of == StepKind::Agent).then_some(body)?)
        }
        "agent_dispatched" => {
            let AgentDispatched { at_us, kind, step, to } = read(text)?;
            (at_us, kind, Body::AgentDispatched { step, to })
        }
        "settled" => {
            let Settled { at_us, kind, step, outcome, reply, given } = read(text)?;
            (at_us, kind, Body::Settled { step, outcome, reply, given })
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
        let step = StepId(7);
        let scope = Scope(2);
        let request = Arc::new(AgentRequest::plain("p \"quoted\" \u{1f980}\n"));
        let asked = StepRequest::Agent(request);
        let outcome = Outcome::Value("{\"a\":1}".into());
        let to = Addressee { provider: "pi".into(), vendor: "v".into() };
        vec![
            Body::StepAsked { step, scope, asked },
            Body::AgentDispatched { step, to: None },
            Body::AgentDispatched { step, to: Some(Box::new(to)) },
            Body::Settled { step, outcome: outcome.clone(), reply: None, given: None },
            Body::Settled {
                step,
                outcome,
                reply: Some(Box::default()),
                given: Some(Substitute::Null),
            },
            Body::TurnEnded { scope, fuel: u64::MAX, state: TurnState::Pending },
        ]
    }

    #[test]
    fn the_fast_path_reads_what_is_written() {
        for body in bodies() {
            let entry = Entry { at_us: -5, body };
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(fast(entry.body.kind(), &text), Some(entry), "{text}");
        }
    }

    #[test]
    fn a_text_whose_kind_differs_from_its_record_was_changed() {
        for body in bodies() {
            let entry = Entry { at_us: 1, body };
            let text = serde_json::to_string(&entry).unwrap();
            for kind in ["step_asked", "agent_dispatched", "settled", "turn_ended", "logged"] {
                let read = super::entry(3, kind, &text);
                match kind == entry.body.kind() {
                    true => assert_eq!(read, Ok(entry.clone())),
                    false => assert_eq!(read, Err(JournalError::Changed { seq: 3 }), "{text}"),
                }
            }
        }
    }

    #[test]
    fn every_kind_of_step_reads_back() {
        use crate::step::{SleepRequest, WorkflowRequest};
        use crate::step_request::WorkflowTarget;
        let target = WorkflowTarget::Name("n".into());
        let args = Some("{\"a\":1}".to_owned());
        for asked in [
            StepRequest::Agent(Arc::new(AgentRequest::plain("p"))),
            StepRequest::Workflow(Arc::new(WorkflowRequest { target, args })),
            StepRequest::Sleep(SleepRequest { milliseconds: 0.1, wake_at_us: i64::MAX }),
        ] {
            let body = Body::StepAsked { step: StepId(1), scope: Scope(2), asked };
            let entry = Entry { at_us: 1, body };
            let text = serde_json::to_string(&entry).unwrap();
            assert_eq!(super::entry(3, "step_asked", &text), Ok(entry.clone()), "{text}");
            assert_eq!(slow(3, "step_asked", &text), Ok(entry), "{text}");
        }
    }
}
