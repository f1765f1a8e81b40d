//! The statements that write.
//!
//! Owns: the check that a writer holds the run, in the transaction that writes. Never:
//! begins or commits a transaction.

use rusqlite::{OptionalExtension as _, Row, params};
use smol_wf_core::ids::{Digest, RunId, TenantId};
use smol_wf_core::journal::Record;

use super::entries::EntryTable;
use super::inbox::inbox_at;
use super::{Session, fail};
use crate::leases::FIRST_FENCE;
use crate::pack::pack;
use crate::{
    Append, Appended, InboxState, Lease, LeaseTerms, NewRun, RunFacts, RunKey, StoreError, Summary,
    Wake, clock,
};

/// Length of the journal, number of the run and state of its inbox, if this lease holds
/// it.
pub(super) const HELD: &str = "
    SELECT r.length, n.number, r.posted, r.taken
    FROM runs r LEFT JOIN numbers n ON n.tenant = r.tenant AND n.run = r.run
    WHERE r.tenant = ?1 AND r.run = ?2 AND r.owner = ?3 AND r.fence = ?4";

/// A run under a lease.
struct HeldRun {
    /// Length of its journal.
    entries: u64,
    table: EntryTable,
    inbox: InboxState,
}

impl Session<'_> {
    /// Creates a run with its first records.
    pub(super) fn create(
        &self,
        run: &NewRun,
        terms: Option<LeaseTerms<'_>>,
        records: &mut dyn Iterator<Item = Result<Record, StoreError>>,
    ) -> Result<(), StoreError> {
        let NewRun { key, facts, .. } = run;
        let facts = facts.as_ref();
        let rows = self.execute(
            "INSERT INTO runs
                 (tenant, run, name, created_at_us, wake_at_us, owner, fence, expires_at_us,
                  state, parent, place)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
            params![
                key.tenant.as_str(),
                key.run.as_str(),
                run.name,
                run.created_at_us,
                run.wake_at_us,
                terms.map(|terms| terms.owner),
                signed(terms.map_or(0, |_| FIRST_FENCE)),
                terms.map_or(0, |terms| clock::after(terms.lasting)),
                facts.map(|facts| facts.state.as_str()),
                facts.and_then(|facts| facts.parent.as_ref()).map(RunId::as_str),
                facts.map(|facts| &facts.place),
            ],
        )?;
        let number = if rows == 0 { None } else { self.number(key)? };
        let Some(number) = number else {
            return Err(StoreError::RunExists { key: key.clone() });
        };
        let table = EntryTable::Journal(number);
        let mut last = None;
        for (seq, record) in (0..).zip(records) {
            let record = record?;
            self.insert(key, table, seq, std::slice::from_ref(&record))?;
            last = Some((seq, record));
        }
        let Some((seq, last)) = last else { return Err(StoreError::no_records(key)) };
        self.seal(key, seq, &[last])
    }

    /// Appends a batch. A refused batch leaves no entry behind, but possibly large
    /// values to which nothing refers.
    pub(super) fn append(&self, batch: &Append<'_>) -> Result<Appended, StoreError> {
        let Append { lease, first_seq, records, state, wake, takes, release } = *batch;
        let key = &lease.key;
        let HeldRun { entries, table, inbox } = self.held(lease)?;
        if entries != first_seq {
            return Err(StoreError::OutOfSequence { key: key.clone(), entries, first_seq });
        }
        let takes = inbox.taking(key, takes)?;
        self.insert(key, table, first_seq, records)?;
        self.seal(key, first_seq, records)?;
        if let Some(up_to) = takes {
            self.take_messages(key, up_to)?;
        }
        if let Some(state) = state {
            // An unknown state stays unknown, so that all facts are read from the journal.
            self.execute(
                "UPDATE runs SET state = ?3 WHERE tenant = ?1 AND run = ?2 AND state IS NOT NULL",
                params![key.tenant.as_str(), key.run.as_str(), state.as_str()],
            )?;
        }
        if release {
            self.release(lease)?;
        }
        self.set_wake(key, wake)?;
        Ok(Appended { posted: inbox.posted })
    }

    fn set_wake(&self, key: &RunKey, wake: Wake) -> Result<(), StoreError> {
        let wake_at_us = match wake {
            Wake::Keep => return Ok(()),
            Wake::At(time) => Some(time),
            Wake::Never => None,
        };
        self.execute(
            "UPDATE runs SET wake_at_us = ?3 WHERE tenant = ?1 AND run = ?2",
            params![key.tenant.as_str(), key.run.as_str(), wake_at_us],
        )?;
        Ok(())
    }

    /// Stores a large value that an entry of this run uses.
    fn put_blob(
        &self,
        RunKey { tenant, run }: &RunKey,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO blobs (tenant, digest, bytes) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            params![tenant.as_str(), digest.as_str(), bytes],
        )?;
        self.execute(
            "INSERT INTO blob_uses (tenant, run, digest) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            params![tenant.as_str(), run.as_str(), digest.as_str()],
        )?;
        Ok(())
    }

    pub(super) fn put_summaries(
        &self,
        tenant: &TenantId,
        summaries: &[Summary],
    ) -> Result<(), StoreError> {
        for summary in summaries {
            self.execute(
                "INSERT INTO summaries (tenant, run, length, tip, text, seal)
                 SELECT tenant, run, length, tip, ?5, ?6 FROM runs
                 WHERE tenant = ?1 AND run = ?2 AND length = ?3 AND tip = ?4
                 ON CONFLICT (tenant, run) DO UPDATE SET
                     length = excluded.length, tip = excluded.tip,
                     text = excluded.text, seal = excluded.seal",
                params![
                    tenant.as_str(),
                    summary.run.as_str(),
                    signed(summary.entries),
                    summary.tip,
                    summary.text,
                    seal_of(&summary.tip, &summary.text),
                ],
            )?;
        }
        Ok(())
    }

    pub(super) fn put_facts(
        &self,
        tenant: &TenantId,
        found: &[RunFacts],
    ) -> Result<(), StoreError> {
        for RunFacts { run, entries, tip, facts } in found {
            self.execute(
                "UPDATE runs SET state = ?5, parent = ?6, place = ?7
                 WHERE tenant = ?1 AND run = ?2 AND length = ?3 AND tip = ?4
                     AND state IS NULL",
                params![
                    tenant.as_str(),
                    run.as_str(),
                    signed(*entries),
                    tip,
                    facts.state.as_str(),
                    facts.parent.as_ref().map(RunId::as_str),
                    facts.place,
                ],
            )?;
        }
        Ok(())
    }

    /// Writes the new length and last digest of the journal into the run's row.
    fn seal(&self, key: &RunKey, first_seq: u64, records: &[Record]) -> Result<(), StoreError> {
        let Some(last) = records.last() else { return Ok(()) };
        let length = first_seq + records.len() as u64;
        self.execute(
            "UPDATE runs SET length = ?3, tip = ?4 WHERE tenant = ?1 AND run = ?2",
            params![key.tenant.as_str(), key.run.as_str(), signed(length), last.chain],
        )?;
        Ok(())
    }

    /// The run of a lease. Refuses a lease that no longer holds it.
    fn held(&self, lease: &Lease) -> Result<HeldRun, StoreError> {
        self.connection
            .prepare_cached(HELD)
            .and_then(|mut statement| {
                let values = params![
                    lease.key.tenant.as_str(),
                    lease.key.run.as_str(),
                    lease.owner,
                    signed(lease.fence),
                ];
                let held = |row: &Row<'_>| {
                    let (entries, table) = (unsigned(row.get(0)?), EntryTable::of(row.get(1)?));
                    Ok(HeldRun { entries, table, inbox: inbox_at(row, 2)? })
                };
                statement.query_row(values, held).optional()
            })
            .map_err(|error| self.fail(&error))?
            .ok_or_else(|| StoreError::lost(lease))
    }

    /// Inserts records from `first_seq` on, or none of them.
    fn insert(
        &self,
        key: &RunKey,
        table: EntryTable,
        first_seq: u64,
        records: &[Record],
    ) -> Result<(), StoreError> {
        for (seq, record) in (first_seq..).zip(records) {
            let packed = pack(&record.body);
            for (digest, text) in packed.iter().flat_map(|packed| &packed.moved) {
                self.put_blob(key, digest, text.as_bytes())?;
            }
            let moved = packed.is_some();
            let body = packed.as_ref().map_or(record.body.as_str(), |packed| &packed.text);
            match self.insert_entry(key, table, signed(seq), (record, body), moved) {
                Ok(_) => {}
                Err(error) if fail::is_refusal(&error) => {
                    // Other batches share the transaction, so only this one is undone.
                    self.delete_entries(key, table, first_seq)?;
                    let reason = format!("entry {seq}: {error}");
                    return Err(StoreError::Invalid { key: key.clone(), reason });
                }
                Err(error) => return Err(self.fail(&error)),
            }
        }
        Ok(())
    }

    /// Runs a cached statement and returns the number of changed rows.
    pub(super) fn execute(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<usize, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map_err(|error| self.fail(&error))
    }
}

/// The seal of a summary, by which a summary that was edited is noticed.
pub(super) fn seal_of(tip: &str, text: &str) -> String {
    Digest::of(format!("{tip}\n{text}").as_bytes()).to_string()
}

/// A number for SQLite, which has no unsigned ones. None of ours comes near the limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number from SQLite. The schema keeps these from being negative.
pub(super) fn unsigned(number: i64) -> u64 {
    number.unsigned_abs()
}
