//! An unfinished file beside the one that it will replace.
//!
//! Owns: its name, its permissions and its removal. Never: its content.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::remove;
use crate::signals;

/// Unfinished files that exist now.
static UNFINISHED: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// The set, also after a panic: it is never left half changed.
fn unfinished() -> MutexGuard<'static, HashSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all unfinished files, because the process ends.
pub(crate) fn remove_unfinished() {
    for path in unfinished().drain() {
        let _ = remove(&path);
    }
}

/// An unfinished file. Dropping this, or a signal, removes it unless it was moved
/// or kept.
pub(crate) struct PartialFile {
    path: PathBuf,
}

impl PartialFile {
    /// Creates a file in the folder of `path`, which only its owner can read.
    pub(crate) fn of(path: &Path) -> io::Result<(File, Self)> {
        /// Enough: names are random 64-bit numbers.
        const TRIES: usize = 4;
        signals::remove_unfinished_files();
        let mut tries = 0;
        loop {
            tries += 1;
            let number = RandomState::new().build_hasher().finish();
            let beside = Self { path: path.with_file_name(format!(".smol-wf-{number:016x}")) };
            // `create_new` does not follow a link that someone put there.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // Register it before it exists: a signal may come at once.
            unfinished().insert(beside.path.clone());
            match options.open(&beside.path) {
                Ok(file) => return Ok((file, beside)),
                Err(error) => {
                    // It was not created, so it must not be removed.
                    unfinished().remove(&beside.path);
                    if error.kind() != ErrorKind::AlreadyExists || tries == TRIES {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// Replaces the file at `path`. If that fails, the unfinished file still
    /// exists.
    pub(crate) fn replace(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        unfinished().remove(&self.path);
        Ok(())
    }
}

impl PartialFile {
    /// Moves the file to `path`, which was unused at the beginning. Fails with
    /// `AlreadyExists` if someone created a file there meanwhile.
    pub(crate) fn move_to_new(&mut self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, path) {
            Ok(()) => {
                let _ = remove(&self.path);
                unfinished().remove(&self.path);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // A file system without hard links.
            Err(_) if path.symlink_metadata().is_err() => self.replace(path),
            Err(error) => Err(error),
        }
    }

    /// Where it is now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the file under its temporary name, and returns that.
    pub(crate) fn keep(self) -> PathBuf {
        unfinished().remove(&self.path);
        self.path.clone()
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        let is_there = unfinished().remove(&self.path);
        if is_there {
            let _ = remove(&self.path);
        }
    }
}
