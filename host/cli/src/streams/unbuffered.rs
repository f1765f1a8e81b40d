//! Writes to the file descriptors themselves.
//!
//! Owns: waiting for a reader, also on a pipe that says that it would block, and
//! the count of what readers have taken. Never: buffers.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes of one write: a pipe holds four of these, so that whoever looks sees
/// whether its reader still takes something.
const PART_BYTES: usize = 16 * 1024;

/// Parts that were taken by the readers of both streams.
static MOVED: AtomicU64 = AtomicU64::new(0);

/// Writes that are under way, and may wait for a reader.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Whether a write waits for its reader, or is just being done.
pub(crate) fn is_writing() -> bool {
    WAITING.load(Ordering::SeqCst) > 0
}

/// Changes as long as somebody reads.
pub(crate) fn moved() -> u64 {
    MOVED.load(Ordering::SeqCst)
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stdout;

/// Standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stderr;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waited_for(|| system::write(system::STDOUT, part(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        waited_for(|| system::write(system::STDERR, part(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stderr {
    /// Writes what it can without waiting for anybody, and says how much that is.
    /// Nothing where the system cannot promise not to wait.
    pub(super) fn write_at_once(self, bytes: &[u8]) -> usize {
        match system::write_at_once(part(bytes)) {
            Some(written) => counted(Ok(written)).unwrap_or_default(),
            None => 0,
        }
    }
}

fn part(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(PART_BYTES)]
}

fn waited_for(write: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
    WAITING.fetch_add(1, Ordering::SeqCst);
    let written = counted(write());
    WAITING.fetch_sub(1, Ordering::SeqCst);
    written
}

fn counted(written: io::Result<usize>) -> io::Result<usize> {
    if written.is_ok() {
        MOVED.fetch_add(1, Ordering::SeqCst);
    }
    written
}

/// Rows and columns of the terminal on stderr; those of an old one where nobody
/// knows.
pub(super) fn terminal_size() -> (usize, usize) {
    const UNKNOWN: (usize, usize) = (24, 80);
    system::terminal_size().filter(|&(rows, columns)| rows > 0 && columns > 0).unwrap_or(UNKNOWN)
}

/// Columns of the terminal on stdout; none where it is none.
pub(crate) fn columns_of_stdout() -> Option<usize> {
    system::columns_of_stdout().filter(|columns| *columns > 0)
}

/// Whether both streams go to the same place.
pub(super) fn are_one() -> bool {
    system::are_one()
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::os::fd::BorrowedFd;

    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use rustix::stdio;

    pub(super) const STDOUT: fn() -> BorrowedFd<'static> = stdio::stdout;
    pub(super) const STDERR: fn() -> BorrowedFd<'static> = stdio::stderr;

    /// Some of it, once there is room. Whether a pipe blocks is a property that
    /// its other owners share: it is waited for, and left as it is.
    pub(super) fn write(to: fn() -> BorrowedFd<'static>, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(to(), bytes) {
                Ok(written) => return Ok(written),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => wait_for_room(to())?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Pipes and sockets say what they take now. Files and terminals refuse the
    /// question, and an older kernel does for pipes.
    #[cfg(target_os = "linux")]
    pub(super) fn write_at_once(bytes: &[u8]) -> Option<usize> {
        /// The place where the file stands, or none, as a pipe has it.
        const HERE: u64 = u64::MAX;
        let bytes = [std::io::IoSlice::new(bytes)];
        let now = rustix::io::ReadWriteFlags::NOWAIT;
        rustix::io::pwritev2(stdio::stderr(), &bytes, HERE, now).ok()
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn write_at_once(_: &[u8]) -> Option<usize> {
        None
    }

    fn wait_for_room(fd: BorrowedFd<'_>) -> io::Result<()> {
        match poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn columns_of_stdout() -> Option<usize> {
        Some(rustix::termios::tcgetwinsize(stdio::stdout()).ok()?.ws_col.into())
    }

    pub(super) fn are_one() -> bool {
        let place = |fd| rustix::fs::fstat(fd).map(|seen| (seen.st_dev, seen.st_ino));
        matches!((place(stdio::stdout()), place(stdio::stderr())), (Ok(out), Ok(err)) if out == err)
    }

    pub(super) fn terminal_size() -> Option<(usize, usize)> {
        let size = rustix::termios::tcgetwinsize(stdio::stderr()).ok()?;
        Some((size.ws_row.into(), size.ws_col.into()))
    }
}

/// Elsewhere the standard library writes, and nobody knows a terminal's size.
#[cfg(not(unix))]
mod system {
    use std::io::{self, Write as _};

    pub(super) const STDOUT: fn(&[u8]) -> io::Result<usize> = |bytes| {
        let mut out = io::stdout().lock();
        out.write(bytes).and_then(|written| out.flush().map(|()| written))
    };
    pub(super) const STDERR: fn(&[u8]) -> io::Result<usize> =
        |bytes| io::stderr().lock().write(bytes);

    pub(super) fn write(to: fn(&[u8]) -> io::Result<usize>, bytes: &[u8]) -> io::Result<usize> {
        to(bytes)
    }

    pub(super) fn write_at_once(_: &[u8]) -> Option<usize> {
        None
    }

    pub(super) fn columns_of_stdout() -> Option<usize> {
        None
    }

    pub(super) fn are_one() -> bool {
        false
    }

    pub(super) fn terminal_size() -> Option<(usize, usize)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_waits_is_seen_and_moves_when_it_is_done() {
        let before = moved();
        let written = waited_for(|| {
            assert!(is_writing());
            Ok(3)
        });
        assert_eq!(written.unwrap(), 3);
        assert!(moved() > before);
    }
}
