//! Opens a database: its file and its settings.
//!
//! Owns: creating the file, its modes, and the settings on which durability depends.
//! Never: reads or writes a journal, or defines tables.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::open_files::{FileId, OpenFiles};
use super::{fail, schema};
use crate::{HolderCheck, StoreError};

/// How long a call waits for another process that locks the database: longer than any
/// commit or checkpoint takes, and as long as a person waits without an explanation.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The oldest SQLite that does not damage a database when two connections write
/// and checkpoint (<https://sqlite.org/wal.html>, "the WAL-reset bug").
pub const SQLITE_OLDEST: &str = "3.51.3";
const SQLITE_OLDEST_NUMBER: i32 = 3_051_003;

/// Prepared statements that a connection keeps: all that this crate has, and room.
pub(super) const STATEMENTS: usize = 64;

/// Held while a file is created and closed again: closing any handle of a file drops
/// all locks that the process has on it, those of SQLite included.
static MAKING_FILES: Mutex<()> = Mutex::new(());

/// A new database, byte for byte: the empty tables of all migrations. SQLite would
/// write them in eight synced steps. A test compares the image with the migrations.
pub(super) const NEW_DATABASE: &[u8] = include_bytes!("../../migrations/new.db");

/// Pages of the log after which it is copied into the database. A commit costs more
/// while the log grows, and a log that is left behind is read at the next start, 1.35 µs
/// per page. With 250 pages the log grows to 1 MiB, and copying four times as often as
/// SQLite's default costs nothing that can be measured.
const LOG_PAGES: u32 = 250;

/// Opens the database, and creates it if it does not exist.
pub(super) fn open(
    path: &Path,
    wait: Duration,
    check_holder: HolderCheck,
) -> Result<(Connection, OpenFiles), StoreError> {
    make_file(path)?;
    open_there(path, wait, check_holder)
}

/// Refuses a pipe or a device, which SQLite would report as a failing disk.
fn refuse_devices(path: &Path) -> Result<(), StoreError> {
    let found = fs::metadata(path).map_err(|error| fail::file(path, &error))?;
    if found.is_file() || found.is_dir() {
        return Ok(());
    }
    Err(StoreError::NotAFile { path: path.to_path_buf() })
}

/// Opens an existing database.
pub(super) fn open_there(
    path: &Path,
    wait: Duration,
    check_holder: HolderCheck,
) -> Result<(Connection, OpenFiles), StoreError> {
    refuse_old_sqlite()?;
    refuse_devices(path)?;
    let before = FileId::at(path).map_err(|error| fail::file(path, &error))?;
    // Without URI, so that any path is taken literally. Without CREATE, because the
    // file exists and has the right mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = |error| fail::sqlite(path, &error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(wait).map_err(failed)?;
    // A process ends without waiting until its connection is closed. If it were cut off
    // while emptying the log, the log would be left without its index.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    keep_plans(&connection).map_err(failed)?;
    // Before any other statement trusts the file, and in one transaction: another
    // process may be migrating it.
    let version = {
        let transaction = connection.transaction().map_err(failed)?;
        let version = schema::version(&transaction, path)?;
        if version > 0 {
            schema::compare(&transaction, version, path)?;
        }
        version
    };
    // SQLite silently falls back to reading.
    if connection.is_readonly("main").map_err(failed)? {
        let reason = "it may only be read".to_owned();
        return Err(StoreError::NotWritable { path: path.to_path_buf(), reason });
    }
    write_ahead(&connection, wait).map_err(failed)?;
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;
             PRAGMA wal_autocheckpoint = {LOG_PAGES};"
        ))
        .map_err(failed)?;
    if version < schema::NEWEST {
        schema::migrate(&mut connection, path, check_holder)?;
    }
    // A read makes SQLite create both files beside the database.
    connection
        .query_row("SELECT count(*) FROM (SELECT 1 FROM runs LIMIT 1)", [], |_| Ok(()))
        .map_err(failed)?;
    let files = OpenFiles::of(path, before)?;
    Ok((connection, files))
}

/// Makes plans independent of values. Otherwise SQLite prepares a statement again
/// whenever a value is bound that could have changed its plan: on each step, 9 µs
/// of the 31 that a transaction took without the disk.
pub(super) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

pub(super) fn refuse_old_sqlite() -> Result<(), StoreError> {
    let found = rusqlite::version_number();
    if found < SQLITE_OLDEST_NUMBER { Err(StoreError::OldSqlite { found }) } else { Ok(()) }
}

/// Sets write-ahead logging, with which readers never wait for the writer. SQLite does
/// not wait for a lock in this statement, so this function does.
fn write_ahead(connection: &Connection, wait: Duration) -> Result<(), rusqlite::Error> {
    let give_up = Instant::now() + wait;
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

/// Creates the file and its directories if they do not exist, readable only for their
/// owner, because journals hold prompts and answers. SQLite gives the files beside it
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
    match link_new(path, &directory) {
        Ok(()) => {}
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        // The file system has no links: an empty file becomes a database as well.
        Err(_) => match private(OpenOptions::new().write(true).create_new(true)).open(path) {
            Ok(file) => drop(file),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => return Err(failed(error)),
        },
    }
    sync_directory(&directory).map_err(failed)
}

/// Creates the database as a whole or not at all: writes and syncs it under another
/// name, then links it. Never replaces an existing file.
fn link_new(path: &Path, directory: &Path) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    // Containers that share a folder can have equal process ids.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let made = directory.join(format!(".{name}.{}-{:x}.new", std::process::id(), since.as_nanos()));
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&made)?;
    let written = file.write_all(NEW_DATABASE).and_then(|()| file.sync_all());
    // Closed before it is linked, because SQLite may lock it from then on.
    drop(file);
    let linked = written.and_then(|()| fs::hard_link(&made, path));
    let _ = fs::remove_file(&made);
    linked
}

/// Creates a directory and its parents. Each is synced before something is created
/// in it.
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

/// Modes and the syncing of directories, on Unix.
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

/// On other systems files inherit their permissions, and directories are not synced.
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
