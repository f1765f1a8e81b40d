//! The errors of a store.
//!
//! Owns: the cases, their stable codes, and where each happened. Never: advice, or
//! SQLite's own error codes; [`crate::sqlite`] translates those.

use smol_wf_core::codes::Code;
use std::path::PathBuf;

use crate::{Lease, RunKey};

/// What happened to a file while a store was writing to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// The path no longer exists.
    Deleted,
    /// Another file is at the path.
    Replaced,
    /// The file was truncated.
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

/// Why a store refused or failed a call. `Clone`, because one failed commit is
/// reported to every run that took part in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A newer program wrote the database.
    #[error("{} has schema {found}, and this program knows schemas up to {supported}", path.display())]
    Newer {
        /// Schema version of the database.
        found: i64,
        /// The newest version that this program knows.
        supported: i64,
        /// Path of the database.
        path: PathBuf,
    },
    /// The SQLite database belongs to another program.
    #[error("{} is the database of another program and was left as it is", path.display())]
    Foreign {
        /// Path of the file.
        path: PathBuf,
    },
    /// The schema contains something that no version of this program creates.
    #[error("{} has {what}: something other than smol-wf has changed it, and it was left as it is", path.display())]
    Altered {
        /// Path of the database.
        path: PathBuf,
        /// The first difference.
        what: String,
    },
    /// A file of the database is no longer the file that was opened.
    #[error("{} was {how} while smol-wf was writing to {}: nothing that was written there counts", file.display(), path.display())]
    Replaced {
        /// Path of the database.
        path: PathBuf,
        /// Path of the file: the database, its log or its index.
        file: PathBuf,
        /// What happened to it.
        how: FileChange,
    },
    /// The path of the database is a directory.
    #[error("{} is a directory, not a database", path.display())]
    IsDirectory {
        /// Path of the directory.
        path: PathBuf,
    },
    /// The path of the database is a pipe or a device.
    #[error("{} is a pipe or a device, not a database", path.display())]
    NotAFile {
        /// Path of the pipe or device.
        path: PathBuf,
    },
    /// The database cannot be created or written.
    #[error("{} cannot be written: {reason}", path.display())]
    NotWritable {
        /// Path of the database.
        path: PathBuf,
        /// The message of the system.
        reason: String,
    },
    /// The database is read-only, and its newest entries are only in its log.
    #[error("{} may only be read, and its newest entries are still in the file beside it that ends in -wal", path.display())]
    NewestInLog {
        /// Path of the database.
        path: PathBuf,
    },
    /// The database is read-only, and its tables need a migration first.
    #[error("{} may only be read, and its tables are those of an older program", path.display())]
    OlderTables {
        /// Path of the database.
        path: PathBuf,
    },
    /// The file is damaged or is not a database.
    #[error("{} is damaged, or not a database: {reason}", path.display())]
    Corrupt {
        /// Path of the database.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk is full.
    #[error("there is no space left for {}: nothing of the last write counts", path.display())]
    DiskFull {
        /// Path of the database.
        path: PathBuf,
    },
    /// Another process kept the database locked for longer than the wait.
    #[error("{} is locked by another process", path.display())]
    Busy {
        /// Path of the database.
        path: PathBuf,
    },
    /// The database needs a migration, and a live older program holds a run in it.
    #[error("{} has the tables of an older smol-wf, which is at work with them on run {run}", path.display())]
    OlderHolder {
        /// Path of the database.
        path: PathBuf,
        /// The id of the run.
        run: String,
        /// The owner named in the lease.
        owner: String,
    },
    /// Reading, writing or syncing failed.
    #[error("{} could not be read or written: {reason}; nothing of the last write counts", path.display())]
    Io {
        /// Path of the database.
        path: PathBuf,
        /// The message of the system.
        reason: String,
    },
    /// The linked SQLite is older than [`crate::SQLITE_OLDEST`].
    #[error(
        "this program was built with SQLite {}, and those before {} can damage databases",
        version(*found),
        crate::SQLITE_OLDEST
    )]
    OldSqlite {
        /// Its version, as in `sqlite3_libversion_number`.
        found: i32,
    },
    /// SQLite refused a statement of this crate: a defect.
    #[error("{} refused a statement: {reason}", path.display())]
    Internal {
        /// Path of the database.
        path: PathBuf,
        /// The message of SQLite.
        reason: String,
    },
    /// A run with this id exists.
    #[error("run {} exists already", key.run)]
    RunExists {
        /// The run.
        key: RunKey,
    },
    /// The run does not exist.
    #[error("there is no run {} for tenant `{}`", key.run, key.tenant.as_str())]
    NoSuchRun {
        /// The run.
        key: RunKey,
    },
    /// Another holder has the run.
    #[error("run {} is held by {owner}", key.run)]
    LeaseHeld {
        /// The run.
        key: RunKey,
        /// The owner named in the lease.
        owner: String,
    },
    /// The lease was released or replaced.
    #[error("run {} is no longer held by {owner} (fence {fence}): it was released, or another process took it over and goes on with it; nothing was written", key.run)]
    LeaseLost {
        /// The run.
        key: RunKey,
        /// The owner named in the lost lease.
        owner: String,
        /// The fence that is no longer valid.
        fence: u64,
    },
    /// The batch does not begin where the journal ends.
    #[error("entry {first_seq} cannot be appended to run {}, whose journal has {entries} entries", key.run)]
    OutOfSequence {
        /// The run.
        key: RunKey,
        /// Entries in the journal.
        entries: u64,
        /// Number of the first entry of the batch.
        first_seq: u64,
    },
    /// Records of the journal are missing.
    #[error("the journal of run {} is damaged: {reason}; nothing of it is used", key.run)]
    Damaged {
        /// The run.
        key: RunKey,
        /// Which records are missing.
        reason: String,
    },
    /// The records or the message cannot be stored.
    #[error("what was to be stored for run {} was refused: {reason}", key.run)]
    Invalid {
        /// The run.
        key: RunKey,
        /// What is wrong with it.
        reason: String,
    },
    /// Too many messages of the run are not taken.
    #[error("run {} has not taken {max} messages, and more than that cannot wait for it", key.run)]
    InboxFull {
        /// The run.
        key: RunKey,
        /// Most messages that can wait.
        max: u64,
    },
    /// The message has too many bytes.
    #[error("the message to run {} has {bytes} bytes, and at most {max} can be posted", key.run)]
    MessageTooLarge {
        /// The run.
        key: RunKey,
        /// Its size.
        bytes: usize,
        /// Most bytes of a message.
        max: usize,
    },
}

/// Formats a version number of SQLite: 3051003 is `3.51.3`.
fn version(number: i32) -> String {
    format!("{}.{}.{}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
}

impl StoreError {
    /// The stable code of this error.
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
            Self::InboxFull { .. } => Code::InboxFull,
            Self::MessageTooLarge { .. } => Code::MessageTooLarge,
        }
    }

    /// Whether the error concerns only the run that the call named. The store works,
    /// and other runs are not affected.
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
                | Self::InboxFull { .. }
                | Self::MessageTooLarge { .. }
        )
    }

    /// Whether the same call can succeed once another process has finished.
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
