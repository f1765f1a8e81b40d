//! A file that is not whole yet, beside the one whose place it is to take.
//!
//! Owns: its name, who may read it, and that it goes again. Never: what is in it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::remove;
use crate::signals;

/// Those that are there.
static UNFINISHED: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

fn unfinished() -> MutexGuard<'static, HashSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes them away: the process ends.
pub(crate) fn remove_unfinished() {
    for path in unfinished().drain() {
        let _ = remove(&path);
    }
}

/// The name of such a file, which goes unless it is given another one. A signal
/// takes it away as well.
pub(crate) struct PartialFile {
    path: PathBuf,
}

impl PartialFile {
    /// A new file in the folder of another one, for its owner alone.
    pub(crate) fn of(path: &Path) -> io::Result<(File, Self)> {
        /// Names are numbers of 64 bits that nobody can foresee.
        const TRIES: usize = 4;
        signals::remove_unfinished_files();
        let mut tries = 0;
        loop {
            tries += 1;
            let number = RandomState::new().build_hasher().finish();
            let beside = Self { path: path.with_file_name(format!(".smol-wf-{number:016x}")) };
            // A link that somebody has put there is not followed.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            // Before it is there: a signal may come at once.
            unfinished().insert(beside.path.clone());
            match options.open(&beside.path) {
                Ok(file) => return Ok((file, beside)),
                Err(error) => {
                    // It is not ours to remove.
                    unfinished().remove(&beside.path);
                    if error.kind() != ErrorKind::AlreadyExists || tries == TRIES {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// It is whole. Where it cannot take the place, it is still there.
    pub(crate) fn take_place_of(&mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        unfinished().remove(&self.path);
        Ok(())
    }
}

impl PartialFile {
    /// It is whole, and gets a name that was free when it was begun. What somebody
    /// has made there meanwhile stays.
    pub(crate) fn take_free(&mut self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, path) {
            Ok(()) => {
                let _ = remove(&self.path);
                unfinished().remove(&self.path);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // A file system without hard links.
            Err(_) if path.symlink_metadata().is_err() => self.take_place_of(path),
            Err(error) => Err(error),
        }
    }

    /// It stays, under this name.
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
