//! A store in one SQLite file, shared by the processes of one machine.
//!
//! Owns: the connection, its transactions, and what becomes of it after a
//! failure. Never: keeps anything in memory between two calls but the
//! connection, so that what one process writes the next one reads.

mod delete;
mod entries;
mod fail;
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

use crate::{Append, Holder, HolderCheck, StoreError};
use open_files::OpenFiles;

/// Journals in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// None while in use, and after a failure: what a connection believes to be
    /// on disk is not to be trusted once a write or sync failed, so the next
    /// call opens another.
    connection: Option<Connection>,
    access: Access,
    check_holder: HolderCheck,
    /// None where nothing is written.
    files: Option<OpenFiles>,
    lock_wait: Duration,
    /// Nothing was written since the log was last copied into the database.
    is_checkpointed: bool,
    /// Set once a file of the database was replaced: what is at its path now is
    /// not what this store was opened on, and it does nothing any more.
    replaced: Option<StoreError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    /// Until a write is asked for when the older program is done.
    ReadOlder,
    Read,
}

/// A transaction under way.
struct Session<'a> {
    connection: &'a Connection,
    path: &'a Path,
}

impl SqliteStore {
    /// Opens the database at this path, and makes it, readable for its owner
    /// alone, when it is not there.
    ///
    /// # Errors
    /// When it cannot be made, read or written, or is not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_within(path, BUSY_TIMEOUT, |_| Holder::Unknown)
    }

    /// The same, waiting no longer than this for another process that keeps the
    /// database locked, and asking who holds runs with the tables of an older
    /// program.
    ///
    /// # Errors
    /// As of [`Self::open`]; [`StoreError::Busy`], [`StoreError::OlderHolder`].
    pub fn open_within(
        path: &Path,
        at_most: Duration,
        check_holder: HolderCheck,
    ) -> Result<Self, StoreError> {
        let (connection, files) = open::open(path, at_most, check_holder)?;
        Ok(Self::over(path, connection, Some(files), check_holder))
    }

    /// The same for whoever wants to read: one that cannot be written is opened
    /// nevertheless, and refuses what would change it.
    ///
    /// # Errors
    /// When it cannot be made or read, or is not ours.
    pub fn open_or_read(path: &Path) -> Result<Self, StoreError> {
        Self::open_or_read_within(path, BUSY_TIMEOUT, |_| Holder::Unknown)
    }

    /// The same, waiting no longer than this for another process that keeps the
    /// database locked. One with the tables of an older program that is at work is
    /// read as it is; the first call that writes renews them once it is done.
    ///
    /// # Errors
    /// As of [`Self::open_or_read`]; [`StoreError::Busy`].
    pub fn open_or_read_within(
        path: &Path,
        at_most: Duration,
        check_holder: HolderCheck,
    ) -> Result<Self, StoreError> {
        match Self::open_within(path, at_most, check_holder) {
            Err(StoreError::NotWritable { .. }) if path.is_file() => {
                Ok(Self::over(path, read_only::open(path)?, None, check_holder))
            }
            Err(error @ StoreError::OlderHolder { .. }) => {
                let connection = read_only::open(path).map_err(|_| error)?;
                let store = Self::over(path, connection, None, check_holder);
                Ok(Self { access: Access::ReadOlder, ..store })
            }
            outcome => outcome,
        }
    }

    /// Whether the file at this path is a database of this program's.
    #[must_use]
    pub fn is_ours(path: &Path) -> bool {
        read_only::is_ours(path)
    }

    fn over(
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

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads every page and says whether the file is sound. Takes about a second
    /// for a gibibyte.
    ///
    /// # Errors
    /// When it is damaged, with the first thing that is wrong; or when it cannot be read.
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
        // What went into a file that nobody finds is not durable.
        match self.files.as_ref().map(OpenFiles::check) {
            Some(Err(error)) => Err(self.give_up(error)),
            _ => outcome,
        }
    }

    /// Remembers that a file of the database was replaced.
    fn give_up(&mut self, error: StoreError) -> StoreError {
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
        let mut connection = self.taken()?;
        let path = self.path.clone();
        let failed = |error| fail::sqlite(&path, &error);
        let outcome = (|| {
            let mut transaction = connection.transaction_with_behavior(behavior).map_err(failed)?;
            // Within it: from here on nobody can renew the tables for this read.
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

    /// Appends what is the last of its journal, and settles with it. The log is
    /// synced once for both: copying it into the database begins with that.
    fn append_last(&mut self, batch: &Append<'_>) -> Result<Result<(), StoreError>, StoreError> {
        self.may_write()?;
        let connection = self.taken()?;
        self.set_sync(&connection, "NORMAL")?;
        self.connection = Some(connection);
        let appended = self.write(|session| match session.append(batch) {
            Err(error) if !error.is_refusal() => Err(error),
            outcome => Ok(outcome),
        });
        // Gone after a failure, when another one will sync again.
        let Some(connection) = self.connection.take() else { return appended };
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok(row.get::<_, i64>(0)? == 0 && row.get::<_, i64>(1)? == row.get::<_, i64>(2)?)
        });
        self.is_checkpointed = match copied.map_err(|error| fail::sqlite(&self.path, &error)) {
            Ok(is_whole) => is_whole,
            // Nothing was begun; or the log was synced, which comes before copying.
            Err(StoreError::Busy { .. } | StoreError::DiskFull { .. }) => false,
            // Perhaps the sync: the next one would succeed, and lie.
            Err(error) => return Err(error),
        };
        // Somebody still reads, or copies, what is in the log: it is as durable
        // there, once it is synced.
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

    /// After a failed sync the kernel may take pages for written that are not.
    /// Copying the log into the database writes them once more.
    fn reopen(&mut self) -> Result<Connection, StoreError> {
        let Some(files) = &self.files else { return read_only::open(&self.path) };
        if let Err(error) = files.check_database() {
            return Err(self.give_up(error));
        }
        let (connection, files) = open::open_there(&self.path, BUSY_TIMEOUT, self.check_holder)?;
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| fail::sqlite(&self.path, &error))?;
        self.files = Some(files);
        Ok(connection)
    }

    /// The connection, or another one after a failure.
    fn taken(&mut self) -> Result<Connection, StoreError> {
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
