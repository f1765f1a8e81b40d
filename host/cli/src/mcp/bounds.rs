//! How much of a document one answer has: a model reads, and pays for, all of it.
//!
//! Owns: cutting texts, values and lists, and saying so. Never: the whole; the command
//! that is named has it.

use serde_json::Value;
use smol_wf_core::cut;

/// Most characters of a text: a page.
const TEXT_CHARS_MAX: usize = 2_000;

/// Most bytes of a value within an entry, such as a schema: one that a model can satisfy is
/// shorter.
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// Most bytes of the entries of one list together, of which the first has room anyway.
const LIST_BYTES_MAX: usize = 32 * 1024;

/// Most characters of a name or a label: a line.
const NAME_CHARS_MAX: usize = 200;

/// The entries of a list for which there is room.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) listed: Vec<Value>,
    /// How many are not listed.
    pub(super) left_out: usize,
    /// Whether a part of an entry was cut.
    pub(super) is_cut: bool,
}

impl Entries {
    /// The first of these, at most `number`.
    pub(super) fn of(all: impl IntoIterator<Item = Value>, number: usize) -> Self {
        let mut entries = Self::default();
        let mut bytes = 0;
        for mut one in all {
            if entries.left_out > 0 || entries.listed.len() == number {
                entries.left_out += 1;
                continue;
            }
            let is_cut = entry(&mut one);
            bytes += one.to_string().len();
            if bytes > LIST_BYTES_MAX && !entries.listed.is_empty() {
                entries.left_out += 1;
                continue;
            }
            entries.is_cut |= is_cut;
            entries.listed.push(one);
        }
        entries
    }

    /// Whether all is listed as it was.
    pub(super) fn is_whole(&self) -> bool {
        self.left_out == 0 && !self.is_cut
    }
}

/// Cuts what is long in an entry; says whether anything was. A value that is too long is
/// left out, and its number of bytes is there instead: a part of a schema is another schema.
pub(super) fn entry(one: &mut Value) -> bool {
    let Some(fields) = one.as_object_mut() else { return value(one) };
    let mut is_cut = false;
    let mut left_out = Vec::new();
    for (name, field) in fields.iter_mut() {
        match field {
            Value::Array(_) | Value::Object(_) => {
                let bytes = field.to_string().len();
                if bytes > VALUE_BYTES_MAX {
                    left_out.push((name.clone(), bytes));
                }
            }
            other => is_cut |= value(other),
        }
    }
    for (name, bytes) in left_out {
        is_cut = true;
        fields.shift_remove(&name);
        fields.insert(format!("{name}Bytes"), bytes.into());
    }
    is_cut
}

/// Cuts a long text, and leaves out a long list or object; says whether it did.
fn value(one: &mut Value) -> bool {
    match one {
        Value::String(long) => {
            let short = text(long);
            let is_cut = short.len() != long.len();
            *long = short;
            is_cut
        }
        Value::Array(_) | Value::Object(_) if one.to_string().len() > VALUE_BYTES_MAX => {
            *one = Value::Null;
            true
        }
        _ => false,
    }
}

/// The beginning of a text, with a mark where it was cut.
pub(super) fn text(long: &str) -> String {
    cut::to_chars(long, TEXT_CHARS_MAX)
}

/// The beginning of a name.
pub(super) fn name(long: &str) -> String {
    cut::to_chars(long, NAME_CHARS_MAX)
}

/// The sentence about what is left out, and the command that has all of it.
pub(super) fn whole_is_in(command: &str) -> String {
    format!("something is cut or left out; all of it: {command}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_values_and_lists_are_cut() {
        let long = "é".repeat(TEXT_CHARS_MAX + 1);
        let schema = json!({ "enum": vec!["choice"; 10_000] });
        let mut one = json!({ "step": 1, "label": long, "schema": schema, "kind": "ask" });
        assert!(entry(&mut one));
        assert_eq!(one["label"].as_str().map(|text| text.chars().count()), Some(TEXT_CHARS_MAX));
        assert_eq!(one["schemaBytes"], schema.to_string().len());
        assert!(one["schema"].is_null());
        assert!(!entry(&mut json!({ "a": [1], "b": "x" })));

        let short = |number: usize| Entries::of((0..number).map(|one| json!(one)), 20);
        assert!(short(20).is_whole());
        assert_eq!((short(900).listed.len(), short(900).left_out), (20, 880));
        // Each is cut to a page before it is counted.
        let entries = Entries::of(vec![json!(long.repeat(20)); 3], 20);
        assert_eq!(entries.listed.len(), 3);
        let big = json!({ "a": long, "b": long, "c": long, "d": long });
        let entries = Entries::of(vec![big; 20], 20);
        let bytes: usize = entries.listed.iter().map(|one| one.to_string().len()).sum();
        assert!(bytes <= LIST_BYTES_MAX && entries.left_out > 0 && entries.is_cut);
    }
}
