//! Checks that the files that a connection writes are still those at its path.
//!
//! Owns: the identity of the database and of the two files beside it. Never: opens the
//! database itself: closing a second handle would drop the locks that SQLite holds.
//!
//! SQLite goes on writing to files that were deleted, moved away or replaced, and
//! reports success, although no path leads to what it wrote.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::error::FileChange;

/// The first word of every write-ahead log, without the last bit, which is the byte
/// order (<https://sqlite.org/fileformat2.html#walformat>).
const LOG_MAGIC: u32 = 0x377f_0682;

/// Size of the header, which every database has.
const HEADER_BYTES: u64 = 100;

/// The files of one open database.
#[derive(Debug)]
pub(super) struct OpenFiles {
    path: PathBuf,
    database: FileId,
    log: Sibling,
    index: Sibling,
    /// Our own handle of the log. SQLite has its locks on the other two files.
    log_file: File,
}

#[derive(Debug)]
struct Sibling {
    path: PathBuf,
    id: FileId,
}

impl OpenFiles {
    /// The files just after SQLite opened them. `before` is the [`FileId::at`] of the
    /// path just before.
    pub(super) fn of(path: &Path, before: FileId) -> Result<Self, StoreError> {
        let failed = |error: io::Error| gone(path, path, &error);
        let database = FileId::at(path).map_err(failed)?;
        // SQLite follows a link as well, and puts the log beside its target.
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

    /// Fails if one of the files is not the one that was opened. Called after each
    /// commit, before the commit is reported.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.check_database()?;
        for beside in [&self.log, &self.index] {
            self.same(&beside.path, beside.id)?;
        }
        // If the log was truncated while we write, its beginning is a hole, and the next
        // reader loses everything after it.
        match first_word(&self.log_file) {
            Ok(Some(word)) if word & !1 != LOG_MAGIC => {
                Err(self.gone(&self.log.path, FileChange::Cut))
            }
            _ => Ok(()),
        }
    }

    /// Like [`Self::check`] for the database alone, before it is opened again.
    pub(super) fn check_database(&self) -> Result<(), StoreError> {
        let bytes = self.same(&self.path, self.database)?;
        if bytes < HEADER_BYTES { Err(self.gone(&self.path, FileChange::Cut)) } else { Ok(()) }
    }

    /// Makes the content of the log durable.
    pub(super) fn sync_log(&self) -> Result<(), StoreError> {
        self.log_file.sync_data().map_err(|error| super::fail::file(&self.path, &error))
    }

    /// The size of the file at this path, if it is the same file.
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

/// The path of a file beside the database.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Identifies a file regardless of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId(imp::Id);

impl FileId {
    /// The identity of the file at this path; follows links.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::metadata(path)?))
    }

    fn of(found: &fs::Metadata) -> Self {
        Self(imp::id(found))
    }
}

/// The first word of a file; none if it has fewer than four bytes.
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

/// On other systems an open file cannot be deleted or replaced.
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
