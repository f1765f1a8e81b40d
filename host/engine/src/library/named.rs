//! Reads files that the user names, or that were found in a folder.
//!
//! Owns: refusing links that lead out of a project. A cloned repository may contain such
//! links, and a user who types `tests/a.swf` means a file of the project. Never: interprets
//! a file.

use std::io;
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

use super::file::{self, FileRefusal};
use super::mark;

/// Folders of files that belong to no project: the pipes of a shell's `<(…)`, and stdin.
const HANDED_OVER: [&str; 4] = ["/dev/fd", "/dev/stdin", "/proc/self/fd", "/proc/thread-self/fd"];

/// The bytes of a regular file of at most `most` bytes. If it lies in a project, no link
/// on the way to it may lead out.
///
/// # Errors
/// When it cannot be read, is not a regular file, or a link leads out of its project;
/// [`io::ErrorKind::FileTooLarge`] when it is too large.
pub fn read_named(path: &Path, most: u64, home: Option<&Path>) -> io::Result<Vec<u8>> {
    if HANDED_OVER.iter().any(|place| path.starts_with(place)) {
        let mut bytes = Vec::new();
        io::Read::read_to_end(
            &mut io::Read::take(std::fs::File::open(path)?, most + 1),
            &mut bytes,
        )?;
        return if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) };
    }
    let file = open(path, home)?;
    file::take(file, most, false).map_err(|refused| told(refused, most))
}

/// Opens a file by the same rules, but with no limit on its size. A file that belongs to no
/// project may be a pipe.
///
/// # Errors
/// As of [`read_named`].
pub fn open_named(path: &Path, home: Option<&Path>) -> io::Result<std::fs::File> {
    if HANDED_OVER.iter().any(|place| path.starts_with(place)) {
        return std::fs::File::open(path);
    }
    let file = open(path, home)?;
    file::regular(&file).map_err(|refused| match refused {
        FileRefusal::NotAFile(kind) => {
            let why = format!("it is {kind}, not a regular file");
            io::Error::new(io::ErrorKind::InvalidInput, why)
        }
        other => told(other, u64::MAX),
    })?;
    Ok(file.into_std())
}

/// As [`read_named`], for a file that was found in a folder. If it lies in no project, no
/// link may lead out of that folder.
///
/// # Errors
/// As of [`read_named`].
pub fn read_found(
    path: &Path,
    folder: &Path,
    most: u64,
    home: Option<&Path>,
) -> io::Result<Vec<u8>> {
    let whole = without_parents(path)?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let inside = whole.strip_prefix(without_parents(folder)?).ok();
    let (true, Some(inside)) = (mark::outermost(&whole, home.as_deref()).is_none(), inside) else {
        return read_named(path, most, home.as_deref());
    };
    read_beneath(folder, inside, most)
}

/// Reads a file beneath a folder, by its path from there. No link may lead out.
pub(crate) fn read_beneath(folder: &Path, inside: &Path, most: u64) -> io::Result<Vec<u8>> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
    let file = file::open(&dir, inside).map_err(|error| escaped(error, folder))?;
    file::take(file, most, false).map_err(|refused| told(refused, most))
}

/// Opens a file. If it lies in a project, no link may lead out.
pub(super) fn open(path: &Path, home: Option<&Path>) -> io::Result<File> {
    let path = without_parents(path)?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let Some(root) = mark::outermost(&path, home.as_deref()) else {
        return file::open_anywhere(&path);
    };
    // A path that is not beneath the root is refused like a link that leads out.
    let inside = path.strip_prefix(root).unwrap_or(&path);
    let dir = Dir::open_ambient_dir(root, ambient_authority())?;
    file::open(&dir, inside).map_err(|error| escaped(error, root))
}

/// Checks a path that will be written, perhaps with new folders: no link in a project may
/// lead out of it, neither the file itself nor a folder on the way.
///
/// # Errors
/// When a link leads out.
pub fn stays_inside(path: &Path, home: Option<&Path>) -> io::Result<()> {
    let path = without_parents(path)?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let Some(root) = mark::outermost(&path, home.as_deref()) else { return Ok(()) };
    let is_there = |path: &&Path| path.symlink_metadata().is_ok();
    let there = path.ancestors().find(is_there).unwrap_or(root);
    // A dangling link is an error: writing through it would make a file elsewhere.
    let real = there.canonicalize()?;
    let is_device = real.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir());
    if is_device || real.starts_with(root.canonicalize()?) {
        return Ok(());
    }
    Err(outside(root))
}

/// Makes a path absolute and removes `..` as the system does: after a link, `..` is the
/// parent of the link's target.
fn without_parents(path: &Path) -> io::Result<PathBuf> {
    let mut whole = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => {
                whole = whole.canonicalize()?;
                whole.pop();
            }
            other => whole.push(other),
        }
    }
    Ok(whole)
}

/// Whether cap-std refused a path that leads out: its own error has no error number.
pub(super) fn is_escape(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn escaped(error: io::Error, root: &Path) -> io::Error {
    if is_escape(&error) { outside(root) } else { error }
}

fn outside(root: &Path) -> io::Error {
    let why = format!(
        "it is a link, or lies behind one, that leads outside the project {}; name the file itself",
        root.display()
    );
    io::Error::new(io::ErrorKind::PermissionDenied, why)
}

fn told(refused: FileRefusal, most: u64) -> io::Error {
    match refused {
        FileRefusal::NotAFile(kind) => {
            let why = format!("it is {kind}, not a regular file of {most} bytes at the most");
            io::Error::new(io::ErrorKind::InvalidInput, why)
        }
        FileRefusal::TooLarge => too_large(most),
        FileRefusal::Foreign(uid) => {
            io::Error::other(format!("it belongs to another user (uid {uid})"))
        }
        FileRefusal::Io(error) => error,
    }
}

fn too_large(most: u64) -> io::Error {
    let why = format!("it is larger than {most} bytes, the most there can be");
    io::Error::new(io::ErrorKind::FileTooLarge, why)
}
