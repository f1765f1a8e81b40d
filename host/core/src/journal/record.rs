//! Entries as text, and the chain of digests that covers them.
//!
//! Owns: sealing records and reading them back. Never: stores them.

use super::{Entry, JournalError};

/// An entry as a store keeps it: its text, and a digest of this text and the digest
/// before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The entry's kind, for people who look into the database.
    pub kind: String,
    /// JSON text of the entry.
    pub body: String,
    /// BLAKE3 of the previous record's chain and this body, in hex.
    pub chain: String,
}

/// Seals the entries of a journal, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    last: String,
}

impl Chain {
    /// The chain at the start of a journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The chain after the last of these records.
    #[must_use]
    pub fn after(records: &[Record]) -> Self {
        Self { last: records.last().map(|record| record.chain.clone()).unwrap_or_default() }
    }

    /// The chain after the record with this digest.
    #[must_use]
    pub fn behind(last: String) -> Self {
        Self { last }
    }

    /// The record of the next entry.
    ///
    /// # Errors
    /// When the entry cannot be written as JSON, which does not happen to entries that
    /// this program makes.
    pub fn seal(&mut self, entry: &Entry) -> Result<Record, serde_json::Error> {
        let body = serde_json::to_string(entry)?;
        self.last = link(&self.last, &body).to_hex().to_string();
        Ok(Record { kind: entry.body.kind().to_owned(), body, chain: self.last.clone() })
    }
}

/// Reads a whole journal and checks its chain.
///
/// # Errors
/// At the first record that is unreadable or was changed.
pub fn read(records: &[Record]) -> Result<Vec<Entry>, JournalError> {
    read_behind("", 0, records)
}

/// Reads a part of a journal: `last` is the chain of the record before it, `first_seq`
/// the number of its first record.
///
/// # Errors
/// At the first record that is unreadable or was changed.
pub fn read_behind<'a>(
    mut last: &'a str,
    first_seq: u64,
    records: &'a [Record],
) -> Result<Vec<Entry>, JournalError> {
    let mut entries = Vec::with_capacity(records.len());
    for (seq, record) in (first_seq..).zip(records) {
        if link(last, &record.body).to_hex().as_str() != record.chain {
            return Err(JournalError::Changed { seq });
        }
        last = &record.chain;
        entries.push(super::parse::entry(seq, &record.kind, &record.body)?);
    }
    Ok(entries)
}

fn link(last: &str, body: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(last.as_bytes());
    hasher.update(body.as_bytes());
    hasher.finalize()
}
