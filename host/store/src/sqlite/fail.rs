//! What SQLite and the file system say, in the words of [`StoreError`].
//!
//! Owns: the translation. Never: decides what to do about a failure.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

/// For a failure of SQLite.
pub(super) fn sqlite(path: &Path, error: &Error) -> StoreError {
    let path = path.to_path_buf();
    let reason = error.to_string();
    let Error::SqliteFailure(failure, _) = error else {
        // A column of another type than the schema gives it: not our writing.
        return match error {
            Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..) => StoreError::Corrupt { path, reason },
            _ => StoreError::Internal { path, reason },
        };
    };
    match failure.code {
        ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => {
            StoreError::Corrupt { path, reason }
        }
        ErrorCode::DiskFull => StoreError::DiskFull { path },
        // The index of the write-ahead log cannot grow: SQLite says so for want
        // of space, and has no other word for it.
        _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::DiskFull { path },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path },
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            StoreError::NotWritable { path, reason }
        }
        ErrorCode::SystemIoFailure => StoreError::Io { path, reason },
        _ => StoreError::Internal { path, reason },
    }
}

/// For a failure of the file system, before SQLite was asked.
pub(super) fn file(path: &Path, error: &io::Error) -> StoreError {
    let path = path.to_path_buf();
    let reason = error.to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull { path },
        io::ErrorKind::IsADirectory => StoreError::IsDirectory { path },
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::AlreadyExists => StoreError::NotWritable { path, reason },
        _ => StoreError::Io { path, reason },
    }
}

/// Whether a statement was refused for the values it was given, which says
/// nothing about the database.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
}
