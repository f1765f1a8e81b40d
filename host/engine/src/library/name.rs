//! Finds workflows by name.
//!
//! Owns: the folders in which a name is looked up, their order, and suggestions for an
//! unknown name. Never: leaves the directory handle that it is given.

use std::collections::BTreeSet;

use smol_wf_core::surface::Surface;

use super::error::{LibraryError, shown};
use super::named::is_escape;
use super::{Loaded, ProjectRoot};
use crate::read_script::read_script_now;

/// Directories of workflows, in order of preference.
pub(super) const FOLDERS: [&str; 2] = [".agents/workflows", ".claude/workflows"];

/// Endings of workflow files, in order of preference; [`super::catalogue`] relies on it.
const ENDINGS: [&str; 4] = ["mjs", "js", "mts", "ts"];

/// Endings of files that declare the types of a script beside them.
const DECLARATIONS: [&str; 2] = [".d.ts", ".d.mts"];

/// Most bytes of a name.
const NAME_BYTES_MAX: usize = 128;

/// Most files of one directory that are opened to read their `meta`. People keep a few
/// dozen; a directory with thousands is not a library of workflows.
pub(super) const FILES_MAX: usize = 256;

/// Most names that an error lists.
const KNOWN_MAX: usize = 12;

/// Looks for the workflow of one name.
pub(super) struct Search<'a> {
    name: &'a str,
    /// Under surface 1, file names come before `meta.name`.
    surface: Surface,
    known: BTreeSet<String>,
    looked: Vec<String>,
}

impl<'a> Search<'a> {
    /// A search for this name. Fails when no workflow can have it.
    pub(super) fn new(name: &'a str, surface: Surface) -> Result<Self, LibraryError> {
        check(name)?;
        Ok(Self { name, surface, known: BTreeSet::new(), looked: Vec::new() })
    }

    /// Looks in the workflow folders of a directory and of all directories above it up to
    /// the root, the closest first.
    pub(super) fn upwards(
        &mut self,
        root: &ProjectRoot,
        from: &[String],
    ) -> Result<Option<Loaded>, LibraryError> {
        for folders in levels(from) {
            if let Some(found) = self.in_folders(root, &folders)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Adds names for the error about an unknown name.
    pub(super) fn also_known<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        self.known.extend(names.map(str::to_owned));
    }

    /// Looks in this folder of workflows itself. `shown_as` is its path for messages.
    pub(super) fn in_folder(
        &mut self,
        folder: &ProjectRoot,
        shown_as: &str,
    ) -> Result<Option<Loaded>, LibraryError> {
        let found = self.in_folders(folder, &[".".to_owned()])?;
        let bare = |found: Loaded| Loaded {
            path: found.path.trim_start_matches("./").to_owned(),
            ..found
        };
        if let Some(looked) = self.looked.last_mut().filter(|looked| *looked == ".") {
            *looked = shown_as.trim_end_matches('/').to_owned();
        }
        Ok(found.map(bare))
    }

    fn in_folders(
        &mut self,
        root: &ProjectRoot,
        folders: &[String],
    ) -> Result<Option<Loaded>, LibraryError> {
        if self.surface.is_first()
            && let Some(found) = by_file_name(root, folders, self.name)?
        {
            return Ok(Some(found));
        }
        for folder in folders {
            let Some(files) = list(root, folder)? else { continue };
            if let Some(found) =
                by_meta(root, folder, files, (self.name, self.surface), &mut self.known)
            {
                return Ok(Some(found));
            }
            let looked = shown(folder);
            if !self.looked.contains(&looked) {
                self.looked.push(looked);
            }
        }
        if self.surface.is_first() {
            return Ok(None);
        }
        by_file_name(root, folders, self.name)
    }

    /// The error for a name that was not found, with the names that exist.
    pub(super) fn nothing(self) -> LibraryError {
        let Self { name, known, looked, .. } = self;
        let similar = similar(name, &known);
        let known = known.iter().take(KNOWN_MAX).map(|name| shown(name)).collect();
        LibraryError::NameUnknown { name: shown(name), looked, similar, known }
    }
}

/// The folders of workflows in a directory and in those above it up to the root, the closest
/// first. Those of one directory are one level.
pub(super) fn levels(from: &[String]) -> impl Iterator<Item = [String; 2]> + '_ {
    (0..=from.len()).rev().map(|depth| {
        let level = from.iter().take(depth).map(|part| format!("{part}/")).collect::<String>();
        FOLDERS.map(|folder| format!("{level}{folder}"))
    })
}

/// Refuses what cannot be the name of a workflow.
pub(super) fn check(name: &str) -> Result<(), LibraryError> {
    let invalid = |reason: &str| {
        Err(LibraryError::NameInvalid { name: shown(name), reason: reason.to_owned() })
    };
    if name.trim().is_empty() {
        return invalid("it is empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return invalid("it is longer than 128 bytes");
    }
    if name.contains(['/', '\\']) {
        let start = if name.starts_with(['.', '/']) { "" } else { "./" };
        return invalid(&format!(
            "it is a path, which goes in workflow({{ scriptPath: '{start}{}' }})",
            shown(name)
        ));
    }
    if name.starts_with('.') {
        return invalid(
            "it begins with a dot; a path goes in workflow({ scriptPath: './file.js' })",
        );
    }
    if name.chars().any(char::is_control) {
        return invalid("it holds a control character");
    }
    Ok(())
}

fn by_file_name(
    root: &ProjectRoot,
    folders: &[String],
    name: &str,
) -> Result<Option<Loaded>, LibraryError> {
    for folder in folders {
        for ending in ENDINGS {
            match root.load(format!("{folder}/{name}.{ending}")) {
                Ok(loaded) => return Ok(Some(loaded)),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(None)
}

/// Whether the file does not exist, so that the search goes on. A file that exists and
/// cannot be read must not be passed over for another one of that name.
pub(super) fn is_absent(error: &LibraryError) -> bool {
    match error {
        LibraryError::NotFound { .. } => true,
        LibraryError::Io { error, .. } => error.kind() == std::io::ErrorKind::NotADirectory,
        _ => false,
    }
}

/// The workflow files of a directory, sorted by name; none if the directory does not exist
/// or cannot be read. A link out of the project is an error: otherwise its workflows would
/// be missing without a message.
fn list(root: &ProjectRoot, folder: &str) -> Result<Option<Vec<String>>, LibraryError> {
    match files(root, folder) {
        Ok((files, _)) => Ok(Some(files)),
        Err(error) if is_escape(&error) => Err(root.failed(folder, error)),
        Err(_) => Ok(None),
    }
}

/// The names of the workflow files of a directory, sorted, the first ones of too many; and
/// whether there are more.
pub(super) fn files(root: &ProjectRoot, folder: &str) -> std::io::Result<(Vec<String>, bool)> {
    let entries = root.dir.read_dir(folder)?;
    let (mut names, mut is_cut) = (BTreeSet::new(), false);
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_workflow = stem(&name).is_some_and(|stem| !stem.starts_with('.'));
        if is_workflow {
            names.insert(name);
        }
        // The first ones by name, whatever order the system lists them in.
        if names.len() > FILES_MAX {
            names.pop_last();
            is_cut = true;
        }
    }
    Ok((names.into_iter().collect(), is_cut))
}

/// The name of a workflow file without its ending; none for other files.
pub(super) fn stem(file_name: &str) -> Option<&str> {
    if DECLARATIONS.iter().any(|ending| file_name.ends_with(ending)) {
        return None;
    }
    let (stem, ending) = file_name.rsplit_once('.')?;
    (ENDINGS.contains(&ending) && !stem.is_empty()).then_some(stem)
}

/// The first file whose `meta` has the name. The names of files before it are added to
/// `known`.
fn by_meta(
    root: &ProjectRoot,
    folder: &str,
    files: Vec<String>,
    (name, surface): (&str, Surface),
    known: &mut BTreeSet<String>,
) -> Option<Loaded> {
    for file_name in files {
        let path = format!("{folder}/{file_name}");
        // An invalid script must not hide others. It is found by its file name, and its
        // error is reported then.
        let Ok(loaded) = root.load(path) else { continue };
        let Ok(script) = read_script_now(&loaded.bytes, &file_name, surface) else { continue };
        if script.meta.name == name {
            return Some(loaded);
        }
        known.insert(script.meta.name);
        known.extend(stem(&file_name).map(str::to_owned));
    }
    None
}

/// Known names that differ from this one by a few letters, in backticks, the closest
/// first.
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

/// The Levenshtein distance: letters to insert, remove or replace to turn one text into
/// the other.
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
