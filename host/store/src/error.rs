//! What can go wrong with a store.
//!
//! Owns: the cases, their stable codes, and what happened where. Never: what to do
//! about one, or a case that only SQLite has words for; [`crate::sqlite`] translates.

use smol_wf_core::codes::Code;
use std::path::PathBuf;

use crate::{Lease, RunKey};

/// What became of a file that a store was writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// No file of its name is there any more.
    Deleted,
    /// Another file is in its place.
    Replaced,
    /// Its beginning was cut off.
    Cut,
}

impl std::fmt::Display for FileChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deleted => "deleted or moved away",
            Self::Replaced => "replaced by another file",
            Self::Cut => "cut to nothing",
        })
    }
}

/// Why a store did not do as asked. Cloneable, because one failed commit is the
/// answer to every run that took part in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Written by a newer program.
    #[error("{} has schema {found}, and this program knows schemas up to {supported}", path.display())]
    Newer {
        /// Schema of the database.
        found: i64,
        /// The newest that this program has.
        supported: i64,
        /// Which database.
        path: PathBuf,
    },
    /// A SQLite database of another program.
    #[error("{} is the database of another program and was left as it is", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Its schema has something that no version of this program makes.
    #[error("{} has {what}: something other than smol-wf has changed it, and it was left as it is", path.display())]
    Altered {
        /// Which database.
        path: PathBuf,
        /// The first difference.
        what: String,
    },
    /// A file of the database is no longer the one that was opened.
    #[error("{} was {how} while smol-wf was writing to {}: nothing that was written there counts", file.display(), path.display())]
    Replaced {
        /// Which database.
        path: PathBuf,
        /// Which of its files.
        file: PathBuf,
        /// What became of it.
        how: FileChange,
    },
    /// There is a directory where the database should be.
    #[error("{} is a directory, not a database", path.display())]
    IsDirectory {
        /// Which directory.
        path: PathBuf,
    },
    /// There is a pipe or a device where the database should be.
    #[error("{} is a pipe or a device, not a database", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be created or written.
    #[error("{} cannot be written: {reason}", path.display())]
    NotWritable {
        /// Which database.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// It may only be read, and not all of it is in its file.
    #[error("{} may only be read, and its newest entries are still in the file beside it that ends in -wal", path.display())]
    NewestInLog {
        /// Which database.
        path: PathBuf,
    },
    /// It may only be read, and an older program's tables have to be renewed first.
    #[error("{} may only be read, and its tables are those of an older program", path.display())]
    OlderTables {
        /// Which database.
        path: PathBuf,
    },
    /// It is no database, or a damaged one.
    #[error("{} is damaged, or not a database: {reason}", path.display())]
    Corrupt {
        /// Which database.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// No space left.
    #[error("there is no space left for {}: nothing of the last write counts", path.display())]
    DiskFull {
        /// Which database.
        path: PathBuf,
    },
    /// Another process kept it locked for longer than we wait.
    #[error("{} is locked by another process", path.display())]
    Busy {
        /// Which database.
        path: PathBuf,
    },
    /// It has the tables of an older program, which is at work with them.
    #[error("{} has the tables of an older smol-wf, which is at work with them on run {run}", path.display())]
    OlderHolder {
        /// Which database.
        path: PathBuf,
        /// Which run.
        run: String,
        /// Who has it.
        owner: String,
    },
    /// The disk or the system failed.
    #[error("{} could not be read or written: {reason}; nothing of the last write counts", path.display())]
    Io {
        /// Which database.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The SQLite that was linked has known defects.
    #[error(
        "this program was built with SQLite {}, and those before {} can damage databases",
        version(*found),
        crate::SQLITE_OLDEST
    )]
    OldSqlite {
        /// As `sqlite3_libversion_number` says.
        found: i32,
    },
    /// SQLite refused a statement of ours.
    #[error("{} refused a statement: {reason}", path.display())]
    Internal {
        /// Which database.
        path: PathBuf,
        /// What SQLite said.
        reason: String,
    },
    /// The id is taken.
    #[error("run {} exists already", key.run)]
    RunExists {
        /// Which run.
        key: RunKey,
    },
    /// There is no such run.
    #[error("there is no run {} for tenant `{}`", key.run, key.tenant.as_str())]
    NoSuchRun {
        /// Which run.
        key: RunKey,
    },
    /// Someone else has the run.
    #[error("run {} is held by {owner}", key.run)]
    LeaseHeld {
        /// Which run.
        key: RunKey,
        /// Who has it.
        owner: String,
    },
    /// The run was let go of, or someone took it since.
    #[error("run {} is no longer held by {owner} (fence {fence}): it was released, or another process took it over and goes on with it; nothing was written", key.run)]
    LeaseLost {
        /// Which run.
        key: RunKey,
        /// Who had it.
        owner: String,
        /// The fence that no longer counts.
        fence: u64,
    },
    /// The writer takes the journal to have another length than it has.
    #[error("entry {first_seq} cannot be appended to run {}, whose journal has {entries} entries", key.run)]
    OutOfSequence {
        /// Which run.
        key: RunKey,
        /// Length of the journal.
        entries: u64,
        /// Where the batch was to start.
        first_seq: u64,
    },
    /// Records are missing.
    #[error("the journal of run {} is damaged: {reason}; nothing of it is used", key.run)]
    Damaged {
        /// Which run.
        key: RunKey,
        /// What is missing.
        reason: String,
    },
    /// Records that no store takes.
    #[error("the entries for run {} were refused: {reason}", key.run)]
    Invalid {
        /// Which run.
        key: RunKey,
        /// What is wrong with them.
        reason: String,
    },
}

/// `3.51.3`, of the number by which SQLite calls itself.
fn version(number: i32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}

impl StoreError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Newer { .. } => Code::StoreNewer,
            Self::Foreign { .. } => Code::StoreForeign,
            Self::Altered { .. } => Code::StoreAltered,
            Self::Replaced { .. } => Code::StoreReplaced,
            Self::IsDirectory { .. } => Code::StoreIsDirectory,
            Self::NotAFile { .. } => Code::StoreNotAFile,
            Self::NotWritable { .. } | Self::NewestInLog { .. } | Self::OlderTables { .. } => {
                Code::StoreNotWritable
            }
            Self::Corrupt { .. } => Code::StoreCorrupt,
            Self::DiskFull { .. } => Code::StoreDiskFull,
            Self::Busy { .. } | Self::OlderHolder { .. } => Code::StoreBusy,
            Self::Io { .. } => Code::StoreIo,
            Self::OldSqlite { .. } => Code::StoreOldSqlite,
            Self::Internal { .. } => Code::StoreInternal,
            Self::RunExists { .. } => Code::RunExists,
            Self::NoSuchRun { .. } => Code::RunNotFound,
            Self::LeaseHeld { .. } => Code::RunHeld,
            Self::LeaseLost { .. } => Code::RunLost,
            Self::OutOfSequence { .. } => Code::JournalMovedOn,
            Self::Damaged { .. } => Code::JournalDamaged,
            Self::Invalid { .. } => Code::EntriesInvalid,
        }
    }

    /// Whether this is about the run that was named and not about the store:
    /// the store works, and other runs are not concerned.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::RunExists { .. }
                | Self::NoSuchRun { .. }
                | Self::LeaseHeld { .. }
                | Self::LeaseLost { .. }
                | Self::OutOfSequence { .. }
                | Self::Damaged { .. }
                | Self::Invalid { .. }
        )
    }

    /// Whether it passes by itself when another process is done.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::OlderHolder { .. })
    }

    pub(crate) fn lost(lease: &Lease) -> Self {
        let Lease { key, owner, fence, .. } = lease;
        Self::LeaseLost { key: key.clone(), owner: owner.clone(), fence: *fence }
    }

    pub(crate) fn no_records(key: &RunKey) -> Self {
        let reason = "a run starts with at least one".to_owned();
        Self::Invalid { key: key.clone(), reason }
    }
}
