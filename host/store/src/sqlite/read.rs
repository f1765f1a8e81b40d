//! The statements that read journals.
//!
//! Owns: restoring records, and noticing missing ones. Never: looks into a body except
//! to put large strings back.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, ToSql, params};
use smol_wf_core::archive::LINE_BYTES_MAX;
use smol_wf_core::ids::{Digest, RunId, TenantId};
use smol_wf_core::journal::Record;

use super::Session;
use super::entries::StoredEntry;
use super::write::unsigned;
use crate::pack::{UnpackError, unpack};
use crate::{ReadLimit, RunKey, Segment, StoreError};

/// Large strings that were read before: many records often have the same prompt.
#[derive(Default)]
struct TextCache {
    texts: HashMap<Digest, String>,
    bytes: usize,
}

/// Most bytes of large strings that are cached while a segment is read.
const CACHE_BYTES_MAX: usize = 1024 * 1024;

impl TextCache {
    fn keep(&mut self, digest: &Digest, text: &str) {
        let bytes = self.bytes + text.len();
        if bytes <= CACHE_BYTES_MAX {
            self.bytes = bytes;
            self.texts.insert(digest.clone(), text.to_owned());
        }
    }
}

/// Records and their numbers, as they were read.
struct ReadRecords {
    records: Vec<Record>,
    seqs: Vec<u64>,
    is_last: bool,
}

impl Session<'_> {
    /// Reads a segment of a journal; none if the run does not exist.
    pub(super) fn load_from(
        &self,
        key: &RunKey,
        first_seq: u64,
        limit: ReadLimit,
    ) -> Result<Option<Segment>, StoreError> {
        let ReadRecords { records, seqs, is_last } = self.segment(key, first_seq, limit)?;
        let ends = self.rows(
            "SELECT length, tip FROM runs WHERE tenant = ?1 AND run = ?2",
            params![key.tenant.as_str(), key.run.as_str()],
            |row| Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?)),
        )?;
        if ends.is_empty() && records.is_empty() {
            return Ok(None);
        }
        let tip = records.last().map(|record| record.chain.as_str());
        check_complete(first_seq, &seqs, tip, is_last, ends.first())
            .map_err(|reason| StoreError::Damaged { key: key.clone(), reason })?;
        Ok(Some(Segment { records, is_last }))
    }

    /// Reads row by row, so that records past the limit are never in memory.
    fn segment(
        &self,
        key: &RunKey,
        first_seq: u64,
        limit: ReadLimit,
    ) -> Result<ReadRecords, StoreError> {
        let failed = |error| self.fail(&error);
        self.read_entries(key, self.table(key)?, first_seq, |rows| {
            let mut read = ReadRecords { records: Vec::new(), seqs: Vec::new(), is_last: true };
            let mut cache = TextCache::default();
            let mut bytes = 0_usize;
            while let Some(row) = rows.next().map_err(failed)? {
                let is_full = read.records.len() >= limit.records as usize || bytes >= limit.bytes;
                if is_full && !read.records.is_empty() {
                    read.is_last = false;
                    break;
                }
                let stored = StoredEntry::of(row).map_err(failed)?;
                let seq = unsigned(stored.seq);
                let record = self.whole(&key.tenant, stored, &mut cache)?;
                bytes = bytes.saturating_add(record.body.len());
                read.seqs.push(seq);
                read.records.push(record);
            }
            Ok(read)
        })
    }

    /// A large value; none if it is missing.
    fn get_blob(&self, tenant: &TenantId, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.connection
            .prepare_cached("SELECT bytes FROM blobs WHERE tenant = ?1 AND digest = ?2")
            .and_then(|mut statement| {
                statement
                    .query_row(params![tenant.as_str(), digest.as_str()], |row| row.get(0))
                    .optional()
            })
            .map_err(|error| self.fail(&error))
    }

    /// Runs a cached statement and reads all its rows.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: &[&dyn ToSql],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(values, read)?.collect())
            .map_err(|error| self.fail(&error))
    }

    /// Parses a run id from a column.
    pub(super) fn run_id(&self, text: &str) -> Result<RunId, StoreError> {
        RunId::parse(text).map_err(|error| self.corrupt(error.to_string()))
    }

    /// The record as it was appended, with its large strings.
    fn whole(
        &self,
        tenant: &TenantId,
        stored: StoredEntry,
        cache: &mut TextCache,
    ) -> Result<Record, StoreError> {
        let StoredEntry { mut record, moved, .. } = stored;
        if !moved {
            return Ok(record);
        }
        let back = unpack(&record.body, LINE_BYTES_MAX, &mut |digest| {
            if let Some(text) = cache.texts.get(digest) {
                return Ok(Some(text.clone()));
            }
            let Some(bytes) = self.get_blob(tenant, digest)? else { return Ok(None) };
            let text = String::from_utf8(bytes)
                .map_err(|_| self.corrupt(format!("the value {digest} is not text")))?;
            cache.keep(digest, &text);
            Ok(Some(text))
        });
        record.body = back.map_err(|error| match error {
            UnpackError::Lookup(error) => error,
            UnpackError::Missing(digest) => {
                self.corrupt(format!("the value {digest} of an entry is missing"))
            }
            UnpackError::TooLarge => self.corrupt(format!(
                "the values of an entry come to more than {LINE_BYTES_MAX} bytes"
            )),
            UnpackError::Unreadable(reason) => self.corrupt(reason),
        })?;
        Ok(record)
    }
}

/// Checks that no record is missing, regardless of their content. The error names the
/// first missing record.
fn check_complete(
    first_seq: u64,
    seqs: &[u64],
    last_chain: Option<&str>,
    is_last: bool,
    end: Option<&(u64, String)>,
) -> Result<(), String> {
    let Some((length, tip)) = end else {
        return Err("there are entries, and the run itself is missing".to_owned());
    };
    for (expected, seq) in (first_seq..).zip(seqs) {
        if expected != *seq {
            return Err(format!("entry {expected} of {length} is missing"));
        }
    }
    if !is_last {
        return Ok(());
    }
    let there = first_seq.saturating_add(seqs.len() as u64);
    if there < *length || there == 0 {
        return Err(format!("entry {there} of {length} is missing, and all that followed"));
    }
    if seqs.is_empty() && there == *length {
        return Ok(());
    }
    if there > *length {
        return Err(format!("there are {there} entries, and {length} were written"));
    }
    match last_chain {
        Some(chain) if chain == tip => Ok(()),
        _ => Err(format!("entry {} is not the one that was written last", length - 1)),
    }
}
