//! Opens a database: its file, its settings, its schema.
//!
//! Owns: the file's place and modes, the settings that durability rests on, and
//! the migrations, which are numbered and never edited once released. Never:
//! reads or writes a journal.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::fail;
use crate::StoreError;

/// How long we wait for another process that has the database locked. Longer
/// than any commit or checkpoint takes, shorter than a person's patience.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest SQLite that does not damage a database when two connections write
/// and checkpoint (<https://sqlite.org/wal.html>, "the WAL-reset bug").
pub const SQLITE_OLDEST: &str = "3.51.3";
const SQLITE_OLDEST_NUMBER: i32 = 3_051_003;

/// Marks our databases in their header: `SMWF`.
pub(super) const APPLICATION_ID: i64 = 0x534d_5746;

/// `user_version` counts these; a released one is never changed.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_runs.sql"),
    include_str!("../../migrations/0002_ends.sql"),
    include_str!("../../migrations/0003_changed.sql"),
];
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// Statements kept ready: every one this crate has, with room.
pub(super) const STATEMENTS: usize = 64;

/// Held while a file is made and closed again: closing any handle of a file
/// drops all locks this process has on it, those of SQLite included.
static MAKING_FILES: Mutex<()> = Mutex::new(());

/// Opens the database, and makes it when it is not there.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    refuse_old_sqlite()?;
    make_file(path)?;
    // No URI: a path is a path, whatever it starts with. No CREATE: the file is
    // there, and with the right mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error| fail::sqlite(path, &error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // A process ends without waiting for its connection to close: one that is cut
    // off while it empties the log would leave the log without its index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    // In one transaction: another process may be migrating it right now.
    let schema = schema(&*connection.transaction().map_err(failed)?, path)?;
    // SQLite falls back to reading without a word.
    if connection.is_readonly("main").map_err(failed)? {
        let reason = "it may only be read".to_owned();
        return Err(StoreError::NotWritable { path: path.to_path_buf(), reason });
    }
    write_ahead(&connection).map_err(failed)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;",
        )
        .map_err(failed)?;
    if schema < NEWEST {
        migrate(&mut connection, path)?;
    }
    Ok(connection)
}

pub(super) fn refuse_old_sqlite() -> Result<(), StoreError> {
    let found = rusqlite::version_number();
    if found < SQLITE_OLDEST_NUMBER { Err(StoreError::OldSqlite { found }) } else { Ok(()) }
}

/// The schema of a database that is ours or empty.
pub(super) fn schema(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| fail::sqlite(path, &error))
    };
    let application = number("PRAGMA application_id")?;
    let found = number("PRAGMA user_version")?;
    let path = || path.to_path_buf();
    if application == APPLICATION_ID {
        if found > NEWEST {
            return Err(StoreError::Newer { found, supported: NEWEST, path: path() });
        }
        return Ok(found);
    }
    let empty = application == 0
        && found == 0
        && number("SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)")? == 0;
    if empty { Ok(0) } else { Err(StoreError::Foreign { path: path() }) }
}

/// All that is missing, in one transaction, so that a crash or another process
/// meets the old schema or the new one.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| fail::sqlite(path, &error);
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Again, now that nobody else can migrate.
    let from = schema(&transaction, path)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", NEWEST).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Readers then never wait for the writer. The change of mode is the one
/// statement for which SQLite does not wait by itself.
fn write_ahead(connection: &Connection) -> Result<(), rusqlite::Error> {
    let give_up = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < give_up =>
            {
                thread::sleep(Duration::from_millis(2));
            }
            done => return done,
        }
    }
}

/// Makes the file and its directories when they are not there, for their owner
/// alone: journals hold prompts and answers. SQLite gives the files beside it
/// the same mode.
fn make_file(path: &Path) -> Result<(), StoreError> {
    let failed = |error| fail::file(path, &error);
    let _making = MAKING_FILES.lock().unwrap_or_else(PoisonError::into_inner);
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return Err(StoreError::IsDirectory { path: path.to_path_buf() });
        }
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    };
    make_directories(&directory).map_err(failed)?;
    match private(OpenOptions::new().write(true).create_new(true)).open(path) {
        Ok(file) => drop(file),
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    sync_directory(&directory).map_err(failed)
}

/// Each new directory is on disk before something is put into it.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    let Some(parent) = directory.parent() else { return Ok(()) };
    make_directories(parent)?;
    match private_directory().create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) if parent.as_os_str().is_empty() => sync_directory(Path::new(".")),
        Ok(()) => sync_directory(parent),
    }
}

#[cfg(unix)]
use unix::{private, private_directory, sync_directory};

/// What a Unix file system has and others do not.
#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};

    use super::{DirBuilder, File, OpenOptions, Path, io};

    pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600)
    }

    pub(super) fn private_directory() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    }

    pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }
}

#[cfg(not(unix))]
use elsewhere::{private, private_directory, sync_directory};

/// Elsewhere a file inherits who may read it, and directories are not synced.
#[cfg(not(unix))]
mod elsewhere {
    use super::{DirBuilder, OpenOptions, Path, io};

    pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn private_directory() -> DirBuilder {
        DirBuilder::new()
    }

    pub(super) fn sync_directory(_: &Path) -> io::Result<()> {
        Ok(())
    }
}
