//! Opens a database for reading only: one of another user, on a mounted backup, or with
//! the tables of an older program that still holds a run.
//!
//! Owns: making SQLite read files that it must not prepare for reading. Never: creates,
//! changes or locks a file.

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

/// The oldest schema with all columns that are read.
const SCHEMA_OLDEST: i64 = 2;

/// The first schema whose runs have numbers and facts.
const NUMBERED: i64 = 4;

/// The first schema with messages. Readers need nothing newer.
const WITH_MESSAGES: i64 = 6;

/// Views that let today's statements read a schema without messages. They belong to
/// this connection and are in memory.
const NO_MESSAGES: &str = "
    PRAGMA temp_store = MEMORY;
    CREATE TEMP VIEW messages AS
        SELECT NULL AS tenant, NULL AS run, NULL AS number, NULL AS posted_by,
               NULL AS posted_at_us, NULL AS body WHERE 0;";

/// The runs of a schema without messages.
const RUNS: &str = "CREATE TEMP VIEW runs AS SELECT *, 0 AS posted, 0 AS taken FROM main.runs;";

/// The same for a schema whose runs have neither numbers nor facts, and whose entries
/// are in a table of another name.
const NO_NUMBERS: &str = "
    CREATE TEMP VIEW runs AS
        SELECT *, NULL AS state, NULL AS parent, NULL AS place, 0 AS posted, 0 AS taken
        FROM main.runs;
    CREATE TEMP VIEW numbers AS SELECT NULL AS number, NULL AS tenant, NULL AS run WHERE 0;
    CREATE TEMP VIEW journal AS
        SELECT NULL AS run, seq, kind, body, chain, moved FROM main.entries WHERE 0;
    CREATE TEMP VIEW older_entries AS SELECT rowid AS rowid, * FROM main.entries;";

/// Opens the database for reading.
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
    // In one transaction: another process may be migrating the tables.
    let version = {
        let transaction = connection.unchecked_transaction().map_err(failed)?;
        // The first read, without which SQLite has not looked at the file.
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
    if version < WITH_MESSAGES {
        connection.execute_batch(NO_MESSAGES).map_err(failed)?;
        let runs = if version < NUMBERED { NO_NUMBERS } else { RUNS };
        connection.execute_batch(runs).map_err(failed)?;
    }
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")
        .map_err(failed)?;
    Ok(connection)
}

/// Whether the tables were migrated since they were opened with views, which then hide
/// the new tables.
pub(super) fn is_outdated(connection: &Connection) -> rusqlite::Result<bool> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(number("SELECT count(*) FROM temp.sqlite_schema")? > 0
        && number("PRAGMA user_version")? >= schema::NEWEST)
}

/// Whether a database belongs to this program. True also for one that may not be read,
/// so that opening it reports why. Reads only bytes, because SQLite would lock another
/// program's database and create files beside it.
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
        // A new database has its mark only in the log until the first checkpoint.
        Some(0) => first_bytes(&beside(path, "-wal"), LOG_BYTES).is_ok_and(|log| is_in_log(&log)),
        _ => false,
    }
}

/// Bytes of a database header (<https://sqlite.org/fileformat.html>).
const HEADER_BYTES: u64 = 100;

/// Bytes of a log that are searched. The very first commit has the mark.
const LOG_BYTES: u64 = 4 * 1024 * 1024;

fn first_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The big-endian number at this offset.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

/// The application id in a first page.
fn mark_of(page: &[u8]) -> Option<i64> {
    number(page, 68).map(i64::from)
}

/// Whether a log has a first page with our mark. A log is a header of 32 bytes and
/// frames of 24 bytes and a page.
fn is_in_log(log: &[u8]) -> bool {
    let Some(page) = number(log, 8).and_then(|size| usize::try_from(size).ok()) else {
        return false;
    };
    let frames = log.get(32..).unwrap_or_default().chunks(24 + page);
    frames
        .filter(|frame| number(frame, 0) == Some(1))
        .any(|frame| frame.get(24..).and_then(mark_of) == Some(APPLICATION_ID))
}

/// Whether the log may have entries that the database file lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// A process has the database open, or died while it did.
    Used,
    /// No process has it open; otherwise both files beside it would exist.
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
        // Without a log SQLite would create one, unless the file is declared immutable.
        Log::None => {
            let uri = format!("file:{}?immutable=1", percent_encoded(path));
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
        }
    }
}

/// The path for a URI: absolute, so that its beginning is not taken for a host.
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
