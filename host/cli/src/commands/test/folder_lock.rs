//! The lock of a folder whose fixtures are being recorded.
//!
//! Owns: that two processes do not ask agents for the same answers. Never: locks a
//! fixture file, which is replaced by each update; or guards files against other
//! programs.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use smol_wf_engine::CancellationToken;

use crate::failure::print_message;

/// Time between two attempts to lock. A recording takes seconds or more.
const WAIT: Duration = Duration::from_millis(100);

/// Locks the folder of a fixture until the value is dropped. Waits, with a
/// message, for another process that holds it. None after a cancellation, and on
/// file systems or platforms where a folder cannot be locked.
pub(super) async fn lock_folder_of(fixture: &Path, cancel: &CancellationToken) -> Option<File> {
    let folder = fixture.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = File::open(folder.unwrap_or(Path::new("."))).ok()?;
    let mut is_waiting = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::Error(_)) => return None,
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_waiting {
            let fixture = fixture.strip_prefix(".").unwrap_or(fixture).display();
            print_message(&format!("{fixture}: waiting for another smol-wf that records here"));
            is_waiting = true;
        }
        tokio::select! {
            () = cancel.cancelled() => return None,
            () = tokio::time::sleep(WAIT) => {}
        }
    }
}
