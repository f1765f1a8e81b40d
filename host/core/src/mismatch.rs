//! The first difference between a replay and its journal, as data.
//!
//! Owns: what counts as a difference between two entries, and the list of fields that
//! differ. Never: formats it for a terminal.

mod data;

use serde_json::Value;

use crate::cut;
use crate::ids::StepId;
use crate::journal::Body;
use crate::step::StepKind;
pub use data::{FieldDiff, Mismatch};

/// Characters of an entry that a one-line message shows.
const SHOWN_CHARS: usize = 2_000;

/// Most bytes of one side of a field: the prompts that people read in a difference are
/// far shorter.
const FIELD_BYTES_MAX: usize = 256 * 1024;

/// Levels of an entry that are compared field by field: `request.prompt` has two.
const FIELD_LEVELS: usize = 2;

impl Mismatch {
    /// Between the recorded entry and what came instead.
    #[must_use]
    pub fn between(seq: u64, last_step: u32, recorded: &Body, now: &Body) -> Self {
        let mut fields = Vec::new();
        if kind_of(recorded) == kind_of(now)
            && let (Ok(recorded), Ok(now)) =
                (serde_json::to_value(recorded), serde_json::to_value(now))
        {
            compare("", &recorded, &now, FIELD_LEVELS, &mut fields);
        }
        Self {
            seq,
            step: step_of(recorded).or_else(|| step_of(now)).or_else(|| last(last_step)),
            recorded: describe(recorded),
            now: describe(now),
            fields,
        }
    }

    /// Between the recorded entry and an event that has no entry.
    #[must_use]
    pub fn instead_of(seq: u64, last_step: u32, recorded: &Body, now: &str) -> Self {
        Self {
            seq,
            step: step_of(recorded).or_else(|| last(last_step)),
            recorded: describe(recorded),
            now: now.to_owned(),
            fields: Vec::new(),
        }
    }
}

/// Whether a recorded entry and a new one are the same. The fuel of a turn is compared
/// only with `compare_fuel`, that is under the same build of the guest.
#[must_use]
pub fn same(recorded: &Body, now: &Body, compare_fuel: bool) -> bool {
    match (recorded, now) {
        (
            Body::TurnEnded { scope, fuel, state },
            Body::TurnEnded { scope: now_scope, fuel: now_fuel, state: now_state },
        ) => scope == now_scope && state == now_state && (!compare_fuel || fuel == now_fuel),
        (recorded, now) => recorded == now,
    }
}

/// An entry on one line, for people: JSON, cut.
fn describe(body: &Body) -> String {
    let text = serde_json::to_string(body).unwrap_or_else(|_| body.kind().to_owned());
    cut::to_chars(&text, SHOWN_CHARS + 1)
}

/// Entries of the same kind, and steps of the same kind, are compared field by field.
fn kind_of(body: &Body) -> (&'static str, Option<StepKind>) {
    (body.kind(), body.asked().map(|(_, asked)| asked.kind()))
}

fn step_of(body: &Body) -> Option<StepId> {
    match body {
        Body::StepAsked { step, .. } | Body::Settled { step, .. } => Some(*step),
        _ => None,
    }
}

fn last(step: u32) -> Option<StepId> {
    (step > 0).then_some(StepId(step))
}

fn compare(at: &str, recorded: &Value, now: &Value, levels: usize, found: &mut Vec<FieldDiff>) {
    if recorded == now {
        return;
    }
    if let (Value::Object(old), Value::Object(new), 1..) = (recorded, now, levels) {
        let added = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(added) {
            let field = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) => compare(&field, old, new, levels - 1, found),
                (old, new) => found.push(FieldDiff {
                    field,
                    recorded: old.map(text_of),
                    now: new.map(text_of),
                }),
            }
        }
        return;
    }
    let (recorded, now) = (Some(text_of(recorded)), Some(text_of(now)));
    found.push(FieldDiff { field: at.to_owned(), recorded, now });
}

fn text_of(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    cut::to_bytes(text, FIELD_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Scope;
    use crate::step::StepRequest;
    use crate::step_request::AgentRequest;

    fn asked(prompt: &str, label: Option<&str>) -> Body {
        let mut request = AgentRequest::plain(prompt);
        request.label = label.map(str::to_owned);
        let asked = StepRequest::Agent(request.into());
        Body::StepAsked { step: StepId(3), scope: Scope::ROOT, asked }
    }

    #[test]
    fn a_difference_names_its_step_and_its_fields() {
        let mismatch = Mismatch::between(7, 3, &asked("a", None), &asked("b", Some("l")));
        assert_eq!(mismatch.step, Some(StepId(3)));
        let field = |field: &str, recorded: Option<&str>, now: Option<&str>| FieldDiff {
            field: field.to_owned(),
            recorded: recorded.map(str::to_owned),
            now: now.map(str::to_owned),
        };
        let expected = [
            field("request.prompt", Some("a"), Some("b")),
            field("request.label", None, Some("l")),
        ];
        assert_eq!(mismatch.fields, expected);
        assert!(mismatch.to_string().contains("entry 7, step 3"), "{mismatch}");
    }

    #[test]
    fn a_difference_without_a_step_names_the_last_one() {
        let recorded = Body::Logged { scope: Scope::ROOT, message: "m".into() };
        let mismatch = Mismatch::between(9, 5, &recorded, &asked("a", None));
        assert_eq!((mismatch.step, mismatch.fields.len()), (Some(StepId(3)), 0));
        let mismatch = Mismatch::instead_of(9, 5, &recorded, "the script waits");
        assert_eq!(mismatch.step, Some(StepId(5)));
    }
}
