//! Reads files beside those that the command line names.
//!
//! Owns: the error about one that cannot be read. Never: which files may be read;
//! the library decides that.

use std::io::{self, ErrorKind};
use std::path::Path;

use smol_wf_engine::library;

use crate::failure::FileError;
use crate::paths;

/// The bytes of a file found in `folder`. Fails if it is over `most` bytes,
/// cannot be read, or leads out of the folder.
pub(crate) fn read_found(path: &Path, folder: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let read = library::read_found(path, folder, most, paths::home().as_deref());
    read.map_err(|error| error_of(path, most, error))
}

/// The error about a file that is too large or cannot be read.
fn error_of(path: &Path, bytes_max: u64, error: io::Error) -> FileError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::FileTooLarge => FileError::TooLarge { path, bytes_max },
        _ => FileError::Read { path, error },
    }
}
