//! Who was asked to answer a step, as journaled.
//!
//! Owns: the fields. Never: decides who is asked.

use serde::{Deserialize, Serialize};

/// Who was asked for a step whose model's selector names a vendor. That depends on the
/// providers that existed then, which the journal does not record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressee {
    /// Provider that was asked.
    pub provider: String,
    /// The vendor of the model.
    pub vendor: String,
}
