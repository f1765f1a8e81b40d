//! The program's stdin, read whole for one thing.
//!
//! Owns: that it is read once and not without a bound. Never: knows what for.

use std::io::{IsTerminal, Read};
use std::sync::atomic::{AtomicBool, Ordering};

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StdinError {
    #[error("`-` is there twice, and stdin can be read once; give a file for one of them")]
    Taken,
    #[error("`-` is stdin, which is a terminal here; pipe something into it, or give a file")]
    Terminal,
    #[error("stdin cannot be read: {0}")]
    Unreadable(std::io::Error),
}

/// Whether something has read it.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Everything up to its end, or the first `most` bytes.
pub(crate) fn read(most: usize) -> Result<Vec<u8>, StdinError> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Err(StdinError::Taken);
    }
    let stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        return Err(StdinError::Terminal);
    }
    let mut bytes = Vec::new();
    let read = stdin.take(most as u64).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(StdinError::Unreadable)
}
