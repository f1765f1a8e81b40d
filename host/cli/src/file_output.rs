//! Output files with names that the user gives.
//!
//! Owns: atomic replacement, protection of files that the user did not mean, and
//! removal of unfinished files. Never: the content.

mod descriptor;
mod overwrite;
mod partial_file;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use smol_wf_engine::library;

use crate::{paths, sanitize, shell, usage_hints};
use descriptor::Descriptor;
pub(crate) use descriptor::{hold, is_stdout};
pub(crate) use overwrite::Overwrites;
pub(crate) use partial_file::{PartialFile, remove_unfinished};

/// Creates folders that only their owner can read: mode 0700 where folders have a
/// mode.
pub(crate) fn private_folders() -> DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "elsewhere a folder has no mode"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// A file that replaces another one when it is complete. Devices, pipes and
/// descriptors of this process are written directly; behind a link, its target is
/// replaced.
pub(crate) struct OutputFile {
    /// Where to write; [`finish`](Self::finish) flushes it.
    pub(crate) to: BufWriter<File>,
    destination: Destination,
}

/// How the written bytes get to their path.
enum Destination {
    /// Written directly: device, pipe or descriptor.
    Through,
    /// A new file, which gets this unused path.
    New(PartialFile, PathBuf),
    /// A new file, which replaces the one at this path.
    Place(PartialFile, PathBuf),
    /// Copied into the file at this path at the end, because it has other hard
    /// links or another owner, or because its folder cannot be written. Until
    /// then the bytes are in a file beside it, or in an unnamed one.
    Copy(PathBuf, Option<PartialFile>),
}

impl OutputFile {
    /// Starts writing a file that will replace the one at `path`.
    ///
    /// # Errors If that file must not be replaced, or cannot be written.
    pub(crate) fn begin(path: &Path, over: Overwrites) -> io::Result<Self> {
        let through = |file| Self { to: BufWriter::new(file), destination: Destination::Through };
        if let Some(Descriptor::Own(number)) = descriptor::of(path) {
            return descriptor::duplicate(number).map(through);
        }
        not_dangling(path)?;
        library::stays_inside(path, paths::home().as_deref())?;
        if let Some(Descriptor::Foreign) = descriptor::of(path) {
            return OpenOptions::new().append(true).open(path).map(through);
        }
        let Ok(old) = fs::metadata(path) else {
            over.allow(path, path)?;
            let (file, beside) = PartialFile::of(path)?;
            let destination = Destination::New(beside, path.to_owned());
            return Ok(Self { to: BufWriter::new(file), destination });
        };
        if system::is_disk(&old) {
            return Err(io::Error::other("it is a disk; choose a file"));
        }
        if !old.is_file() {
            return File::create(path).map(through);
        }
        let real = path.canonicalize()?;
        over.allow(&real, path)?;
        // Without permission to write the file, do not replace it either.
        OpenOptions::new().write(true).open(&real)?;
        let (file, destination) = match PartialFile::of(&real) {
            Ok((file, beside)) if system::can_replace(&old, &file.metadata()?) => {
                // The new file keeps the permissions of the old one.
                file.set_permissions(old.permissions())?;
                (file, Destination::Place(beside, real))
            }
            Ok((file, beside)) => (file, Destination::Copy(real, Some(beside))),
            Err(refused) => {
                (tempfile::tempfile().map_err(|_| refused)?, Destination::Copy(real, None))
            }
        };
        Ok(Self { to: BufWriter::new(file), destination })
    }

    /// A second handle of the file, for a writer that needs to own one.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.to.get_ref().try_clone()
    }

    /// Moves the complete file to its path. Fails if it cannot be written; a file
    /// that was begun in place is then kept beside it, and the error names it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.to.flush()?;
        let file = self.to.get_ref();
        match self.destination {
            Destination::Through => Ok(()),
            Destination::Copy(path, beside) => {
                copy(file, &path).map_err(|error| copy_error(error, beside))
            }
            Destination::New(mut beside, path) => {
                system::set_default_permissions(file)?;
                beside.move_to_new(&path).map_err(|error| name_taken_error(error, beside))
            }
            Destination::Place(mut beside, path) => match beside.replace(&path) {
                Err(error) if is_about_the_place(&error) => {
                    copy(file, &path).map_err(|error| copy_error(error, Some(beside)))
                }
                placed => placed,
            },
        }
    }
}

/// Whether a rename failed but the target can still be written: its folder is
/// sticky, or it is a mount point.
fn is_about_the_place(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ResourceBusy | ErrorKind::CrossesDevices
    )
}

/// The error of a copy. If the target was partly written, the complete file
/// beside it is kept and named.
fn copy_error(CopyError { error, begun }: CopyError, beside: Option<PartialFile>) -> io::Error {
    match beside {
        Some(beside) if begun => {
            let whole = beside.keep();
            let why = format!("{error}; the complete file is {}", sanitize::path(&whole));
            io::Error::new(error.kind(), why)
        }
        _ => error,
    }
}

/// The error of a new file. If another file got its name meanwhile, this one is
/// kept under its temporary name.
fn name_taken_error(error: io::Error, beside: PartialFile) -> io::Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error;
    }
    let whole = sanitize::path(&beside.keep());
    let why = format!(
        "another file was created there meanwhile and was not changed; this one is {whole}"
    );
    io::Error::new(ErrorKind::AlreadyExists, why)
}

/// A failed copy, and whether the target was already changed.
struct CopyError {
    error: io::Error,
    /// Whether the old content is damaged.
    begun: bool,
}

/// Copies into the file at `path`. Reserves space first, so that a full disk does
/// not destroy the old content.
fn copy(mut from: &File, path: &Path) -> Result<(), CopyError> {
    let mut begun = false;
    let copied = (|| {
        let length = from.metadata()?.len();
        from.rewind()?;
        let mut to = OpenOptions::new().write(true).open(path)?;
        system::reserve(&to, length)?;
        begun = true;
        io::copy(&mut from, &mut to)?;
        to.set_len(length)
    })();
    copied.map_err(|error| CopyError { error, begun })
}

/// Replaces a file that this program has read, in an existing folder.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OutputFile::begin(path, Overwrites::Known)?;
    file.to.write_all(text.as_bytes())?;
    file.finish()
}

/// Removes a file if it exists.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Fails if the path or a folder of it is a dangling link: writing would replace
/// the link, or create a file where nobody looks for it.
pub(crate) fn not_dangling(path: &Path) -> io::Result<()> {
    let is_dangling = |link: &&Path| {
        let nothing = |error: io::Error| error.kind() == ErrorKind::NotFound;
        link.is_symlink() && fs::metadata(link).is_err_and(nothing)
    };
    let Some(link) = path.ancestors().find(is_dangling) else { return Ok(()) };
    let why = usage_hints::dangling_link(link).unwrap_or_default();
    let typed = shell::path(link);
    let why = format!("{why}; remove the link (`rm {typed}`), or choose another file");
    Err(io::Error::new(ErrorKind::NotFound, why))
}

#[cfg(unix)]
mod system {
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use rustix::fs::{Mode, fchmod};
    use rustix::process::umask;

    /// Whether `new` can replace `old` without loss: no other hard links, same
    /// owner and group.
    pub(super) fn can_replace(old: &Metadata, new: &Metadata) -> bool {
        old.nlink() == 1 && (old.uid(), old.gid()) == (new.uid(), new.gid())
    }

    /// Reserves space for `length` bytes, if the file system can; otherwise
    /// writing shows whether there is room.
    pub(super) fn reserve(file: &File, length: u64) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{FallocateFlags, fallocate};
            use rustix::io::Errno;
            if let Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) =
                fallocate(file, FallocateFlags::KEEP_SIZE, 0, length.max(1))
            {
                return Err(error.into());
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (file, length);
        Ok(())
    }

    /// Sets the permissions of an ordinary new file, by the umask.
    pub(super) fn set_default_permissions(file: &File) -> io::Result<()> {
        // The umask can only be read by setting it; the temporary value keeps
        // other users out.
        let mask = umask(Mode::RWXG | Mode::RWXO);
        umask(mask);
        Ok(fchmod(file, Mode::from_raw_mode(0o666) & !mask)?)
    }

    /// Whether it is a block device, whose whole content would be lost.
    pub(super) fn is_disk(found: &Metadata) -> bool {
        found.file_type().is_block_device()
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata};
    use std::io;

    pub(super) fn can_replace(_: &Metadata, _: &Metadata) -> bool {
        true
    }

    pub(super) fn set_default_permissions(_: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn reserve(_: &File, _: u64) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_disk(_: &Metadata) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_appeared_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.json");
        let mut file = OutputFile::begin(&path, Overwrites::Known).unwrap();
        file.to.write_all(b"ours").unwrap();
        fs::write(&path, "theirs").unwrap();
        let error = file.finish().unwrap_err().to_string();
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        let whole = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let whole = whole.into_iter().find(|one| *one != path).unwrap();
        assert_eq!(fs::read_to_string(&whole).unwrap(), "ours");
        assert!(error.contains(&*whole.file_name().unwrap().to_string_lossy()), "{error}");
    }
}
