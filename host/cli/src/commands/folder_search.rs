//! Files in and below a folder.
//!
//! Owns: the folders that are skipped. Never: which files are wanted; the caller
//! decides that.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Folders that are skipped: their content is generated.
const SKIPPED: [&str; 3] = ["target", "node_modules", ".git"];

/// The files in and below `folder` for which `is_wanted` is true, in any order.
/// Links to folders are not followed, because they may form cycles. Fails if a
/// folder cannot be read.
pub(super) fn find(folder: &Path, is_wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                    folders.push(path);
                }
            } else if is_wanted(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}
