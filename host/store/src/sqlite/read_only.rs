//! Opens a database that may only be read: of another user, on a mounted backup, or
//! with the tables of an older program that is at work with them.
//!
//! Owns: how SQLite is brought to read what it may not prepare for reading.
//! Never: makes, changes or locks a file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::open::{BUSY_TIMEOUT, STATEMENTS, keep_plans, refuse_old_sqlite};
use super::open_files::beside;
use super::schema::APPLICATION_ID;
use super::{fail, schema};
use crate::StoreError;

/// The oldest schema that has all the columns which are read.
const SCHEMA_OLDEST: i64 = 2;

/// What an older schema lacks, for the statements of today: its runs have neither
/// numbers nor known facts, and its entries are in a table of another name. Of this
/// connection alone, and in memory.
const AS_IF_NEW: &str = "
    PRAGMA temp_store = MEMORY;
    CREATE TEMP VIEW runs AS
        SELECT *, NULL AS state, NULL AS parent, NULL AS place FROM main.runs;
    CREATE TEMP VIEW numbers AS SELECT NULL AS number, NULL AS tenant, NULL AS run WHERE 0;
    CREATE TEMP VIEW journal AS
        SELECT NULL AS run, seq, kind, body, chain, moved FROM main.entries WHERE 0;
    CREATE TEMP VIEW older_entries AS SELECT rowid AS rowid, * FROM main.entries;";

/// Opens the database to read it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    refuse_old_sqlite()?;
    let log = Log::of(path);
    let failed = |error| match fail::sqlite(path, &error) {
        StoreError::NotWritable { path, .. } if log == Log::Used => {
            StoreError::NewestInLog { path }
        }
        other => other,
    };
    let connection = connect(path, log).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    keep_plans(&connection).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    // In one transaction: another process may be renewing the tables right now.
    let version = {
        let transaction = connection.unchecked_transaction().map_err(failed)?;
        // The first statement that reads: until then SQLite has looked at nothing.
        transaction
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(failed)?;
        let version = schema::version(&transaction, path)?;
        if version < SCHEMA_OLDEST {
            return Err(StoreError::OlderTables { path: path.to_path_buf() });
        }
        schema::compare(&transaction, version, path)?;
        version
    };
    if version < schema::NEWEST {
        connection.execute_batch(AS_IF_NEW).map_err(failed)?;
    }
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")
        .map_err(failed)?;
    Ok(connection)
}

/// Whether someone has renewed the tables since they were opened with
/// [`AS_IF_NEW`], which then hides what is there.
pub(super) fn is_outdated(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(number("SELECT count(*) FROM temp.sqlite_schema")? > 0
        && number("PRAGMA user_version")? >= schema::NEWEST)
}

/// Whether a database is one of this program's, or cannot be looked at: then
/// whoever opens it says why. Only bytes are read, so that another program's
/// database is left alone: SQLite would lock it, and make files beside it.
pub(super) fn is_ours(path: &Path) -> bool {
    if !path.metadata().is_ok_and(|found| found.is_file()) {
        return false;
    }
    let header = match first_bytes(path, HEADER_BYTES) {
        Ok(header) => header,
        Err(error) => return error.kind() == ErrorKind::PermissionDenied,
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return false;
    }
    match mark_of(&header) {
        Some(APPLICATION_ID) => true,
        // A new database has its mark in the log until that is emptied.
        Some(0) => first_bytes(&beside(path, "-wal"), LOG_BYTES).is_ok_and(|log| is_in_log(&log)),
        _ => false,
    }
}

/// Bytes of a database's header: <https://sqlite.org/fileformat.html>.
const HEADER_BYTES: u64 = 100;

/// Bytes of a log that are looked at. The first commit of all has the mark.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

fn first_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The number at this place.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// What a first page says of whose it is.
fn mark_of(page: &[u8]) -> Option<i64> {
    number(page, 68).map(i64::from)
}

/// Whether a log has a first page of ours: 32 bytes, then frames of 24 bytes and a
/// page.
fn is_in_log(log: &[u8]) -> bool {
    let Some(page) = number(log, 8).and_then(|size| usize::try_from(size).ok()) else {
        return false;
    };
    let frames = log.get(32..).unwrap_or_default().chunks(24 + page);
    frames
        .filter(|frame| number(frame, 0) == Some(1))
        .any(|frame| frame.get(24..).and_then(mark_of) == Some(APPLICATION_ID))
}

/// Whether entries may be in the log and not in the database yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// A process has the database open, or died with it.
    Used,
    /// Nobody has it open: who does keeps both files there.
    None,
}

impl Log {
    fn of(path: &Path) -> Self {
        let size = |ending| std::fs::metadata(beside(path, ending)).map(|found| found.len());
        match size("-wal") {
            Ok(bytes) if bytes > 0 || size("-shm").is_ok() => Self::Used,
            _ => Self::None,
        }
    }
}

fn connect(path: &Path, log: Log) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match log {
        Log::Used => Connection::open_with_flags(path, flags),
        // Without a log SQLite wants to make one, unless it is told that the
        // file does not change.
        Log::None => {
            let uri = format!("file:{}?immutable=1", percent_encoded(path));
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
        }
    }
}

/// As it stands in a URI. From the root, so that its beginning is no host.
fn percent_encoded(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mut encoded = String::new();
    for &byte in whole.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
