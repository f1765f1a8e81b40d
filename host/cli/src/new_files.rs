//! Files that a command writes for the user to keep and change.
//!
//! Owns: writing all of them or none, and never over another file. Never: their
//! contents.

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

/// Writes the files, with their folders. Fails before it writes any if one would
/// replace another file or lie outside the project.
pub(crate) fn write(files: &[NewFile]) -> Result<Vec<Written>, FileError> {
    let home = paths::home();
    let mut plan = Vec::with_capacity(files.len());
    let mut in_the_way = Vec::new();
    for file in files {
        let failed = |error| FileError::Write { path: file.path.clone(), error };
        library::stays_inside(&file.path, home.as_deref()).map_err(failed)?;
        match look(file).map_err(failed)? {
            Some(written) => plan.push((file, written)),
            None => in_the_way.push(sanitize::path(&file.path)),
        }
    }
    if !in_the_way.is_empty() {
        return Err(FileError::Exists { paths: in_the_way });
    }
    for (file, written) in &plan {
        put(file, *written).map_err(|error| FileError::Write { path: file.path.clone(), error })?;
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

fn put(file: &NewFile, written: Written) -> io::Result<()> {
    if written == Written::Kept {
        return Ok(());
    }
    fs::create_dir_all(file.path.parent().unwrap_or(Path::new("")))?;
    let mut options = OpenOptions::new();
    match written {
        // Fails if it has appeared meanwhile.
        Written::New => options.write(true).create_new(true),
        Written::Renewed | Written::Kept => options.write(true).truncate(true),
    };
    options.open(&file.path)?.write_all(file.text.as_bytes())
}
