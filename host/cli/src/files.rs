//! Reading files that lie beside those that the command line names.
//!
//! Owns: the complaint about one that cannot be read. Never: which files may be;
//! that is the library's to say.

use std::io::{self, ErrorKind};
use std::path::Path;

use smol_wf_engine::library;

use crate::failure::FileError;
use crate::paths;

/// A file that was found in a folder, whole.
pub(crate) fn found(path: &Path, folder: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let read = library::read_found(path, folder, most, paths::home().as_deref());
    read.map_err(|error| complaint(path, most, error))
}

fn complaint(path: &Path, bytes_max: u64, error: io::Error) -> FileError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::FileTooLarge => FileError::TooLarge { path, bytes_max },
        _ => FileError::Read { path, error },
    }
}
