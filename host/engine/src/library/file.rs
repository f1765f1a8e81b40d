//! Opens and reads one file.
//!
//! Owns: reading only regular files of bounded size, which is checked on the open handle,
//! not on the path. Never: chooses the file.

use std::io::{self, Read};
use std::path::Path;

use cap_std::fs::{Dir, File, FileType, Metadata, OpenOptions};

/// Why a file is not read.
#[derive(Debug)]
pub(super) enum FileRefusal {
    /// It is not a regular file but of this kind.
    NotAFile(&'static str),
    /// It is larger than the limit.
    TooLarge,
    /// It belongs to the user of this id, and lies where everyone may put files.
    Foreign(u32),
    /// The system refuses.
    Io(io::Error),
}

impl From<io::Error> for FileRefusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens a file beneath a directory, by its path from there.
pub(super) fn open(dir: &Dir, path: impl AsRef<Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Otherwise, opening a pipe without a writer blocks forever.
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(&mut options, NONBLOCK);
    dir.open_with(path, &options)
}

/// Opens a file anywhere.
pub(super) fn open_anywhere(path: &Path) -> io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NONBLOCK);
    options.open(path).map(File::from_std)
}

#[cfg(unix)]
#[expect(clippy::cast_possible_wrap, reason = "the system's own type is signed")]
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// Reads an open file, which must be regular and have at most `most` bytes. With `own`, it
/// must belong to the user or to root.
pub(super) fn take(file: File, most: u64, own: bool) -> Result<Vec<u8>, FileRefusal> {
    let metadata = regular(&file)?;
    #[cfg(unix)]
    if own {
        let uid = cap_std::fs::MetadataExt::uid(&metadata);
        if !super::mark::is_own(uid) {
            return Err(FileRefusal::Foreign(uid));
        }
    }
    #[cfg(not(unix))]
    let _ = own;
    if metadata.len() > most {
        return Err(FileRefusal::TooLarge);
    }
    // Room for all of it, which is bounded above, and one byte to see its end: two reads
    // instead of ten. It may grow while it is read.
    let room = usize::try_from(metadata.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room.saturating_add(1));
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(FileRefusal::TooLarge) } else { Ok(bytes) }
}

/// The metadata of an open file, which must be regular.
pub(super) fn regular(file: &File) -> Result<Metadata, FileRefusal> {
    let metadata = file.metadata()?;
    match kind(metadata.file_type()) {
        Some(kind) => Err(FileRefusal::NotAFile(kind)),
        None => Ok(metadata),
    }
}

/// The kind of a file, for messages; none for a regular file.
fn kind(of: FileType) -> Option<&'static str> {
    if of.is_file() {
        None
    } else if of.is_dir() {
        Some("a directory")
    } else {
        Some("a pipe, a socket or a device")
    }
}
