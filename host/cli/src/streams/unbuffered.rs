//! Writes to the file descriptors of stdout and stderr, without a buffer.
//!
//! Owns: waiting for a reader, also on a non-blocking pipe, and the count of
//! finished writes. Never: buffers.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Bytes of one write. A pipe holds four of these, so progress is visible while
/// its reader still reads.
const PART_BYTES: usize = 16 * 1024;

/// Number of writes that both streams finished.
static FINISHED_WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes in progress, which may be waiting for a reader.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// Bytes that stderr still takes, where it is a log. The largest number means no bound.
static ROOM: AtomicU64 = AtomicU64::new(u64::MAX);

/// The last line of a log that is full.
const CUT: &[u8] = "\n… the log ends here: it has its largest size\n".as_bytes();

/// From here on stderr is a log that takes this many more bytes, and then a last line.
pub(crate) fn bound_stderr(bytes: u64) {
    ROOM.store(bytes, Ordering::SeqCst);
}

/// What a log does with some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Room {
    /// Takes them.
    Enough,
    /// Takes its last line in their place.
    Ends,
    /// Takes nothing any more.
    Over,
}

impl Room {
    /// The room for this many bytes, which are subtracted from what is left. Once some
    /// were refused nothing is taken, so that no later line stands for an earlier one.
    fn take(left: &AtomicU64, bytes: usize) -> Self {
        match left.load(Ordering::SeqCst) {
            u64::MAX => Self::Enough,
            0 => Self::Over,
            before => {
                let after = before.saturating_sub(bytes as u64);
                left.store(after, Ordering::SeqCst);
                if after > 0 { Self::Enough } else { Self::Ends }
            }
        }
    }
}

/// Whether a write is in progress, perhaps waiting for its reader.
pub(crate) fn is_writing() -> bool {
    WAITING.load(Ordering::SeqCst) > 0
}

/// A counter that changes while a reader reads.
pub(crate) fn finished_writes() -> u64 {
    FINISHED_WRITES.load(Ordering::SeqCst)
}

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stdout;

/// Standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stderr;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        counted_as_waiting(|| system::write(system::STDOUT, part(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match Room::take(&ROOM, part(bytes).len()) {
            Room::Enough => {}
            Room::Ends => {
                // A file takes a short line whole.
                counted(system::write(system::STDERR, CUT))?;
                return Ok(bytes.len());
            }
            Room::Over => return Ok(bytes.len()),
        }
        counted_as_waiting(|| system::write(system::STDERR, part(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stderr {
    /// Writes what fits without waiting, and returns the number of bytes: 0 if
    /// the system cannot guarantee not to wait.
    pub(super) fn write_at_once(self, bytes: &[u8]) -> usize {
        if ROOM.load(Ordering::SeqCst) != u64::MAX {
            // `write` counts what a log takes.
            return 0;
        }
        match system::write_at_once(part(bytes)) {
            Some(written) => counted(Ok(written)).unwrap_or_default(),
            None => 0,
        }
    }
}

/// The beginning of the bytes that one write takes.
fn part(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(PART_BYTES)]
}

/// Runs a write that may wait for its reader; it counts as in progress until it
/// returns.
fn counted_as_waiting(write: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
    WAITING.fetch_add(1, Ordering::SeqCst);
    let written = counted(write());
    WAITING.fetch_sub(1, Ordering::SeqCst);
    written
}

/// Counts a write that succeeded.
fn counted(written: io::Result<usize>) -> io::Result<usize> {
    if written.is_ok() {
        FINISHED_WRITES.fetch_add(1, Ordering::SeqCst);
    }
    written
}

/// Rows and columns of the terminal on stderr; 24 and 80 if unknown.
pub(super) fn terminal_size() -> (usize, usize) {
    const UNKNOWN: (usize, usize) = (24, 80);
    system::terminal_size().filter(|&(rows, columns)| rows > 0 && columns > 0).unwrap_or(UNKNOWN)
}

/// Columns of the terminal on stdout; `None` if it is not a terminal.
pub(crate) fn columns_of_stdout() -> Option<usize> {
    system::columns_of_stdout().filter(|columns| *columns > 0)
}

/// Whether stdout and stderr are the same file or terminal.
pub(super) fn are_same_file() -> bool {
    system::are_same_file()
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

    /// Writes some of the bytes, waiting for room. Non-blocking mode is shared
    /// with the other owners of a pipe, so it is not changed; `poll` waits
    /// instead.
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

    /// Pipes and sockets support `RWF_NOWAIT`. Files and terminals refuse it, and
    /// older kernels for pipes too.
    #[cfg(target_os = "linux")]
    pub(super) fn write_at_once(bytes: &[u8]) -> Option<usize> {
        /// The current file position; also valid for a pipe, which has none.
        const HERE: u64 = u64::MAX;
        let bytes = [std::io::IoSlice::new(bytes)];
        let now = rustix::io::ReadWriteFlags::NOWAIT;
        rustix::io::pwritev2(stdio::stderr(), &bytes, HERE, now).ok()
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn write_at_once(_: &[u8]) -> Option<usize> {
        None
    }

    /// Returns when the descriptor takes bytes again, or after a signal.
    fn wait_for_room(fd: BorrowedFd<'_>) -> io::Result<()> {
        match poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Columns of stdout; `None` if it is not a terminal, 0 if unknown.
    pub(super) fn columns_of_stdout() -> Option<usize> {
        Some(rustix::termios::tcgetwinsize(stdio::stdout()).ok()?.ws_col.into())
    }

    pub(super) fn are_same_file() -> bool {
        let place = |fd| rustix::fs::fstat(fd).map(|seen| (seen.st_dev, seen.st_ino));
        matches!((place(stdio::stdout()), place(stdio::stderr())), (Ok(out), Ok(err)) if out == err)
    }

    /// Rows and columns of stderr; `None` if it is not a terminal, 0 if
    /// unknown.
    pub(super) fn terminal_size() -> Option<(usize, usize)> {
        let size = rustix::termios::tcgetwinsize(stdio::stderr()).ok()?;
        Some((size.ws_row.into(), size.ws_col.into()))
    }
}

/// Other systems: the standard library writes, and the size of a terminal is
/// unknown.
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

    pub(super) fn are_same_file() -> bool {
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
    fn a_log_takes_what_it_has_room_for_and_then_one_line() {
        let left = AtomicU64::new(10);
        let taken = [4, 5, 9, 1].map(|bytes| Room::take(&left, bytes));
        assert_eq!(taken, [Room::Enough, Room::Enough, Room::Ends, Room::Over]);
        let left = AtomicU64::new(u64::MAX);
        assert_eq!(Room::take(&left, 1 << 30), Room::Enough);
        assert_eq!(left.load(Ordering::SeqCst), u64::MAX, "a terminal has no bound");
    }

    #[test]
    fn a_write_that_waits_is_seen_and_moves_when_it_is_done() {
        let before = finished_writes();
        let written = counted_as_waiting(|| {
            assert!(is_writing());
            Ok(3)
        });
        assert_eq!(written.unwrap(), 3);
        assert!(finished_writes() > before);
    }
}
