//! Paths as scripts write them.
//!
//! Owns: which paths are allowed and what they mean from the root. Never:
//! touches a file; symbolic links are for [`super::file`].

use std::path::{Component, Path};

use super::error::{LibraryError, shown};

/// Most bytes of a path: the system's own bound.
const PATH_BYTES_MAX: usize = 4096;

/// The directory of a script, as its parts from the root.
pub(super) fn directory_of(caller: &Path) -> Vec<String> {
    let mut parts = Vec::new();
    for part in caller.parent().unwrap_or(Path::new("")).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            // A script outside of the root looks from the root.
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return Vec::new(),
        }
    }
    parts
}

/// The path from the root that a script in this directory means.
///
/// `..` is taken off by the letter, as in a URL: what a path means does not
/// depend on symbolic links.
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

/// The folder from the root that a file in this directory means; none outside.
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

/// `C:`, which means another place on some systems.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}
