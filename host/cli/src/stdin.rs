//! Reads the program's stdin, once.
//!
//! Owns: that stdin is read by one argument only, and not without a limit. Never:
//! interprets the bytes.

use std::io::{IsTerminal, Read};
use std::sync::atomic::{AtomicBool, Ordering};

/// Why stdin was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StdinError {
    /// It was read for another argument.
    #[error("`-` is given twice, but stdin can be read only once; give a file for one of them")]
    Taken,
    /// A person would have to type the file.
    #[error("`-` means stdin, which is a terminal; pipe something into it, or give a file")]
    Terminal,
    #[error("stdin cannot be read: {0}")]
    Unreadable(std::io::Error),
}

/// Whether stdin was read.
static WAS_READ: AtomicBool = AtomicBool::new(false);

/// Reads stdin to its end, at most `most` bytes. Fails on a second call, on a
/// terminal and on read errors.
pub(crate) fn read(most: usize) -> Result<Vec<u8>, StdinError> {
    if WAS_READ.swap(true, Ordering::Relaxed) {
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
