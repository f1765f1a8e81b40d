//! Opening and reading one file.
//!
//! Owns: that only a regular file of bounded size is ever read, judged by the
//! open handle and not by its name. Never: chooses the file.

use std::io::{self, Read};
use std::path::Path;

use cap_std::fs::{Dir, FileType, OpenOptions};
use smol_wf_core::limits::SCRIPT_BYTES_MAX;

use super::error::{LibraryError, shown};

/// A file beneath a directory, by a path from there.
pub(super) fn read(dir: &Dir, path: &str) -> Result<Vec<u8>, LibraryError> {
    let failed = |error| LibraryError::at(shown(path), error);
    let mut options = OpenOptions::new();
    options.read(true);
    // Else opening a pipe that nobody writes to waits for ever.
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(&mut options, NONBLOCK);
    let file = dir.open_with(path, &options).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let size = metadata.len();
    take(file, kind(metadata.file_type()), size, || shown(path))
}

/// A file anywhere.
pub(super) fn read_anywhere(path: &Path) -> Result<Vec<u8>, LibraryError> {
    let failed = |error| LibraryError::io(path, error);
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NONBLOCK);
    let file = cap_std::fs::File::from_std(options.open(path).map_err(failed)?);
    let metadata = file.metadata().map_err(failed)?;
    let size = metadata.len();
    take(file, kind(metadata.file_type()), size, || shown(&path.to_string_lossy()))
}

#[cfg(unix)]
#[expect(clippy::cast_possible_wrap, reason = "the system's own type is signed")]
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// None for a regular file.
fn kind(of: FileType) -> Option<&'static str> {
    if of.is_file() {
        None
    } else if of.is_dir() {
        Some("a directory")
    } else {
        Some("a pipe, a socket or a device")
    }
}

fn take(
    file: impl Read,
    other: Option<&'static str>,
    size: u64,
    path: impl Fn() -> String,
) -> Result<Vec<u8>, LibraryError> {
    if let Some(kind) = other {
        return Err(LibraryError::NotAFile { path: path(), kind });
    }
    let most = SCRIPT_BYTES_MAX as u64;
    if size > most {
        return Err(LibraryError::TooLarge { path: path() });
    }
    // It may grow while it is read.
    let mut bytes = Vec::new();
    let read: io::Result<usize> = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| LibraryError::at(path(), error))?;
    if bytes.len() > SCRIPT_BYTES_MAX {
        return Err(LibraryError::TooLarge { path: path() });
    }
    Ok(bytes)
}
