//! A store in one SQLite file, shared by the processes of one machine.
//!
//! Owns: the connection, its transactions, and its replacement after a failure. Never:
//! keeps data in memory between two calls, so that every call sees what other
//! processes wrote.

mod delete;
mod entries;
mod fail;
mod inbox;
mod leases;
mod lists;
mod open;
mod open_files;
mod read;
mod read_only;
mod schema;
#[cfg(test)]
mod tests;
mod transactions;
mod write;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

pub use open::{BUSY_TIMEOUT, SQLITE_OLDEST};

use crate::{Append, Appended, Holder, HolderCheck, StoreError};
use open_files::OpenFiles;

/// Journals in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// None while in use, and after a failure: once a write or sync has failed, the
    /// connection's view of the disk is unreliable, so the next call opens another.
    connection: Option<Connection>,
    access: Access,
    check_holder: HolderCheck,
    /// None for a store that is only read.
    files: Option<OpenFiles>,
    lock_wait: Duration,
    /// Whether the whole log is in the database file.
    is_checkpointed: bool,
    /// Set once a file of the database was replaced. The path no longer leads to what
    /// this store opened, so every later call returns this error.
    replaced: Option<StoreError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    /// Reads the tables of an older program until the first write after it has ended.
    ReadOlder,
    Read,
}

/// A transaction in progress.
struct Session<'a> {
    connection: &'a Connection,
    path: &'a Path,
}

impl SqliteStore {
    /// Opens the database at this path, and creates it, readable only for its owner,
    /// if it does not exist.
    ///
    /// # Errors
    /// When it cannot be created, read or written, or belongs to another program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, BUSY_TIMEOUT, |_| Holder::Unknown)
    }

    /// Like [`Self::open`], but waits at most this long for another process that locks
    /// the database, and migrates the tables of an older program only if
    /// `check_holder` finds that no run in them is held.
    ///
    /// # Errors
    /// Those of [`Self::open`]; [`StoreError::Busy`], [`StoreError::OlderHolder`].
    pub fn open_within(
        path: &Path,
        at_most: Duration,
        check_holder: HolderCheck,
    ) -> Result<Self, StoreError> {
        let (connection, files) = open::open(path, at_most, check_holder)?;
        Ok(Self::with_connection(path, connection, Some(files), check_holder))
    }

    /// Like [`Self::open`], but opens a database that cannot be written for reading;
    /// calls that would change it are then refused.
    ///
    /// # Errors
    /// When it cannot be created or read, or belongs to another program.
    pub fn open_or_read(path: &Path) -> Result<Self, StoreError> {
        Self::open_or_read_within(path, BUSY_TIMEOUT, |_| Holder::Unknown)
    }

    /// Like [`Self::open_or_read`], but waits at most this long for another process
    /// that locks the database. Tables of an older program that still holds a run are
    /// read as they are; the first write after that program has ended migrates them.
    ///
    /// # Errors
    /// Those of [`Self::open_or_read`]; [`StoreError::Busy`].
    pub fn open_or_read_within(
        path: &Path,
        at_most: Duration,
        check_holder: HolderCheck,
    ) -> Result<Self, StoreError> {
        match Self::open_within(path, at_most, check_holder) {
            Err(StoreError::NotWritable { .. }) if path.is_file() => {
                Ok(Self::with_connection(path, read_only::open(path)?, None, check_holder))
            }
            Err(error @ StoreError::OlderHolder { .. }) => {
                let connection = read_only::open(path).map_err(|_| error)?;
                let store = Self::with_connection(path, connection, None, check_holder);
                Ok(Self { access: Access::ReadOlder, ..store })
            }
            outcome => outcome,
        }
    }

    /// Whether the file at this path is a database of this program. True also for a file
    /// that may not be read, so that opening it reports why.
    #[must_use]
    pub fn is_ours(path: &Path) -> bool {
        read_only::is_ours(path)
    }

    fn with_connection(
        path: &Path,
        connection: Connection,
        files: Option<OpenFiles>,
        check_holder: HolderCheck,
    ) -> Self {
        let access = if files.is_some() { Access::Write } else { Access::Read };
        let (path, connection) = (path.to_path_buf(), Some(connection));
        Self {
            path,
            connection,
            access,
            check_holder,
            files,
            lock_wait: BUSY_TIMEOUT,
            is_checkpointed: false,
            replaced: None,
        }
    }

    /// Path of the database, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads every page and checks that the file is intact. Takes about a second per
    /// gibibyte.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first defect; any failure to read.
    pub fn check(&mut self) -> Result<(), StoreError> {
        self.read(|session| {
            let verdict: String = session
                .connection
                .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
                .map_err(|error| session.fail(&error))?;
            if verdict == "ok" { Ok(()) } else { Err(session.corrupt(verdict)) }
        })
    }

    fn write<T>(
        &mut self,
        act: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.may_write()?;
        self.is_checkpointed = false;
        let outcome = self.transact(TransactionBehavior::Immediate, act);
        // A write to a file that no path leads to is not durable.
        match self.files.as_ref().map(OpenFiles::check) {
            Some(Err(error)) => Err(self.remember_replaced(error)),
            _ => outcome,
        }
    }

    /// Remembers the error if a file of the database was replaced.
    fn remember_replaced(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Replaced { .. }) {
            self.connection = None;
            self.replaced = Some(error.clone());
        }
        error
    }

    fn may_write(&mut self) -> Result<(), StoreError> {
        match self.access {
            Access::Write => Ok(()),
            Access::ReadOlder => {
                let opened = Self::open_within(&self.path, self.lock_wait, self.check_holder)?;
                *self = Self { lock_wait: self.lock_wait, ..opened };
                Ok(())
            }
            Access::Read => {
                let reason = "it may only be read".to_owned();
                Err(StoreError::NotWritable { path: self.path.clone(), reason })
            }
        }
    }

    fn read<T>(
        &mut self,
        act: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transact(TransactionBehavior::Deferred, act)
    }

    fn transact<T>(
        &mut self,
        behavior: TransactionBehavior,
        act: impl FnOnce(&Session<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.take_connection()?;
        let path = self.path.clone();
        let failed = |error| fail::sqlite(&path, &error);
        let outcome = (|| {
            let mut transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
            // Inside the transaction, which no migration can change any more.
            if self.files.is_none() && read_only::is_outdated(&transaction).map_err(failed)? {
                drop(transaction);
                connection = self.reopen()?;
                transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
            }
            let value = act(&Session { connection: &transaction, path: &path })?;
            transaction.commit().map_err(failed)?;
            Ok(value)
        })();
        let sound = match &outcome {
            Ok(_) | Err(StoreError::Busy { .. }) => true,
            Err(error) => error.is_refusal(),
        };
        if sound {
            self.connection = Some(connection);
        }
        outcome
    }

    /// Appends the last batch of a journal and makes a checkpoint. Both share one sync
    /// of the log, with which a checkpoint begins.
    fn append_last(
        &mut self,
        batch: &Append<'_>,
    ) -> Result<Result<Appended, StoreError>, StoreError> {
        self.may_write()?;
        let connection = self.take_connection()?;
        self.set_sync(&connection, "NORMAL")?;
        self.connection = Some(connection);
        let appended = self.write(|session| match session.append(batch) {
            Err(error) if !error.is_refusal() => Err(error),
            outcome => Ok(outcome),
        });
        // None after a failure; the next connection syncs again.
        let Some(connection) = self.connection.take() else { return appended };
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok(row.get::<_, i64>(0)? == 0 && row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
        });
        self.is_checkpointed = match copied.map_err(|error| fail::sqlite(&self.path, &error)) {
            Ok(is_whole) => is_whole,
            // Nothing was begun, or the log was synced before copying failed.
            Err(StoreError::Busy { .. } | StoreError::DiskFull { .. }) => false,
            // Perhaps the sync failed: the next one would wrongly succeed.
            Err(error) => return Err(error),
        };
        // Another process is reading or copying the log. Its entries are as durable
        // there once it is synced.
        if !self.is_checkpointed
            && let Some(files) = &self.files
        {
            files.sync_log()?;
        }
        self.set_sync(&connection, "FULL")?;
        self.connection = Some(connection);
        appended
    }

    fn set_sync(&self, connection: &Connection, how: &str) -> Result<(), StoreError> {
        connection
            .pragma_update(None, "synchronous", how)
            .map_err(|error| fail::sqlite(&self.path, &error))
    }

    /// Opens another connection. After a failed sync the kernel may take pages for
    /// written that are not; copying the log into the database writes them again.
    fn reopen(&mut self) -> Result<Connection, StoreError> {
        let Some(files) = &self.files else { return read_only::open(&self.path) };
        if let Err(error) = files.check_database() {
            return Err(self.remember_replaced(error));
        }
        let (connection, files) = open::open_there(&self.path, BUSY_TIMEOUT, self.check_holder)?;
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| fail::sqlite(&self.path, &error))?;
        self.files = Some(files);
        Ok(connection)
    }

    /// Takes the connection out, or opens another one after a failure.
    fn take_connection(&mut self) -> Result<Connection, StoreError> {
        if let Some(error) = &self.replaced {
            return Err(error.clone());
        }
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reopen()?,
        };
        connection
            .busy_timeout(self.lock_wait)
            .map_err(|error| fail::sqlite(&self.path, &error))?;
        Ok(connection)
    }
}

impl Session<'_> {
    fn fail(&self, error: &rusqlite::Error) -> StoreError {
        fail::sqlite(self.path, error)
    }

    fn corrupt(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Corrupt { path: self.path.to_path_buf(), reason: reason.into() }
    }
}
