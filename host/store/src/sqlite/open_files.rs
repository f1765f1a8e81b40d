//! Whether the files that a connection writes are still the ones at its path.
//!
//! Owns: the identity of the database and of the two files beside it. Never:
//! opens the database itself: closing a second handle would drop the locks that
//! SQLite holds on it.
//!
//! SQLite goes on writing to files that were deleted, moved away or replaced,
//! and reports success. Nobody will ever find what it wrote there.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::error::FileChange;

/// The first bytes of every write-ahead log, without the last bit, which tells
/// the order of bytes (<https://sqlite.org/fileformat2.html#walformat>).
const LOG_MAGIC: u32 = 0x377f_0682;

/// A database has a header of this size at the least.
const HEADER_BYTES: u64 = 100;

/// The files of one open database.
#[derive(Debug)]
pub(super) struct OpenFiles {
    path: PathBuf,
    database: FileId,
    log: Sibling,
    index: Sibling,
    /// A handle of our own. SQLite keeps its locks on the other two files.
    log_file: File,
}

#[derive(Debug)]
struct Sibling {
    path: PathBuf,
    id: FileId,
}

impl OpenFiles {
    /// The files as they are just after SQLite opened them. `before` is what
    /// [`FileId::at`] said of the path just before.
    pub(super) fn of(path: &Path, before: FileId) -> Result<Self, StoreError> {
        let failed = |error: io::Error| gone(path, path, &error);
        let database = FileId::at(path).map_err(failed)?;
        // A link is followed by SQLite as well: the log is beside its target.
        let whole = fs::canonicalize(path).map_err(failed)?;
        let beside = |ending: &str| {
            let path = beside(&whole, ending);
            let id = FileId::at(&path).map_err(failed)?;
            Ok::<_, StoreError>(Sibling { path, id })
        };
        let (log, index) = (beside("-wal")?, beside("-shm")?);
        let log_file = File::open(&log.path).map_err(failed)?;
        let files = Self { path: path.to_path_buf(), database, log, index, log_file };
        if database == before { Ok(files) } else { Err(files.gone(path, FileChange::Replaced)) }
    }

    /// Refuses when one of the files is not the one that was opened. Asked behind
    /// each commit, before anyone is told of it.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.check_database()?;
        for beside in [&self.log, &self.index] {
            self.same(&beside.path, beside.id)?;
        }
        // Cut to nothing while we write: the beginning is a hole from then on,
        // and everything behind it is lost with the next reader.
        match first_word(&self.log_file) {
            Ok(Some(word)) if word & !1 != LOG_MAGIC => {
                Err(self.gone(&self.log.path, FileChange::Cut))
            }
            _ => Ok(()),
        }
    }

    /// The same, for the database alone: before it is opened once more.
    pub(super) fn check_database(&self) -> Result<(), StoreError> {
        let bytes = self.same(&self.path, self.database)?;
        if bytes < HEADER_BYTES { Err(self.gone(&self.path, FileChange::Cut)) } else { Ok(()) }
    }

    /// Makes durable what is in the log.
    pub(super) fn sync_log(&self) -> Result<(), StoreError> {
        self.log_file.sync_data().map_err(|error| super::fail::file(&self.path, &error))
    }

    /// How large it is, when it is the same file.
    fn same(&self, path: &Path, id: FileId) -> Result<u64, StoreError> {
        match fs::metadata(path) {
            Ok(found) if FileId::of(&found) == id => Ok(found.len()),
            Ok(_) => Err(self.gone(path, FileChange::Replaced)),
            Err(error) => Err(gone(&self.path, path, &error)),
        }
    }

    fn gone(&self, file: &Path, how: FileChange) -> StoreError {
        StoreError::Replaced { path: self.path.clone(), file: file.to_path_buf(), how }
    }
}

fn gone(database: &Path, file: &Path, error: &io::Error) -> StoreError {
    let path = database.to_path_buf();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            StoreError::Replaced { path, file: file.to_path_buf(), how: FileChange::Deleted }
        }
        _ => super::fail::file(database, error),
    }
}

/// A file beside the database.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Tells one file from another, whatever their names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId(imp::Id);

impl FileId {
    /// Of the file at this path; links are followed.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::metadata(path)?))
    }

    fn of(found: &fs::Metadata) -> Self {
        Self(imp::id(found))
    }
}

/// None when there are fewer than four bytes.
fn first_word(file: &File) -> io::Result<Option<u32>> {
    let mut word = [0; 4];
    let read = imp::read_first(file, &mut word)?;
    Ok((read == word.len()).then(|| u32::from_be_bytes(word)))
}

#[cfg(unix)]
mod imp {
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    /// Device and inode.
    pub(super) type Id = (u64, u64);

    pub(super) fn id(found: &Metadata) -> Id {
        (found.dev(), found.ino())
    }

    pub(super) fn read_first(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
        file.read_at(bytes, 0)
    }
}

/// Elsewhere an open file cannot be deleted or replaced.
#[cfg(not(unix))]
mod imp {
    use std::fs::{File, Metadata};
    use std::io;

    pub(super) type Id = ();

    pub(super) fn id(_: &Metadata) -> Id {}

    pub(super) fn read_first(_: &File, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}
