//! Reading files that the command line names, or that lie beside those.
//!
//! Owns: the complaint about one that cannot be read. Never: which files may be;
//! that is the library's to say.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use smol_wf_engine::library;

use crate::failure::FileError;
use crate::paths;

/// The text of a file, or of stdin for `-`.
pub(crate) fn text_of(path: &Path, most: u64) -> Result<String, FileError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().take(most + 1).read_to_end(&mut bytes).map(|_| bytes)
    } else {
        library::read_named(path, most, paths::home().as_deref())
    };
    let bytes = bytes.map_err(|error| complaint(path, most, error))?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLarge { path: path.to_owned(), bytes_max: most });
    }
    let not_text = |_| complaint(path, most, io::Error::other("it is not UTF-8"));
    String::from_utf8(bytes).map_err(not_text)
}

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
