//! The statements that read.
//!
//! Owns: putting records together again, and the order of lists. Never: looks
//! into a body further than to put large strings back.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, ToSql, params};
use smol_wf_core::ids::{Digest, RunId, TenantId};
use smol_wf_core::journal::Record;

use super::Session;
use super::write::{seal_of, unsigned};
use crate::pack::{UnpackError, unpack};
use crate::{LeaseRow, Page, RunKey, RunRow, StoreError, Stretch};

/// Text behind every run id and every other text that starts like one.
const BEHIND_ALL: &str = "\u{10FFFF}";

/// Large strings that were read already: a prompt often stands in many records.
type Seen = HashMap<Digest, String>;

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

/// Continues with a condition, an order and a limit.
const LISTED: &str = "
    SELECT r.run, r.name, r.created_at_us, r.length, r.tip, r.owner, r.fence, r.expires_at_us,
           s.text, s.seal
    FROM runs r LEFT JOIN summaries s
        ON s.tenant = r.tenant AND s.run = r.run AND s.length = r.length AND s.tip = r.tip";

impl Session<'_> {
    /// Without a limit: all that is left.
    pub(super) fn load_from(
        &self,
        key: &RunKey,
        first_seq: u64,
        limit: Option<u32>,
    ) -> Result<Option<Stretch>, StoreError> {
        let of_run = params![key.tenant.as_str(), key.run.as_str()];
        let first = i64::try_from(first_seq).unwrap_or(i64::MAX);
        // One more than is asked for tells whether more follow; SQLite takes a
        // negative limit for none.
        let most = limit.map_or(-1, |limit| i64::from(limit) + 1);
        let mut stored = self.rows(
            "SELECT kind, body, chain, moved, seq FROM entries
             WHERE tenant = ?1 AND run = ?2 AND seq >= ?3 ORDER BY seq LIMIT ?4",
            params![key.tenant.as_str(), key.run.as_str(), first, most],
            |row| Ok((unsigned(row.get(4)?), stored(row, 0)?)),
        )?;
        let is_last = limit.is_none_or(|limit| stored.len() <= limit as usize);
        if !is_last {
            stored.pop();
        }
        let ends = self.rows(
            "SELECT length, tip FROM runs WHERE tenant = ?1 AND run = ?2",
            of_run,
            |row| Ok((unsigned(row.get(0)?), row.get::<_, String>(1)?)),
        )?;
        if ends.is_empty() && stored.is_empty() {
            return Ok(None);
        }
        complete(first_seq, &stored, is_last, ends.first())
            .map_err(|reason| StoreError::Damaged { key: key.clone(), reason })?;
        let mut seen = Seen::new();
        let whole = |(_, stored)| self.whole(&key.tenant, stored, &mut seen);
        let records = stored.into_iter().map(whole).collect::<Result<_, _>>()?;
        Ok(Some(Stretch { records, is_last }))
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

    pub(super) fn wake_ups(
        &self,
        now_us: i64,
        limit: u32,
    ) -> Result<Vec<(RunKey, i64)>, StoreError> {
        let due: Vec<(String, String, i64)> = self.rows(
            "SELECT tenant, run, wake_at_us FROM runs
             WHERE wake_at_us <= ?1 AND (owner IS NULL OR expires_at_us <= ?1)
             ORDER BY wake_at_us, tenant, run LIMIT ?2",
            params![now_us, limit],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let keyed = |(tenant, run, time): (String, String, i64)| {
            let key = RunKey { tenant: TenantId::new(tenant), run: self.run_id(&run)? };
            Ok((key, time))
        };
        due.into_iter().map(keyed).collect()
    }

    pub(super) fn get_blob(
        &self,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Option<Vec<u8>>, StoreError> {
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

    fn rows<T>(
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

    fn run_id(&self, text: &str) -> Result<RunId, StoreError> {
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
        let back = unpack(&record.body, &mut |digest| {
            if let Some(text) = seen.get(digest) {
                return Ok(Some(text.clone()));
            }
            let Some(bytes) = self.get_blob(tenant, digest)? else { return Ok(None) };
            let text = String::from_utf8(bytes)
                .map_err(|_| self.corrupt(format!("the value {digest} is no text")))?;
            seen.insert(digest.clone(), text.clone());
            Ok(Some(text))
        });
        record.body = back.map_err(|error| match error {
            UnpackError::Lookup(error) => error,
            UnpackError::Missing(digest) => {
                self.corrupt(format!("the value {digest} of an entry is missing"))
            }
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
    stored: &[(u64, Stored)],
    is_last: bool,
    end: Option<&(u64, String)>,
) -> Result<(), String> {
    let Some((length, tip)) = end else {
        return Err("there are entries, and the run itself is missing".to_owned());
    };
    for (expected, (seq, _)) in (first_seq..).zip(stored) {
        if expected != *seq {
            return Err(format!("entry {expected} of {length} is missing"));
        }
    }
    if !is_last {
        return Ok(());
    }
    let there = first_seq.saturating_add(stored.len() as u64);
    if there < *length || there == 0 {
        return Err(format!("entry {there} of {length} is missing, and all that followed"));
    }
    if there > *length {
        return Err(format!("there are {there} entries, and {length} were written"));
    }
    match stored.last() {
        Some((_, last)) if last.record.chain == *tip => Ok(()),
        _ => Err(format!("entry {} is not the one that was written last", length - 1)),
    }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let owner: Option<String> = row.get(5)?;
    let fence = unsigned(row.get(6)?);
    let expires_at_us = row.get(7)?;
    let text: Option<String> = row.get(8)?;
    Ok(Listed {
        run: row.get(0)?,
        name: row.get(1)?,
        created_at_us: row.get(2)?,
        length: row.get(3)?,
        tip: row.get(4)?,
        lease: owner.map(|owner| LeaseRow { owner, fence, expires_at_us }),
        summary: text.zip(row.get(9)?),
    })
}
