//! Files that commands write under names that people give.
//!
//! Owns: that a file is replaced as a whole or not at all, that a mistaken name
//! costs nothing, and that what is not whole goes again. Never: what is written.

mod descriptor;
mod overwrite;
mod partial_file;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use smol_wf_engine::library;

use crate::{paths, sanitize, shell, usage_hints};
use descriptor::Descriptor;
pub(crate) use descriptor::{hold, is_stdout};
pub(crate) use overwrite::Overwrites;
pub(crate) use partial_file::{PartialFile, remove_unfinished};

/// A file that takes the place of another one when it is whole. A device, a pipe or
/// a descriptor of this process stays what it is and is written to; a link stays,
/// and what it leads to is replaced.
pub(crate) struct OutputFile {
    pub(crate) to: BufWriter<File>,
    way: Destination,
}

/// How what is written comes to where it belongs.
enum Destination {
    /// It is there.
    Through,
    /// A new file gets this path, where nothing is.
    New(PartialFile, PathBuf),
    /// A new file takes the place of the one at this path.
    Place(PartialFile, PathBuf),
    /// It is copied into the file at this path, which has other names, or another
    /// owner, or lies in a folder that takes no new file. What is copied may be
    /// beside it until then.
    Copy(PathBuf, Option<PartialFile>),
}

impl OutputFile {
    /// Begins to write what takes the place of the file at this path.
    ///
    /// # Errors
    /// When that must not be replaced, or cannot be written.
    pub(crate) fn begin(path: &Path, over: Overwrites) -> io::Result<Self> {
        let through = |file| Self { to: BufWriter::new(file), way: Destination::Through };
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
            let way = Destination::New(beside, path.to_owned());
            return Ok(Self { to: BufWriter::new(file), way });
        };
        if system::is_disk(&old) {
            return Err(io::Error::other("it is a disk; name a file"));
        }
        if !old.is_file() {
            return File::create(path).map(through);
        }
        let real = path.canonicalize()?;
        over.allow(&real, path)?;
        // Whoever may not write into the file may not replace it.
        OpenOptions::new().write(true).open(&real)?;
        let (file, way) = match PartialFile::of(&real) {
            Ok((file, beside)) if system::are_alike(&old, &file.metadata()?) => {
                // Whoever may not read the one may not read the other.
                file.set_permissions(old.permissions())?;
                (file, Destination::Place(beside, real))
            }
            Ok((file, beside)) => (file, Destination::Copy(real, Some(beside))),
            Err(refused) => {
                (tempfile::tempfile().map_err(|_| refused)?, Destination::Copy(real, None))
            }
        };
        Ok(Self { to: BufWriter::new(file), way })
    }

    /// Another handle of the file, for a writer that wants one of its own.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.to.get_ref().try_clone()
    }

    /// It is whole.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.to.flush()?;
        let file = self.to.get_ref();
        match self.way {
            Destination::Through => Ok(()),
            Destination::Copy(path, beside) => {
                copy(file, &path).map_err(|error| kept(error, beside))
            }
            Destination::New(mut beside, path) => {
                system::as_new_files_are(file)?;
                beside.take_free(&path).map_err(|error| taken(error, beside))
            }
            Destination::Place(mut beside, path) => match beside.take_place_of(&path) {
                Err(error) if is_about_the_place(&error) => {
                    copy(file, &path).map_err(|error| kept(error, Some(beside)))
                }
                placed => placed,
            },
        }
    }
}

/// Whether a file cannot be put into the place of another one that can be written
/// to: its folder is sticky, or it is a mount of its own.
fn is_about_the_place(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::ResourceBusy | ErrorKind::CrossesDevices
    )
}

/// Why a file could not be written in place. What was half written there is whole in
/// the file beside it, which stays.
fn kept(CopyError { error, begun }: CopyError, beside: Option<PartialFile>) -> io::Error {
    match beside {
        Some(beside) if begun => {
            let whole = beside.keep();
            let why = format!("{error}; it is whole in {}", sanitize::path(&whole));
            io::Error::new(error.kind(), why)
        }
        _ => error,
    }
}

/// Why a new file could not get its name. When another one got it meanwhile, this
/// one stays under the name that it has.
fn taken(error: io::Error, beside: PartialFile) -> io::Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error;
    }
    let whole = sanitize::path(&beside.keep());
    let why = format!("another file was made there meanwhile, and stays; this one is in {whole}");
    io::Error::new(ErrorKind::AlreadyExists, why)
}

/// What kept a file from being copied, and whether some of it had been.
struct CopyError {
    error: io::Error,
    begun: bool,
}

/// Writes into the file at this path. There is room for all of it before anything
/// that was there goes.
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

/// Replaces a file that was read, in a folder that is there.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OutputFile::begin(path, Overwrites::Known)?;
    file.to.write_all(text.as_bytes())?;
    file.finish()
}

/// Takes a file away that need not be there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// That neither the path nor a folder of it is a link to nothing: what is written
/// would take the link's place, or be made where nobody looks for it.
pub(crate) fn not_dangling(path: &Path) -> io::Result<()> {
    let is_dangling = |link: &&Path| {
        let nothing = |error: io::Error| error.kind() == ErrorKind::NotFound;
        link.is_symlink() && fs::metadata(link).is_err_and(nothing)
    };
    let Some(link) = path.ancestors().find(is_dangling) else { return Ok(()) };
    let why = usage_hints::dangling_link(link).unwrap_or_default();
    let typed = shell::path(link);
    let why = format!("{why}; take the link away (`rm {typed}`), or name another file");
    Err(io::Error::new(ErrorKind::NotFound, why))
}

#[cfg(unix)]
mod system {
    use std::fs::{File, Metadata};
    use std::io;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use rustix::fs::{Mode, fchmod};
    use rustix::process::umask;

    /// Whether nobody loses a file when the one takes the place of the other.
    pub(super) fn are_alike(old: &Metadata, new: &Metadata) -> bool {
        old.nlink() == 1 && (old.uid(), old.gid()) == (new.uid(), new.gid())
    }

    /// Makes sure that a file may become so long. Where the file system cannot, it is
    /// found out by writing.
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

    /// As any program makes a file that is not secret.
    pub(super) fn as_new_files_are(file: &File) -> io::Result<()> {
        // It can only be asked for by setting it: meanwhile nothing is open to others.
        let mask = umask(Mode::RWXG | Mode::RWXO);
        umask(mask);
        Ok(fchmod(file, Mode::from_raw_mode(0o666) & !mask)?)
    }

    /// Whether all that is on it would be lost.
    pub(super) fn is_disk(found: &Metadata) -> bool {
        found.file_type().is_block_device()
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, Metadata};
    use std::io;

    pub(super) fn are_alike(_: &Metadata, _: &Metadata) -> bool {
        true
    }

    pub(super) fn as_new_files_are(_: &File) -> io::Result<()> {
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
    fn a_file_that_was_made_meanwhile_is_not_replaced() {
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
