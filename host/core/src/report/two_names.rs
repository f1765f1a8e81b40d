//! Values that a document has under two names: a new one, and an older one.
//!
//! Owns: the pairs `result` and `results`, `label` and `title`; each value is in memory
//! once. Never: events; they keep their recorded keys.

use std::ops::Deref;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// What a script returned, as JSON text; `null` until then. Serialised as `result`
/// and, for readers of older reports, as `results`.
#[derive(Debug, Clone)]
pub struct RunResult(Box<RawValue>);

/// Label of a step. Serialised as `label` and, for readers of older documents, as
/// `title`.
#[derive(Debug, Clone)]
pub struct StepLabel(String);

impl From<Box<RawValue>> for RunResult {
    fn from(result: Box<RawValue>) -> Self {
        Self(result)
    }
}

impl Deref for RunResult {
    type Target = RawValue;

    fn deref(&self) -> &RawValue {
        &self.0
    }
}

impl Serialize for RunResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        both(serializer, ["result", "results"], &self.0)
    }
}

impl From<String> for StepLabel {
    fn from(label: String) -> Self {
        Self(label)
    }
}

impl Deref for StepLabel {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Serialize for StepLabel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        both(serializer, ["label", "title"], &self.0)
    }
}

fn both<S: Serializer>(
    serializer: S,
    names: [&str; 2],
    value: &impl Serialize,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(names.len()))?;
    for name in names {
        map.serialize_entry(name, value)?;
    }
    map.end()
}
