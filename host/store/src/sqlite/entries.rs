//! The entries of a run, in whichever table they are.
//!
//! Owns: the statements on single entries. Never: who may write, or what the
//! run's row says of its journal.

use rusqlite::{OptionalExtension as _, Row, Rows, params};
use smol_wf_core::journal::Record;

use super::Session;
use super::write::signed;
use crate::{RunKey, StoreError};

/// Where the entries of a run are.
#[derive(Debug, Clone, Copy)]
pub(super) enum EntryTable {
    /// In `journal`, under this number.
    Journal(i64),
    /// In `older_entries`, under its name: a program up to schema 3 made the run.
    Older,
}

impl EntryTable {
    /// Of a number that may be missing.
    pub(super) fn of(number: Option<i64>) -> Self {
        number.map_or(Self::Older, Self::Journal)
    }
}

/// A record as it is in its table.
pub(super) struct StoredEntry {
    pub(super) seq: i64,
    pub(super) record: Record,
    pub(super) moved: bool,
}

impl StoredEntry {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let record = Record { kind: row.get(1)?, body: row.get(2)?, chain: row.get(3)? };
        Ok(Self { seq: row.get(0)?, record, moved: row.get(4)? })
    }
}

impl Session<'_> {
    /// A number for a new run; none when its name has one already.
    pub(super) fn number(&self, key: &RunKey) -> Result<Option<i64>, StoreError> {
        let rows = self.execute(
            "INSERT INTO numbers (tenant, run) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![key.tenant.as_str(), key.run.as_str()],
        )?;
        Ok((rows > 0).then(|| self.connection.last_insert_rowid()))
    }

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

    /// Deletes all entries from this one on.
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

    /// Hands on all entries from this one on, row by row, until there is no more
    /// or no more is wanted.
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
