//! The workflow scripts in a folder.
//!
//! Owns: which files of a folder are workflow scripts. Never: judges one; a file
//! that cannot be read is none.

use std::path::{Path, PathBuf};
use std::{fs, io};

use smol_wf_engine::library;

use crate::failure::CommandError;
use crate::{paths, sanitize};

/// What scripts end in.
const ENDINGS: [&str; 3] = ["js", "mjs", "cjs"];

/// Folders that are not looked into: what is in them was made by a machine.
const SKIPPED: [&str; 3] = ["target", "node_modules", ".git"];

/// All of them at and below a folder, in order of their names.
pub(super) fn find(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut found = Vec::new();
    collect(folder, &mut found).map_err(|error| {
        CommandError::Usage(format!("cannot look into {}: {error}", sanitize::path(folder)))
    })?;
    found.sort();
    if found.is_empty() {
        let message = format!(
            "there is no workflow script in {}: those end in .js or .mjs and have `export const meta`",
            sanitize::path(folder)
        );
        return Err(CommandError::Usage(message));
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    // Links to folders are not followed: they may lead in circles.
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            if !SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                collect(&path, found)?;
            }
        } else if is_named_so(&path) && is_workflow(&path) {
            found.push(path.strip_prefix(".").map_or_else(|_| path.clone(), Path::to_owned));
        }
    }
    Ok(())
}

fn is_named_so(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// Whether a file is more than some other JavaScript: it exports `meta`, or lies
/// where workflows do.
fn is_workflow(path: &Path) -> bool {
    let in_library = path.parent().is_some_and(|folder| {
        folder.ends_with(".agents/workflows") || folder.ends_with(".claude/workflows")
    });
    let bytes = library::load_named(path, paths::home().as_deref());
    bytes.is_ok_and(|bytes| in_library || exports_meta(&String::from_utf8_lossy(&bytes)))
}

/// Whether there is `export const meta`, however it is spaced. `let` and `var` are
/// mistakes that the check finds.
fn exports_meta(text: &str) -> bool {
    text.match_indices("export").any(|(at, word)| {
        let rest = &text[at + word.len()..];
        // Else each of a million `export` in a row is read to the end of the text.
        if !rest.starts_with(char::is_whitespace) {
            return false;
        }
        let mut words = rest.split_whitespace();
        let declares = words.next().is_some_and(|one| ["const", "let", "var"].contains(&one));
        let name = words.next().filter(|_| declares);
        name.and_then(|name| name.strip_prefix("meta"))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ':']))
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::exports_meta;

    #[test]
    fn scripts_are_told_from_other_javascript() {
        for script in [
            "export const meta = { name: 'a' }",
            "// a\nexport  const\n meta={}",
            "export let meta = {}",
            "export const meta: Meta = {}",
        ] {
            assert!(exports_meta(script), "{script}");
        }
        for other in ["export const metadata = {}", "export default 1", "const meta = 1", ""] {
            assert!(!exports_meta(other), "{other}");
        }
    }

    /// The quickest of three: a busy machine slows down any one of them.
    fn quickest(text: &str) -> Duration {
        let once = || {
            let started = Instant::now();
            assert!(!exports_meta(text));
            started.elapsed()
        };
        [once(), once(), once()].into_iter().min().unwrap()
    }

    #[test]
    fn a_row_of_the_same_word_takes_no_longer_than_words_apart() {
        let row = quickest(&"export".repeat(5_000));
        let apart = quickest(&"export ".repeat(5_000));
        assert!(row < 10 * apart, "{row:?} beside {apart:?}");
    }
}
