//! Upgrades entries of formats 1 and 2 to the present format.
//!
//! Owns: everything that is known about the form of older entries. Never: sees a text
//! whose digest was not checked first: the chain covers the text as written.
//!
//! An older entry is recognised by itself: the number of its step is under `call`, and
//! each kind of step had a kind of entry. So an entry can be read without the ones
//! before it, also in a journal that several programs wrote.

use serde_json::{Map, Value};

/// For each older kind of entry: the kind of step, and the fields of the request that
/// were fields of the entry itself.
const ASKED: [(&str, &str, &[&str]); 3] = [
    ("agent_called", "agent", &[]),
    ("workflow_called", "workflow", &["target", "args"]),
    ("sleep_called", "sleep", &["milliseconds", "wake_at_us"]),
];

/// Upgrades an entry that was read as JSON. An entry in the present format stays as it
/// is.
pub fn upgrade(entry: &mut Value) {
    let Some(fields) = entry.as_object_mut() else { return };
    if let Some(step) = fields.remove("call") {
        fields.insert("step".to_owned(), step);
    }
    let kind = fields.get("kind").and_then(Value::as_str);
    let Some((_, of, asked)) = ASKED.iter().find(|(older, ..)| kind == Some(older)) else { return };
    fields.insert("kind".to_owned(), "step_asked".into());
    fields.insert("of".to_owned(), (*of).into());
    let moved: Map<String, Value> =
        asked.iter().filter_map(|name| fields.remove_entry(*name)).collect();
    if !asked.is_empty() {
        fields.insert("request".to_owned(), moved.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::journal::Entry;

    #[test]
    fn every_older_kind_becomes_step_asked() {
        let asked = [
            (
                json!({"kind": "agent_called", "call": 4, "scope": 0, "request": {"prompt": "p"}}),
                json!({"of": "agent", "request": {"prompt": "p"}}),
            ),
            (
                json!({"kind": "workflow_called", "call": 4, "scope": 0, "target": {"name": "n"}, "args": "[1]"}),
                json!({"of": "workflow", "request": {"target": {"name": "n"}, "args": "[1]"}}),
            ),
            (
                json!({"kind": "sleep_called", "call": 4, "scope": 0, "milliseconds": 1.5, "wake_at_us": 9}),
                json!({"of": "sleep", "request": {"milliseconds": 1.5, "wake_at_us": 9}}),
            ),
        ];
        for (mut older, mut today) in asked {
            older["at_us"] = 7.into();
            for (name, value) in [("at_us", json!(7)), ("kind", "step_asked".into())] {
                today[name] = value;
            }
            (today["step"], today["scope"]) = (4.into(), 0.into());
            upgrade(&mut older);
            assert_eq!(older, today);
            let entry: Entry = serde_json::from_value(older).unwrap();
            assert_eq!(serde_json::to_value(&entry).unwrap(), today, "as it is written today");
            let before = today.clone();
            upgrade(&mut today);
            assert_eq!(today, before, "once is enough");
        }
    }

    #[test]
    fn the_step_of_any_other_entry_is_found_under_its_old_name() {
        let mut older = json!({"at_us": 1, "kind": "agent_dispatched", "call": 4});
        upgrade(&mut older);
        assert_eq!(older, json!({"at_us": 1, "kind": "agent_dispatched", "step": 4}));
        for mut other in
            [json!("text"), json!([{"call": 1}]), json!({"kind": "logged", "message": "call"})]
        {
            let before = other.clone();
            upgrade(&mut other);
            assert_eq!(other, before);
        }
    }
}
