//! A named pipe that wakes the holder of a run.
//!
//! Owns: making, hearing, ringing and removing it. Never: reads what was written, or
//! waits for a reader. Where the library that calls the system cannot make a named pipe
//! (Apple, Windows), none is made, and holders look for messages now and then.

#[cfg(all(unix, not(target_vendor = "apple")))]
pub(crate) use unix::Fifo;

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
pub(crate) use other::Fifo;

#[cfg(all(unix, not(target_vendor = "apple")))]
mod unix {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions};
    use std::io::{self, Write as _};
    use std::os::unix::fs::{
        DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
        PermissionsExt as _,
    };
    use std::path::{Path, PathBuf};

    use rustix::fs::{CWD, Mode, OFlags, mkfifoat};
    use tokio::net::unix::pipe::Receiver;

    /// Bytes read at once: a ring is one byte, and many rings are one.
    const RINGS: usize = 512;

    /// The holder's end.
    #[derive(Debug)]
    pub(crate) struct Fifo {
        pipe: Receiver,
        path: PathBuf,
        /// Device and number of the file that was made.
        file: (u64, u64),
    }

    impl Fifo {
        /// Makes the pipe, in place of one that an earlier holder left. None where none can
        /// be made: a file system without pipes, a foreign file in its place.
        pub(crate) fn make(path: &Path) -> Option<Self> {
            Self::try_make(path).ok()
        }

        fn try_make(path: &Path) -> io::Result<Self> {
            if let Some(folder) = path.parent() {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            // A new one: an earlier holder that comes to its end late removes its own only.
            Self::remove(path);
            mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?;
            // For reading and writing, so that it never ends when a writer closes it.
            let pipe = open(path, OpenOptions::new().read(true).write(true))?;
            let meta = pipe.metadata()?;
            if meta.permissions().mode() & 0o077 != 0 {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            let file = identity(&meta);
            Ok(Self { pipe: Receiver::from_file_unchecked(pipe)?, path: path.to_owned(), file })
        }

        /// Returns when it was rung.
        pub(crate) async fn rung(&mut self) {
            let mut rings = [0; RINGS];
            loop {
                if self.pipe.readable().await.is_err() {
                    // Never seen; the holder still looks now and then.
                    return std::future::pending().await;
                }
                match self.pipe.try_read(&mut rings) {
                    Ok(0) => return std::future::pending().await,
                    Ok(_) => return,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return std::future::pending().await,
                }
            }
        }

        /// Rings. If nobody holds the run, the pipe is full or something else is in its
        /// place, nothing happens.
        pub(crate) fn ring(path: &Path) {
            if let Ok(mut pipe) = open(path, OpenOptions::new().write(true)) {
                // A full pipe was rung already.
                let _ = pipe.write(b"!");
            }
        }
    }

    impl Fifo {
        /// Removes a pipe that a dead holder has left; anything else stays.
        pub(crate) fn remove(path: &Path) {
            let is_pipe =
                std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_fifo());
            if is_pipe {
                // What stays is taken by the next holder.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    impl Drop for Fifo {
        fn drop(&mut self) {
            let is_ours = std::fs::symlink_metadata(&self.path)
                .is_ok_and(|meta| identity(&meta) == self.file);
            if is_ours {
                // What stays is taken by the next holder.
                let _ = std::fs::remove_file(&self.path);
            }
        }
    }

    /// Opens a pipe of this user without waiting; anything else is an error, and a link is
    /// not followed.
    fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let meta = std::fs::symlink_metadata(path)?;
        if !meta.file_type().is_fifo() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = options.custom_flags(flags).open(path)?;
        let opened = file.metadata()?;
        let own = rustix::process::geteuid().as_raw();
        match opened.file_type().is_fifo() && opened.uid() == own {
            true => Ok(file),
            false => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }

    fn identity(meta: &Metadata) -> (u64, u64) {
        (meta.dev(), meta.ino())
    }
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
mod other {
    use std::path::Path;

    #[derive(Debug)]
    pub(crate) struct Fifo;

    impl Fifo {
        pub(crate) fn make(_path: &Path) -> Option<Self> {
            None
        }

        pub(crate) async fn rung(&mut self) {
            std::future::pending().await
        }

        pub(crate) fn ring(_path: &Path) {}

        pub(crate) fn remove(_path: &Path) {}
    }
}
