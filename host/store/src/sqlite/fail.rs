//! Translates errors of SQLite and the file system into [`StoreError`].
//!
//! Owns: the translation. Never: decides how to react to an error.

use std::io;
use std::path::Path;

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

/// Translates an error of SQLite.
pub(super) fn sqlite(path: &Path, error: &Error) -> StoreError {
    let path = path.to_path_buf();
    let reason = error.to_string();
    let Error::SqliteFailure(failure, _) = error else {
        // A value of another type than the schema has was not written by us.
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
        // SQLite reports this when the index of the write-ahead log cannot grow for
        // lack of space.
        _ if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::DiskFull { path },
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { path },
        ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            StoreError::NotWritable { path, reason }
        }
        ErrorCode::SystemIoFailure => StoreError::Io { path, reason },
        _ => StoreError::Internal { path, reason },
    }
}

/// Translates an error of the file system.
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

/// Whether a statement was refused because of its values: the database is fine.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig))
}
