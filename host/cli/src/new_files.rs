//! Files that a command writes for the user to keep and change.
//!
//! Owns: writing all of them or none, and never over another file. A renewed file stays
//! renewed if a later one fails. Never: their contents.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use smol_wf_engine::library;

use crate::failure::{CommandError, FileError};
use crate::{output, paths, sanitize};

/// A file to write.
pub(crate) struct NewFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    pub(crate) replaces: Replaces,
}

/// Which file a new one replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replaces {
    /// None.
    Nothing,
    /// One that begins with the same line, which says that this program wrote it.
    SameFirstLine,
    /// Whichever is there: another file beside it says that this program wrote it.
    Any,
}

impl NewFile {
    /// A file that replaces no other.
    pub(crate) fn new(path: PathBuf, text: impl Into<String>) -> Self {
        Self { path, text: text.into(), replaces: Replaces::Nothing }
    }

    /// The same file, which replaces others.
    pub(crate) fn replacing(self, replaces: Replaces) -> Self {
        Self { replaces, ..self }
    }
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    New,
    /// An older version of it was replaced.
    Renewed,
    /// It was there already, with this text.
    Kept,
}

impl Written {
    /// The word before its path.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::New => "wrote",
            Self::Renewed => "renewed",
            Self::Kept => "kept",
        }
    }
}

/// Writes the files, with their folders; one that two paths lead to is written once. Fails
/// before it writes any if one would replace another file or lie outside the project. If
/// one cannot be written, the new ones before it are removed.
pub(crate) fn write(files: &[NewFile]) -> Result<Vec<Written>, FileError> {
    let home = paths::home();
    let mut plan = Vec::with_capacity(files.len());
    let mut in_the_way = Vec::new();
    let mut texts: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for file in files {
        let failed = |error| FileError::Write { path: file.path.clone(), error };
        library::stays_inside(&file.path, home.as_deref()).map_err(failed)?;
        let is_planned = texts.insert(real(&file.path), &file.text) == Some(&file.text);
        match look(file).map_err(failed)? {
            Some(_) if is_planned => plan.push((file, Written::Kept)),
            Some(written) => plan.push((file, written)),
            None => in_the_way.push(sanitize::path(&file.path)),
        }
    }
    if !in_the_way.is_empty() {
        return Err(FileError::Exists { paths: in_the_way });
    }
    let mut made = Made::default();
    for (file, written) in &plan {
        if let Err(error) = made.put(file, *written) {
            made.remove();
            return Err(FileError::Write { path: file.path.clone(), error });
        }
    }
    Ok(plan.into_iter().map(|(_, written)| written).collect())
}

/// Writes the files, and prints a line for each.
pub(crate) fn write_and_tell(files: &[NewFile]) -> Result<(), CommandError> {
    let lines = files.iter().zip(write(files)?);
    let lines: Vec<String> = lines
        .map(|(file, written)| format!("{} {}", written.word(), sanitize::path(&file.path)))
        .collect();
    Ok(output::line(&lines.join("\n"))?)
}

/// What is to be done about a file; none if another one is in its place.
fn look(file: &NewFile) -> io::Result<Option<Written>> {
    let found = match file.path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Written::New)),
        found => found?,
    };
    // A link, a pipe or a folder is somebody's.
    if !found.is_file() {
        return Ok(None);
    }
    let mut text = Vec::new();
    // One byte more than a version of ours can be equal to.
    let most = file.text.len().saturating_mul(2) as u64 + 1;
    fs::File::open(&file.path)?.take(most).read_to_end(&mut text)?;
    let ours = file.text.as_bytes();
    if text == ours {
        return Ok(Some(Written::Kept));
    }
    let first_line = |text: &[u8]| text.split(|byte| *byte == b'\n').next().map(<[u8]>::to_vec);
    let is_replaced = match file.replaces {
        Replaces::Nothing => false,
        Replaces::SameFirstLine => first_line(&text) == first_line(ours),
        Replaces::Any => true,
    };
    Ok(is_replaced.then_some(Written::Renewed))
}

/// The path without the links on the way to it, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|there| {
        let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
        Some((there.canonicalize().ok()?, path.strip_prefix(there).unwrap_or(path)))
    });
    found.map_or_else(|| path.to_owned(), |(there, rest)| there.join(rest))
}

/// What was not there before, in the order in which it was made.
#[derive(Default)]
struct Made<'a> {
    folders: Vec<&'a Path>,
    files: Vec<&'a Path>,
}

impl<'a> Made<'a> {
    fn put(&mut self, file: &'a NewFile, written: Written) -> io::Result<()> {
        if written == Written::Kept {
            return Ok(());
        }
        let folder = file.path.parent().unwrap_or(Path::new(""));
        let missing: Vec<&Path> = folder.ancestors().take_while(|one| !is_there(one)).collect();
        self.folders.extend(missing.into_iter().rev());
        fs::create_dir_all(folder)?;
        let mut options = OpenOptions::new();
        match written {
            // Fails if it has appeared meanwhile.
            Written::New => options.write(true).create_new(true),
            Written::Renewed | Written::Kept => options.write(true).truncate(true),
        };
        let mut opened = options.open(&file.path)?;
        if written == Written::New {
            self.files.push(&file.path);
        }
        opened.write_all(file.text.as_bytes())
    }

    /// Removes it, but for folders that hold something else.
    fn remove(&self) {
        for file in self.files.iter().rev() {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Whether a folder is there; the empty path is the current one.
fn is_there(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.symlink_metadata().is_ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_two_paths_lead_to_is_written_once() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::create_dir_all(path("real")).unwrap();
        std::os::unix::fs::symlink("real", path("link")).unwrap();
        let file = |folder: &str, text| NewFile::new(path(folder).join("new/f"), text);
        let written = write(&[file("real", "one"), file("link", "one")]).unwrap();
        assert_eq!(written, [Written::New, Written::Kept]);
    }

    #[test]
    fn nothing_new_stays_if_a_later_file_fails() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::create_dir(path("kept")).unwrap();
        // The third one's folder is the second one.
        let files =
            ["kept/a", "new/deep/b", "new/deep/b/c"].map(|name| NewFile::new(path(name), ""));
        assert!(matches!(write(&files), Err(FileError::Write { .. })));
        let left: Vec<_> =
            fs::read_dir(place.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["kept"]);
        assert_eq!(fs::read_dir(path("kept")).unwrap().count(), 0);
    }
}
