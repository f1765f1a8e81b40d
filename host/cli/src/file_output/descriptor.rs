//! Paths that are the open files of a process, as `/dev/stdout` is.
//!
//! Owns: finding them, also behind links, and another handle of the same file: to
//! open such a path anew would be to begin at the first byte of a file that others
//! write to. Never: a file that this program has opened itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Whose open file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// This process has it under this number.
    Own(u32),
    /// Another process has it.
    Foreign,
}

/// Where systems show the open files of the process that looks.
const OWN: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];

/// Whether it is stdout, by whatever name.
pub(crate) fn is_stdout(path: &Path) -> bool {
    of(path) == Some(Descriptor::Own(1))
}

/// The open file that a path is, if it is one.
pub(super) fn of(path: &Path) -> Option<Descriptor> {
    /// As many as Linux follows.
    const LINKS_MAX: usize = 40;
    let mut path = std::path::absolute(path).ok()?;
    for _ in 0..LINKS_MAX {
        let folder = path.parent()?.canonicalize().ok()?;
        let name = path.file_name()?;
        let number = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            let is_own = |own: &str| Path::new(own).canonicalize().is_ok_and(|own| own == folder);
            if OWN.into_iter().any(is_own) {
                return Some(Descriptor::Own(number));
            }
            if folder.starts_with("/proc") && folder.file_name().is_some_and(|name| name == "fd") {
                return Some(Descriptor::Foreign);
            }
        }
        let target = fs::read_link(folder.join(name)).ok()?;
        path = folder.join(target);
    }
    None
}

/// Handles that were taken when the command began.
static HELD: Mutex<Vec<(u32, File)>> = Mutex::new(Vec::new());

/// Takes a handle of the open file that a path is, if it is one, for a command that
/// writes to it at its end: once agents are started, what was inherited cannot be
/// told from what this program has opened.
pub(crate) fn hold(path: &Path) {
    if let Some(Descriptor::Own(number)) = of(path)
        && let Ok(file) = system::duplicate(number)
    {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).push((number, file));
    }
}

/// Another handle of an open file that this process was started with.
pub(super) fn duplicate(number: u32) -> io::Result<File> {
    let held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, file)) = held.iter().find(|(held, _)| *held == number) {
        return file.try_clone();
    }
    system::duplicate(number).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let why = format!("this command was not started with a descriptor {number}");
            io::Error::new(io::ErrorKind::NotFound, why)
        }
        _ => error,
    })
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd as _, OwnedFd};

    pub(super) fn duplicate(number: u32) -> io::Result<File> {
        let handle = match number {
            0 => io::stdin().as_fd().try_clone_to_owned(),
            1 => io::stdout().as_fd().try_clone_to_owned(),
            2 => io::stderr().as_fd().try_clone_to_owned(),
            other => inherited(other),
        };
        handle.map(File::from)
    }

    /// What was inherited is there in spite of an `exec`; what this program opens
    /// itself, its database for one, would not be.
    #[cfg(target_os = "linux")]
    fn inherited(number: u32) -> io::Result<OwnedFd> {
        use rustix::fs::OFlags;
        use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        let number = i32::try_from(number).map_err(io::Error::other)?;
        if flags.is_none_or(|flags| OFlags::from_bits_retain(flags).contains(OFlags::CLOEXEC)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let own = pidfd_open(getpid(), PidfdFlags::empty())?;
        Ok(pidfd_getfd(&own, number, PidfdGetfdFlags::empty())?)
    }

    /// Elsewhere to open it is to have another handle.
    #[cfg(not(target_os = "linux"))]
    fn inherited(number: u32) -> io::Result<OwnedFd> {
        let file = File::options().write(true).open(format!("/dev/fd/{number}"))?;
        Ok(OwnedFd::from(file))
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::File;
    use std::io;

    pub(super) fn duplicate(_: u32) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }
}
