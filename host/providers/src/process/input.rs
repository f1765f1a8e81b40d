//! What a program reads on stdin: a whole text, or a pipe that stays open.
//!
//! Owns: the file that holds a whole text. Never: writes to a running program; a protocol
//! of frames does that itself.
//!
//! At the end of a pipe the reader cannot tell whether all was written or the writer has
//! died: an agent would work on the first half of a prompt, or on none. So a text is
//! complete in a file before the program starts, and nothing that happens to this process
//! later can shorten it.

use std::fs::File;
use std::io::{self, Write};
use std::process::Stdio;

/// What a program reads on stdin.
#[derive(Clone, Default)]
pub(crate) enum Input {
    /// Nothing.
    #[default]
    None,
    /// This text, whole.
    Whole(Vec<u8>),
    /// A pipe, for protocols whose frames show when one is cut.
    Framed,
}

/// Without the text, which may be long and belongs to the user.
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Whole(text) => write!(f, "Whole({} bytes)", text.len()),
            Self::Framed => f.write_str("Framed"),
        }
    }
}

impl Input {
    /// The program's stdin.
    pub(super) fn open(&self) -> io::Result<Stdio> {
        match self {
            Self::None => Ok(Stdio::null()),
            Self::Whole(text) => whole(text).map(Stdio::from),
            Self::Framed => Ok(Stdio::piped()),
        }
    }
}

/// The text in a file of its own that nobody can change any more. Where the system does
/// not offer that, the file at least has no name.
fn whole(text: &[u8]) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    match sealed(text) {
        Ok(file) => return Ok(file),
        // A kernel, or a filter of system calls, that does not know such files.
        Err(error) if is_unknown(&error) => {}
        Err(error) => return Err(error),
    }
    unlinked(text)
}

#[cfg(target_os = "linux")]
fn is_unknown(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::NOSYS, Errno::INVAL, Errno::PERM, Errno::ACCESS]
        .iter()
        .any(|one| error.raw_os_error() == Some(one.raw_os_error()))
}

/// A sealed file in memory, as a descriptor that only reads.
#[cfg(target_os = "linux")]
fn sealed(text: &[u8]) -> io::Result<File> {
    use std::io::{Seek, SeekFrom};
    use std::os::fd::AsRawFd;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::io::Errno;

    const NAME: &str = "smol-wf-prompt";
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the first flag, and some later ones require it.
    let made = match memfd_create(NAME, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => memfd_create(NAME, flags),
        made => made,
    }?;
    let mut file = File::from(made);
    file.write_all(text)?;
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL,
    )?;
    // Opened anew, it begins at its start. Without `/proc` the descriptor itself is
    // handed over; its seals forbid writing as well.
    if let Ok(reading) = File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        return Ok(reading);
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// A file that only its user may read, and that loses its name before anything is written
/// to it.
fn unlinked(text: &[u8]) -> io::Result<File> {
    let named = tempfile::Builder::new().prefix("smol-wf-").tempfile()?;
    let reading = File::open(named.path())?;
    let (mut writing, path) = named.into_parts();
    path.close()?;
    writing.write_all(text)?;
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn read(mut file: &File) -> Vec<u8> {
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        read
    }

    #[test]
    fn a_text_is_whole_and_cannot_be_written_to() {
        let long = vec![b'x'; 5 * 1024 * 1024];
        for text in [b"".as_slice(), b"\0\xff\n", &long] {
            for mut file in [whole(text).unwrap(), unlinked(text).unwrap()] {
                assert_eq!(read(&file), text);
                assert!(file.write_all(b"more").is_err() && file.set_len(0).is_err());
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_a_name_is_for_its_user_alone() {
        use std::os::unix::fs::MetadataExt;
        let meta = unlinked(b"secret").unwrap().metadata().unwrap();
        assert_eq!((meta.mode() & 0o777, meta.nlink()), (0o600, 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sealed_text_cannot_be_changed_by_opening_it_again() {
        use std::os::fd::AsRawFd;
        let file = sealed(b"prompt").unwrap();
        let again = format!("/proc/self/fd/{}", file.as_raw_fd());
        let opened = std::fs::OpenOptions::new().write(true).open(&again);
        assert!(opened.is_err() || opened.unwrap().write_all(b"other").is_err());
        assert_eq!(std::fs::read(&again).unwrap(), b"prompt");
    }

    #[test]
    fn a_text_is_not_shown() {
        let shown = format!("{:?}", Input::Whole(b"secret".to_vec()));
        assert_eq!(shown, "Whole(6 bytes)");
    }
}
