//! Entries as text, and the chain of digests that covers them.
//!
//! Owns: sealing records and reading them back. Never: stores them.

use super::{Entry, JournalError};

/// An entry as a store keeps it: text, and a digest that covers this text and
/// the digest before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The entry's kind, for people who look into the database.
    pub kind: String,
    /// JSON text of the entry.
    pub body: String,
    /// BLAKE3 of the previous record's chain and this body, in hex.
    pub chain: String,
}

/// Writes records, one after the other.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    last: String,
}

impl Chain {
    /// At the start of a journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Behind the last of these records.
    #[must_use]
    pub fn after(records: &[Record]) -> Self {
        Self { last: records.last().map(|record| record.chain.clone()).unwrap_or_default() }
    }

    /// Behind the record with this digest.
    #[must_use]
    pub fn behind(last: String) -> Self {
        Self { last }
    }

    /// The next record.
    ///
    /// # Errors
    /// When the entry cannot be written as JSON, which no entry of this
    /// program's making can be.
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

/// Reads a part of a journal: `last` is the chain of the record before it,
/// `first_seq` the number of its first one.
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
