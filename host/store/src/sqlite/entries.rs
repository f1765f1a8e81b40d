//! The entries of a run, in either of two tables.
//!
//! Owns: the statements on entries. Never: who may write, or the columns of the run's
//! row that describe its journal.

use rusqlite::{OptionalExtension as _, Row, Rows, params};
use smol_wf_core::journal::Record;

use super::Session;
use super::write::signed;
use crate::{RunKey, StoreError};

/// The table with the entries of a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum EntryTable {
    /// `journal`, in which the run has this number.
    Journal(i64),
    /// `older_entries`, in which the run has its id: a program up to schema 3 made it.
    Older,
}

impl EntryTable {
    /// The table of a run with this number, or without a number.
    pub(super) fn of(number: Option<i64>) -> Self {
        number.map_or(Self::Older, Self::Journal)
    }
}

/// A record as it is stored: large strings may have moved to `blobs`.
pub(super) struct StoredEntry {
    pub(super) seq: i64,
    pub(super) record: Record,
    pub(super) moved: bool,
}

impl StoredEntry {
    /// Reads a row of the columns seq, kind, body, chain, moved.
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let record = Record { kind: row.get(1)?, body: row.get(2)?, chain: row.get(3)? };
        Ok(Self { seq: row.get(0)?, record, moved: row.get(4)? })
    }
}

impl Session<'_> {
    /// Gives a new run its number; none if the run has one already.
    pub(super) fn number(&self, key: &RunKey) -> Result<Option<i64>, StoreError> {
        let rows = self.execute(
            "INSERT INTO numbers (tenant, run) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![key.tenant.as_str(), key.run.as_str()],
        )?;
        Ok((rows > 0).then(|| self.connection.last_insert_rowid()))
    }

    /// The table with the entries of this run.
    pub(super) fn table(&self, key: &RunKey) -> Result<EntryTable, StoreError> {
        self.connection
            .prepare_cached("SELECT number FROM numbers WHERE tenant = ?1 AND run = ?2")
            .and_then(|mut statement| {
                let values = params![key.tenant.as_str(), key.run.as_str()];
                statement.query_row(values, |row| row.get(0)).optional()
            })
            .map(EntryTable::of)
            .map_err(|error| self.fail(&error))
    }

    /// Inserts one entry. `body` is the record's body, packed if `moved`.
    pub(super) fn insert_entry(
        &self,
        key: &RunKey,
        table: EntryTable,
        seq: i64,
        (Record { kind, chain, .. }, body): (&Record, &str),
        moved: bool,
    ) -> rusqlite::Result<usize> {
        match table {
            EntryTable::Journal(number) => self
                .connection
                .prepare_cached(
                    "INSERT INTO journal (run, seq, kind, body, chain, moved)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![number, seq, kind, body, chain, moved]),
            EntryTable::Older => self
                .connection
                .prepare_cached(
                    "INSERT INTO older_entries (tenant, run, seq, kind, body, chain, moved)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute(params![
                    key.tenant.as_str(),
                    key.run.as_str(),
                    seq,
                    kind,
                    body,
                    chain,
                    moved
                ]),
        }
    }

    /// Deletes the entries of a run from `first_seq` on.
    pub(super) fn delete_entries(
        &self,
        key: &RunKey,
        table: EntryTable,
        first_seq: u64,
    ) -> Result<(), StoreError> {
        match table {
            EntryTable::Journal(number) => self.execute(
                "DELETE FROM journal WHERE run = ?1 AND seq >= ?2",
                params![number, signed(first_seq)],
            ),
            EntryTable::Older => self.execute(
                "DELETE FROM older_entries WHERE tenant = ?1 AND run = ?2 AND seq >= ?3",
                params![key.tenant.as_str(), key.run.as_str(), signed(first_seq)],
            ),
        }
        .map(drop)
    }

    /// Passes the entries of a run from `first_seq` on to `read`, which takes as many
    /// rows as it wants.
    pub(super) fn read_entries<T>(
        &self,
        key: &RunKey,
        table: EntryTable,
        first_seq: u64,
        read: impl FnOnce(&mut Rows<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = |error| self.fail(&error);
        let first = signed(first_seq);
        match table {
            EntryTable::Journal(number) => {
                let mut statement = self
                    .connection
                    .prepare_cached(
                        "SELECT seq, kind, body, chain, moved FROM journal
                         WHERE run = ?1 AND seq >= ?2 ORDER BY seq",
                    )
                    .map_err(failed)?;
                read(&mut statement.query(params![number, first]).map_err(failed)?)
            }
            EntryTable::Older => {
                let mut statement = self
                    .connection
                    .prepare_cached(
                        "SELECT seq, kind, body, chain, moved FROM older_entries
                         WHERE tenant = ?1 AND run = ?2 AND seq >= ?3 ORDER BY seq",
                    )
                    .map_err(failed)?;
                let values = params![key.tenant.as_str(), key.run.as_str(), first];
                read(&mut statement.query(values).map_err(failed)?)
            }
        }
    }
}
