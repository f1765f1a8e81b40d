//! Who may change a repository's own folder now.
//!
//! Owns: the lock that all processes of this program share. Never: keeps out
//! the user's own git, which knows nothing of it.
//!
//! Git reads the folders of all worktrees when it adds one, and fails where
//! another is half made; so those that add and remove take turns.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use super::error::WorktreeError;

/// In the repository's own folder. Stays there: a lock file that is deleted is
/// two locks for whoever has it open.
const NAME: &str = "smol-wf.lock";

/// First and longest wait between two tries. What is done under the lock takes
/// milliseconds.
const WAIT_FIRST: Duration = Duration::from_millis(2);
const WAIT_LAST: Duration = Duration::from_millis(50);

/// A hundred processes that add a worktree each take seconds; whoever holds it
/// longer has been stopped, and is waited for no more.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// Lets go when it is dropped, also by the death of its process.
pub(super) struct RepositoryLock<'a> {
    _within: MutexGuard<'a, ()>,
    _across: Option<File>,
}

/// Waits until nobody else of this run, nor any other process of this program,
/// changes the repository.
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
        // Someone else's, in a repository that several users share.
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
            // A file system without locks: then git's own must do.
            Err(TryLockError::Error(_)) => {
                return Ok(RepositoryLock { _within: within, _across: None });
            }
        }
    }
}
