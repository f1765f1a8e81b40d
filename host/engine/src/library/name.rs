//! Workflows by name.
//!
//! Owns: where names are looked up, in which order, and what is suggested for
//! one that does not exist. Never: leaves the directory handle it is given.

use std::collections::BTreeSet;

use cap_std::fs::Dir;
use smol_wf_core::script::Script;

use super::Loaded;
use super::error::{LibraryError, shown};
use super::file;

/// Directories of workflows, in order of preference.
const FOLDERS: [&str; 2] = [".agents/workflows", ".claude/workflows"];

/// Endings of workflow files, in order of preference.
const ENDINGS: [&str; 2] = ["mjs", "js"];

/// Most bytes of a name.
const NAME_BYTES_MAX: usize = 128;

/// Most files of one directory that are opened to read their `meta`. People
/// keep a few dozen; a directory of thousands is no library.
const FILES_MAX: usize = 256;

/// Most names that an error lists.
const KNOWN_MAX: usize = 12;

/// Finds the workflow of a name, seen from a directory.
pub(super) fn find(root: &Dir, from: &[String], name: &str) -> Result<Loaded, LibraryError> {
    check(name)?;
    let mut known = BTreeSet::new();
    let mut looked = Vec::new();
    for depth in (0..=from.len()).rev() {
        let level = from.iter().take(depth).map(|part| format!("{part}/")).collect::<String>();
        let folders = FOLDERS.map(|folder| format!("{level}{folder}"));
        if let Some(found) = by_file_name(root, &folders, name)? {
            return Ok(found);
        }
        for folder in folders {
            let Some(files) = list(root, &folder) else { continue };
            if let Some(found) = by_meta(root, &folder, files, name, &mut known) {
                return Ok(found);
            }
            looked.push(shown(&folder));
        }
    }
    let similar = similar(name, &known);
    let known = known.iter().take(KNOWN_MAX).map(|name| shown(name)).collect();
    Err(LibraryError::NameUnknown { name: shown(name), looked, similar, known })
}

fn check(name: &str) -> Result<(), LibraryError> {
    let invalid = |reason| Err(LibraryError::NameInvalid { name: shown(name), reason });
    if name.trim().is_empty() {
        return invalid("it is empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return invalid("it is longer than 128 bytes");
    }
    if name.contains(['/', '\\']) {
        return invalid("it holds a separator; a path goes in { scriptPath: './file.js' }");
    }
    if name.starts_with('.') {
        return invalid("it begins with a dot");
    }
    if name.chars().any(char::is_control) {
        return invalid("it holds a control character");
    }
    Ok(())
}

fn by_file_name(
    root: &Dir,
    folders: &[String],
    name: &str,
) -> Result<Option<Loaded>, LibraryError> {
    for folder in folders {
        for ending in ENDINGS {
            let path = format!("{folder}/{name}.{ending}");
            match file::read(root, &path) {
                Ok(bytes) => return Ok(Some(Loaded { bytes, path })),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}

/// Whether looking further is right. A file that is there and cannot be read
/// must not give way to another one of its name.
fn is_absent(error: &LibraryError) -> bool {
    match error {
        LibraryError::NotFound { .. } => true,
        LibraryError::Io { error, .. } => error.kind() == std::io::ErrorKind::NotADirectory,
        _ => false,
    }
}

/// The workflow files of a directory, in order of their names; none when there
/// is no such directory or it cannot be read.
fn list(root: &Dir, folder: &str) -> Option<Vec<String>> {
    let entries = root.read_dir(folder).ok()?;
    let mut names = BTreeSet::new();
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_workflow = stem(&name).is_some_and(|stem| !stem.starts_with('.'));
        if is_workflow {
            names.insert(name);
        }
        // The first in order, whatever order the system lists them in.
        if names.len() > FILES_MAX {
            names.pop_last();
        }
    }
    Some(names.into_iter().collect())
}

fn stem(file_name: &str) -> Option<&str> {
    let (stem, ending) = file_name.rsplit_once('.')?;
    (ENDINGS.contains(&ending) && !stem.is_empty()).then_some(stem)
}

/// The first file whose `meta` has the name. What others are called goes into
/// `known`.
fn by_meta(
    root: &Dir,
    folder: &str,
    files: Vec<String>,
    name: &str,
    known: &mut BTreeSet<String>,
) -> Option<Loaded> {
    for file_name in files {
        let path = format!("{folder}/{file_name}");
        // One that is no script hides no other; it is found by its file name,
        // and then says what is wrong with it.
        let Ok(bytes) = file::read(root, &path) else { continue };
        let Ok(script) = Script::read(&bytes, &file_name) else { continue };
        if script.meta.name == name {
            return Some(Loaded { bytes, path });
        }
        known.insert(script.meta.name);
        known.extend(stem(&file_name).map(str::to_owned));
    }
    None
}

/// Names that differ from this one by a few letters, the closest first.
pub(crate) fn similar(name: &str, known: &BTreeSet<String>) -> Vec<String> {
    const SIMILAR_MAX: usize = 3;
    let most = (name.chars().count() / 2).clamp(1, 3);
    let mut close: Vec<(usize, &String)> = known
        .iter()
        .filter(|other| other.len() <= NAME_BYTES_MAX)
        .map(|other| (distance(&name.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    close.sort();
    close.into_iter().take(SIMILAR_MAX).map(|(_, other)| format!("`{}`", shown(other))).collect()
}

/// Letters to insert, remove or replace, to make one text of the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut before = i;
        let mut last = i + 1;
        for (cell, r) in row.iter_mut().skip(1).zip(&right) {
            let next = (before + usize::from(l != *r)).min(last + 1).min(*cell + 1);
            before = std::mem::replace(cell, next);
            last = next;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
