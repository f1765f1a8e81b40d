//! Whom a call was given to, as a journal says it.

use serde::{Deserialize, Serialize};

/// Whom a call was given to when its model's selector was read as naming a vendor:
/// which providers there were is known then, and nowhere written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addressee {
    /// Provider that was asked.
    pub provider: String,
    /// The vendor of the model.
    pub vendor: String,
}
