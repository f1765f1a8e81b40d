//! The difference between a replay and its journal.
//!
//! Owns: the fields of a difference, and its message. Never: finds one.

use crate::ids::StepId;

/// The script does something else than its journal records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("the replay differs from the journal at entry {seq}{}", in_words(self))]
pub struct Mismatch {
    /// Number of the entry, from 0.
    pub seq: u64,
    /// The step that it is about, or else the last one before it.
    pub step: Option<StepId>,
    /// The recorded entry.
    pub recorded: String,
    /// What happened this time.
    pub now: String,
    /// Fields that differ, if both sides are entries of the same kind.
    pub fields: Vec<FieldDiff>,
}

/// One field of an entry, on both sides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldDiff {
    /// Its path, such as `request.prompt`.
    pub field: String,
    /// The recorded value: text as it is, anything else as JSON; none if it is not set.
    pub recorded: Option<String>,
    /// The new value, in the same form.
    pub now: Option<String>,
}

/// The rest of the message: the step, and the names of the fields that differ or both
/// entries.
fn in_words(mismatch: &Mismatch) -> String {
    let Mismatch { step, recorded, now, fields, .. } = mismatch;
    let step = step.map(|step| format!(", step {step}")).unwrap_or_default();
    if fields.is_empty() {
        return format!("{step}:\n  recorded: {recorded}\n  now:      {now}");
    }
    let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    format!("{step}: {} is not what was recorded", names.join(", "))
}
