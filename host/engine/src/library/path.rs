//! Resolves the paths in scripts.
//!
//! Owns: which paths are allowed, and their paths relative to the root. Never: touches a
//! file; [`super::file`] follows symbolic links.

use std::path::{Component, Path};

use super::error::{LibraryError, shown};

/// Most bytes of a path: the limit of the system.
const PATH_BYTES_MAX: usize = 4096;

/// The directory of a script, as the parts of its path from the root.
pub(super) fn directory_of(caller: &Path) -> Vec<String> {
    let mut parts = Vec::new();
    for part in caller.parent().unwrap_or(Path::new("")).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            // Paths in a script outside of the root are relative to the root.
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Vec::new(),
        }
    }
    parts
}

/// Resolves the path in a script of this directory to a path from the root.
///
/// `..` removes the part before it, as in a URL, so the result does not depend on symbolic
/// links.
pub(super) fn resolve(directory: &[String], asked: &str) -> Result<String, LibraryError> {
    let invalid = |reason| Err(LibraryError::PathInvalid { path: shown(asked), reason });
    if asked.is_empty() {
        return invalid("it is empty");
    }
    if asked.len() > PATH_BYTES_MAX {
        return invalid("it is longer than any path");
    }
    if asked.contains('\0') {
        return invalid("it holds a NUL character");
    }
    if asked.contains('\\') {
        return invalid("its parts are separated by `/`");
    }
    if asked.starts_with('/') || Path::new(asked).has_root() || has_drive(asked) {
        return invalid("it must be relative, or lie in the project");
    }
    if asked.ends_with('/') {
        return invalid("it must name a file, and ends with `/`");
    }
    let mut parts: Vec<&str> = directory.iter().map(String::as_str).collect();
    for part in asked.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(LibraryError::Outside { path: shown(asked) });
                }
            }
            name => parts.push(name),
        }
    }
    if matches!(asked.rsplit('/').next(), Some("." | "..")) {
        return invalid("it must name a file, and names a directory");
    }
    Ok(parts.join("/"))
}

/// Resolves the folder that a file of this directory names to a path from the root; none
/// if it lies outside.
pub(super) fn resolve_folder(directory: &[String], asked: &str) -> Option<String> {
    if asked.starts_with('/') || asked.contains(['\\', '\0']) || has_drive(asked) {
        return None;
    }
    let mut parts: Vec<&str> = directory.iter().map(String::as_str).collect();
    for part in asked.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Whether a path begins with a drive such as `C:`.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}
