//! Identities: runs, steps, timers, scopes, tenants, digests.
//!
//! Owns: their shapes and how they are written. Never: draws random numbers; a new id
//! is given its bits.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Crockford's base 32, without `i`, `l`, `o` and `u`, so that an id can be read aloud.
const BASE32: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The prefix of every run id.
pub const RUN_ID_PREFIX: &str = "run_";

/// Characters of a run id after its prefix: 26 of 5 bits hold 128 bits.
const RUN_ID_CHARS: usize = 26;

/// A run, globally unique: `run_` and 128 random bits in 26 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// A text that is not a run id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a run id: those are `run_` and 26 letters or digits")]
pub struct RunIdError(pub String);

impl RunId {
    /// The id with these bits, which the caller drew at random.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        let mut text = String::with_capacity(RUN_ID_PREFIX.len() + RUN_ID_CHARS);
        text.push_str(RUN_ID_PREFIX);
        for position in (0..RUN_ID_CHARS).rev() {
            let digit = (bits >> (position * 5)) & 31;
            text.push(char::from(BASE32[digit as usize]));
        }
        Self(text)
    }

    /// Reads an id that a person or a file gave.
    ///
    /// # Errors
    /// When the text has another shape.
    pub fn parse(text: &str) -> Result<Self, RunIdError> {
        let valid = text.strip_prefix(RUN_ID_PREFIX).is_some_and(|rest| {
            rest.len() == RUN_ID_CHARS && rest.bytes().all(|byte| BASE32.contains(&byte))
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(RunIdError(text.to_owned())) }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = RunIdError;
    fn try_from(text: String) -> Result<Self, RunIdError> {
        Self::parse(&text)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// The owner of runs. Part of every key in the store; a database of one person has one
/// tenant, [`TenantId::local`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TenantId(String);

impl TenantId {
    /// The tenant of a single-user database.
    #[must_use]
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// A tenant by name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name, as in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Number of a step within its run: from 1, in the order in which the script asked, the
/// same in every replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId(pub u32);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Number of a timer within its run: from 1, in the order in which the script set them,
/// the same in every replay. Timers are not steps, and have numbers of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerId(pub u32);

impl fmt::Display for TimerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One script of a run: 0 is the run's own, any other number is the `workflow` step
/// that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope(pub u32);

impl Scope {
    /// The run's own script.
    pub const ROOT: Self = Self(0);

    /// The scope that a `workflow` step opens.
    #[must_use]
    pub fn of(step: StepId) -> Self {
        Self(step.0)
    }

    /// The `workflow` step that opened this scope; none for the root.
    #[must_use]
    pub fn opened_by(self) -> Option<StepId> {
        (self != Self::ROOT).then_some(StepId(self.0))
    }

    /// How many workflows deep: 0 for the root.
    #[must_use]
    pub fn depth(self) -> u32 {
        u32::from(self != Self::ROOT)
    }
}

/// BLAKE3 of some bytes, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }

    /// A digest that was computed elsewhere; the caller guarantees 64 hex digits.
    #[must_use]
    pub fn from_hex(hex: impl Into<String>) -> Self {
        Self(hex.into())
    }

    /// The digest as 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_reads_back_and_keeps_all_128_bits() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = RunId::from_bits(bits);
            assert_eq!(RunId::parse(id.as_str()).unwrap(), id);
        }
        assert_ne!(RunId::from_bits(1), RunId::from_bits(1 << 127));
    }

    #[test]
    fn an_invalid_run_id_is_refused() {
        for text in ["", "run_", "run_1", "latest", "run_0000000000000000000000000U"] {
            assert!(RunId::parse(text).is_err(), "{text}");
        }
    }
}
