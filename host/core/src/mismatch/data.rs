//! The difference between a replay and its journal.
//!
//! Owns: what of it is kept, and its line for people. Never: finds one.

use crate::ids::StepId;

/// The script asks for something else than the journal holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("the replay differs from the journal at entry {seq}{}", in_words(self))]
pub struct Mismatch {
    /// Number of the entry, from 0.
    pub seq: u64,
    /// The call that it is about, else the last one that was made.
    pub step: Option<StepId>,
    /// What is written.
    pub recorded: String,
    /// What happened this time.
    pub now: String,
    /// Fields that differ, when both sides are entries of one kind.
    pub fields: Vec<FieldDiff>,
}

/// One field of an entry, on both sides.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldDiff {
    /// Such as `request.prompt`.
    pub field: String,
    /// Text as it is, anything else as JSON; none where it is not set.
    pub recorded: Option<String>,
    /// As above.
    pub now: Option<String>,
}

/// The rest of the message: the step, and either the names of the fields that
/// differ, or both entries whole.
fn in_words(mismatch: &Mismatch) -> String {
    let Mismatch { step, recorded, now, fields, .. } = mismatch;
    let step = step.map(|step| format!(", step {step}")).unwrap_or_default();
    if fields.is_empty() {
        return format!("{step}:\n  recorded: {recorded}\n  now:      {now}");
    }
    let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    format!("{step}: {} is not what was recorded", names.join(", "))
}
