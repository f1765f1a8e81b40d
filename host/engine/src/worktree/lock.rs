//! The lock for changes to a repository's own folder.
//!
//! Owns: the lock that all processes of this program share. Never: keeps out the user's
//! own git, which does not know it.
//!
//! Git reads the folders of all worktrees when it adds one, and fails when another is
//! half made. So worktrees are added and removed one at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use super::error::WorktreeError;

/// Name of the lock file in the repository's own folder. It stays: processes that have a
/// deleted lock file open would not see a new one.
const NAME: &str = "smol-wf.lock";

/// First and longest wait between two tries. Work under the lock takes milliseconds.
const WAIT_FIRST: Duration = Duration::from_millis(2);
const WAIT_LAST: Duration = Duration::from_millis(50);

/// Longest wait. A hundred processes that each add a worktree take seconds; a process that
/// holds the lock for longer has been stopped.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// The locked lock. It is released when this is dropped or the process dies.
pub(super) struct RepositoryLock<'a> {
    _within: MutexGuard<'a, ()>,
    _across: Option<File>,
}

/// Locks a repository against other steps of this run and other processes of this program.
pub(super) async fn turn<'a>(
    within: &'a Mutex<()>,
    repository: &Path,
) -> Result<RepositoryLock<'a>, WorktreeError> {
    let within = within.lock().await;
    let path = repository.join(NAME);
    let failed = |doing, error| WorktreeError::File { doing, path: path.clone(), error };
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        // The file of another user, in a repository that several users share.
        .or_else(|_| File::open(&path))
        .map_err(|error| failed("open the lock", error))?;
    let begun = Instant::now();
    let mut wait = WAIT_FIRST;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(RepositoryLock { _within: within, _across: Some(file) }),
            Err(TryLockError::WouldBlock) if begun.elapsed() < WAIT_MAX => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(WAIT_LAST);
            }
            Err(TryLockError::WouldBlock) => {
                let error = std::io::ErrorKind::TimedOut.into();
                return Err(failed("wait any longer for the smol-wf that holds", error));
            }
            // A file system without locks: git's own locks must do.
            Err(TryLockError::Error(_)) => {
                return Ok(RepositoryLock { _within: within, _across: None });
            }
        }
    }
}
