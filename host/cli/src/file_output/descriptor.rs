//! Paths that are open files of a process, such as `/dev/stdout`.
//!
//! Owns: recognising them, also behind links, and duplicating them: opening such
//! a path again would start at the first byte of a file that others write to.
//! Never: a file that this program opened itself.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The owner of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// This process, with its number.
    Own(u32),
    /// Another process.
    Foreign,
}

/// Folders in which systems show the open files of the current process.
const OWN: [&str; 3] = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];

/// Whether the path is stdout, under any name.
pub(crate) fn is_stdout(path: &Path) -> bool {
    of(path) == Some(Descriptor::Own(1))
}

/// The open file that a path stands for, if it does.
pub(super) fn of(path: &Path) -> Option<Descriptor> {
    /// Most links to follow, as in Linux.
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

/// Handles that were duplicated when the command began.
static HELD: Mutex<Vec<(u32, File)>> = Mutex::new(Vec::new());

/// Duplicates the open file that `path` stands for, if it does, for a command
/// that writes to it at the end: once agents run, inherited files cannot be
/// distinguished from those that this program opened.
pub(crate) fn hold(path: &Path) {
    if let Some(Descriptor::Own(number)) = of(path)
        && let Ok(file) = system::duplicate(number)
    {
        HELD.lock().unwrap_or_else(PoisonError::into_inner).push((number, file));
    }
}

/// Duplicates an open file that this process was started with. Fails if it was
/// started without this number.
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

    /// Inherited files have no close-on-exec flag; files that this program opens
    /// itself, such as its database, have it.
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

    /// On other systems, opening the path duplicates the file.
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
