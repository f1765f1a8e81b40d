//! The statements that read.
//!
//! Owns: putting records together again, and the order of lists. Never: looks
//! into a body further than to put large strings back.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, ToSql, params};
use smol_wf_core::archive::LINE_BYTES_MAX;
use smol_wf_core::ids::{Digest, RunId, TenantId};
use smol_wf_core::journal::Record;

use super::Session;
use super::leases::lease_at;
use super::write::{seal_of, unsigned};
use crate::pack::{UnpackError, unpack};
use crate::{Bound, LeaseRow, Page, RunKey, RunRow, StoreError, Stretch};

/// Text behind every run id and every other text that starts like one.
const BEHIND_ALL: &str = "\u{10FFFF}";

/// Large strings that were read already: a prompt often stands in many records.
#[derive(Default)]
struct Seen {
    texts: HashMap<Digest, String>,
    bytes: usize,
}

/// Bytes of large strings that are kept while a stretch is read.
const SEEN_BYTES_MAX: usize = 1024 * 1024;

impl Seen {
    fn keep(&mut self, digest: &Digest, text: &str) {
        let bytes = self.bytes + text.len();
        if bytes <= SEEN_BYTES_MAX {
            self.bytes = bytes;
            self.texts.insert(digest.clone(), text.to_owned());
        }
    }
}

/// Records and their numbers.
struct Read {
    records: Vec<Record>,
    seqs: Vec<u64>,
    is_last: bool,
}

/// A record as it is in the table.
struct Stored {
    record: Record,
    moved: bool,
}

/// A run as the statement below has it.
struct Listed {
    run: String,
    name: String,
    created_at_us: i64,
    length: i64,
    tip: String,
    lease: Option<LeaseRow>,
    summary: Option<(String, String)>,
}

/// Continues with a condition, an order and a limit. A summary counts while the
/// entries end where the run's row says; what else is changed takes it along
/// (`0003_changed.sql`).
const LISTED: &str = "
    SELECT r.run, r.name, r.created_at_us, r.length, r.tip, r.owner, r.fence, r.expires_at_us,
           s.text, s.seal
    FROM runs r LEFT JOIN summaries s
        ON s.tenant = r.tenant AND s.run = r.run AND s.length = r.length AND s.tip = r.tip
        AND (r.length - 1, r.tip) =
            (SELECT e.seq, e.chain FROM entries e WHERE e.tenant = r.tenant AND e.run = r.run
             ORDER BY e.seq DESC LIMIT 1)";

impl Session<'_> {
    pub(super) fn load_from(
        &self,
        key: &RunKey,
        first_seq: u64,
        bound: Bound,
    ) -> Result<Option<Stretch>, StoreError> {
        let Read { records, seqs, is_last } = self.stretch(key, first_seq, bound)?;
        let ends = self.rows(
            "SELECT length, tip FROM runs WHERE tenant = ?1 AND run = ?2",
            params![key.tenant.as_str(), key.run.as_str()],
            |row| Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?)),
        )?;
        if ends.is_empty() && records.is_empty() {
            return Ok(None);
        }
        let tip = records.last().map(|record| record.chain.as_str());
        complete(first_seq, &seqs, tip, is_last, ends.first())
            .map_err(|reason| StoreError::Damaged { key: key.clone(), reason })?;
        Ok(Some(Stretch { records, is_last }))
    }

    /// Row by row, so that what does not fit into the bound is never in memory.
    fn stretch(&self, key: &RunKey, first_seq: u64, bound: Bound) -> Result<Read, StoreError> {
        let failed = |error| self.fail(&error);
        let first = i64::try_from(first_seq).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT kind, body, chain, moved, seq FROM entries
                 WHERE tenant = ?1 AND run = ?2 AND seq >= ?3 ORDER BY seq",
            )
            .map_err(failed)?;
        let values = params![key.tenant.as_str(), key.run.as_str(), first];
        let mut rows = statement.query(values).map_err(failed)?;
        let mut read = Read { records: Vec::new(), seqs: Vec::new(), is_last: true };
        let mut seen = Seen::default();
        let mut bytes = 0_usize;
        while let Some(row) = rows.next().map_err(failed)? {
            let is_full = read.records.len() >= bound.records as usize || bytes >= bound.bytes;
            if is_full && !read.records.is_empty() {
                read.is_last = false;
                break;
            }
            let seq = row.get(4).map_err(failed)?;
            let record = self.whole(&key.tenant, stored(row, 0).map_err(failed)?, &mut seen)?;
            bytes = bytes.saturating_add(record.body.len());
            read.seqs.push(unsigned(seq));
            read.records.push(record);
        }
        Ok(read)
    }

    pub(super) fn list(
        &self,
        tenant: &TenantId,
        page: &Page<'_>,
    ) -> Result<Vec<RunRow>, StoreError> {
        let (time, run) =
            page.before.map_or((i64::MAX, BEHIND_ALL), |(time, run)| (time, run.as_str()));
        let order = "AND (r.created_at_us, r.run) < (?2, ?3)
                     AND r.created_at_us >= ?5 AND r.created_at_us < ?6
                     ORDER BY r.created_at_us DESC, r.run DESC LIMIT ?4";
        let (since, until) = (page.since_us.unwrap_or(i64::MIN), page.until_us.unwrap_or(i64::MAX));
        match page.name {
            None => self.listed(
                tenant,
                &format!("{LISTED} WHERE r.tenant = ?1 {order}"),
                params![tenant.as_str(), time, run, page.limit, since, until],
            ),
            Some(name) => self.listed(
                tenant,
                &format!("{LISTED} WHERE r.tenant = ?1 AND r.name = ?7 {order}"),
                params![tenant.as_str(), time, run, page.limit, since, until, name],
            ),
        }
    }

    pub(super) fn newest(
        &self,
        tenant: &TenantId,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        // A rowid only grows, and VACUUM keeps their order. Found by way of the
        // runs, whose number is not that of the entries.
        self.listed(
            tenant,
            &format!(
                "{LISTED} WHERE r.tenant = ?1
                 ORDER BY (SELECT e.rowid FROM entries e
                           WHERE e.tenant = r.tenant AND e.run = r.run AND e.seq = 0) DESC,
                          r.created_at_us DESC, r.run DESC
                 LIMIT ?3 OFFSET ?2"
            ),
            params![tenant.as_str(), skip, limit],
        )
    }

    pub(super) fn find(
        &self,
        tenant: &TenantId,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        self.listed(
            tenant,
            &format!(
                "{LISTED} WHERE r.tenant = ?1 AND r.run >= ?2 AND r.run < ?3
                 ORDER BY r.run LIMIT ?4"
            ),
            params![tenant.as_str(), prefix, format!("{prefix}{BEHIND_ALL}"), limit],
        )
    }

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

    fn listed(
        &self,
        tenant: &TenantId,
        sql: &str,
        values: &[&dyn ToSql],
    ) -> Result<Vec<RunRow>, StoreError> {
        let rows = self.rows(sql, values, listed)?;
        let row = |row: Listed| {
            // One that was changed is none: it will be made again.
            let sound =
                |(text, seal): (String, String)| (seal == seal_of(&row.tip, &text)).then_some(text);
            Ok(RunRow {
                key: RunKey { tenant: tenant.clone(), run: self.run_id(&row.run)? },
                name: row.name,
                created_at_us: row.created_at_us,
                entries: unsigned(row.length),
                lease: row.lease,
                summary: row.summary.and_then(sound),
                tip: row.tip,
            })
        };
        rows.into_iter().map(row).collect()
    }

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

    pub(super) fn run_id(&self, text: &str) -> Result<RunId, StoreError> {
        RunId::parse(text).map_err(|error| self.corrupt(error.to_string()))
    }

    /// The record as it was appended.
    fn whole(
        &self,
        tenant: &TenantId,
        stored: Stored,
        seen: &mut Seen,
    ) -> Result<Record, StoreError> {
        let Stored { mut record, moved } = stored;
        if !moved {
            return Ok(record);
        }
        let back = unpack(&record.body, LINE_BYTES_MAX, &mut |digest| {
            if let Some(text) = seen.texts.get(digest) {
                return Ok(Some(text.clone()));
            }
            let Some(bytes) = self.get_blob(tenant, digest)? else { return Ok(None) };
            let text = String::from_utf8(bytes)
                .map_err(|_| self.corrupt(format!("the value {digest} is no text")))?;
            seen.keep(digest, &text);
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

fn stored(row: &Row<'_>, from: usize) -> rusqlite::Result<Stored> {
    let record =
        Record { kind: row.get(from)?, body: row.get(from + 1)?, chain: row.get(from + 2)? };
    Ok(Stored { record, moved: row.get(from + 3)? })
}

/// Whether nothing is missing, whatever the records say; else what is.
fn complete(
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

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let text: Option<String> = row.get(8)?;
    Ok(Listed {
        run: row.get(0)?,
        name: row.get(1)?,
        created_at_us: row.get(2)?,
        length: row.get(3)?,
        tip: row.get(4)?,
        lease: lease_at(row, 5)?,
        summary: text.zip(row.get(9)?),
    })
}
