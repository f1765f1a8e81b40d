//! The statements on messages.
//!
//! Owns: the table of messages, and the columns that count them. Never: begins or
//! commits a transaction.

use rusqlite::{OptionalExtension as _, Row, params};

use super::write::{signed, unsigned};
use super::{Session, fail};
use crate::inbox::{READ_BYTES_MAX, check_size};
use crate::{InboxState, NewMessage, RunKey, StoreError, StoredMessage};

/// How far the inbox of a run is.
pub(super) const INBOX: &str = "SELECT posted, taken FROM runs WHERE tenant = ?1 AND run = ?2";

/// The messages of a run after one of them.
pub(super) const MESSAGES: &str = "
    SELECT number, posted_by, posted_at_us, body FROM messages
    WHERE tenant = ?1 AND run = ?2 AND number > ?3 ORDER BY number LIMIT ?4";

/// Marks the messages of a run up to one of them as taken.
pub(super) const MARK_TAKEN: &str = "UPDATE runs SET taken = ?3 WHERE tenant = ?1 AND run = ?2";

/// Deletes the messages of a run up to one of them.
pub(super) const DELETE_TAKEN: &str =
    "DELETE FROM messages WHERE tenant = ?1 AND run = ?2 AND number <= ?3";

impl Session<'_> {
    pub(super) fn inbox(&self, key: &RunKey) -> Result<InboxState, StoreError> {
        self.connection
            .prepare_cached(INBOX)
            .and_then(|mut statement| {
                let values = params![key.tenant.as_str(), key.run.as_str()];
                statement.query_row(values, |row| inbox_at(row, 0)).optional()
            })
            .map_err(|error| self.fail(&error))?
            .ok_or_else(|| StoreError::NoSuchRun { key: key.clone() })
    }

    pub(super) fn post(&self, key: &RunKey, message: &NewMessage<'_>) -> Result<u64, StoreError> {
        check_size(key, message)?;
        let number = self.inbox(key)?.next_number(key)?;
        self.insert_message(key, number, message)?;
        self.execute(
            "UPDATE runs SET posted = ?3 WHERE tenant = ?1 AND run = ?2",
            params![key.tenant.as_str(), key.run.as_str(), signed(number)],
        )?;
        Ok(number)
    }

    fn insert_message(
        &self,
        key: &RunKey,
        number: u64,
        message: &NewMessage<'_>,
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO messages (tenant, run, number, posted_by, posted_at_us, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    key.tenant.as_str(),
                    key.run.as_str(),
                    signed(number),
                    message.by,
                    message.posted_at_us,
                    message.body,
                ])
            })
            .map(drop)
            .map_err(|error| {
                if !fail::is_refusal(&error) {
                    return self.fail(&error);
                }
                let reason = format!("message {number}: {error}");
                StoreError::Invalid { key: key.clone(), reason }
            })
    }

    /// Reads row by row, so that messages past the bound are never in memory.
    pub(super) fn messages(
        &self,
        key: &RunKey,
        after: u64,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        self.inbox(key)?;
        let read = || {
            let mut statement = self.connection.prepare_cached(MESSAGES)?;
            let values = params![key.tenant.as_str(), key.run.as_str(), signed(after), limit];
            let mut rows = statement.query(values)?;
            let (mut messages, mut bytes) = (Vec::new(), 0_usize);
            while bytes < READ_BYTES_MAX
                && let Some(row) = rows.next()?
            {
                let message = message(row)?;
                bytes = bytes.saturating_add(message.body.len());
                messages.push(message);
            }
            Ok(messages)
        };
        read().map_err(|error: rusqlite::Error| self.fail(&error))
    }

    /// Marks the messages of a run up to this one as taken, and deletes them.
    pub(super) fn take_messages(&self, key: &RunKey, up_to: u64) -> Result<(), StoreError> {
        let values = params![key.tenant.as_str(), key.run.as_str(), signed(up_to)];
        self.execute(MARK_TAKEN, values)?;
        self.execute(DELETE_TAKEN, values).map(drop)
    }
}

/// Reads how far an inbox is from two columns: posted, taken.
pub(super) fn inbox_at(row: &Row<'_>, from: usize) -> rusqlite::Result<InboxState> {
    Ok(InboxState { posted: unsigned(row.get(from)?), taken: unsigned(row.get(from + 1)?) })
}

fn message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage {
        number: unsigned(row.get(0)?),
        by: row.get(1)?,
        posted_at_us: row.get(2)?,
        body: row.get(3)?,
    })
}
