//! The workflow scripts in a folder.
//!
//! Owns: which files count as workflow scripts. Never: checks one; a file that
//! cannot be read is skipped.

use std::path::{Path, PathBuf};

use smol_wf_engine::library;

use super::folder_search;
use crate::failure::CommandError;
use crate::{paths, sanitize};

/// File extensions of scripts.
const ENDINGS: [&str; 5] = ["js", "mjs", "cjs", "ts", "mts"];

/// All scripts in and below `folder`, sorted by path and without `./`. Fails with
/// a usage error if there are none or a folder cannot be read.
pub(super) fn find(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let is_script = |path: &Path| has_script_extension(path) && is_workflow(path);
    let found = folder_search::find(folder, is_script).map_err(|error| {
        CommandError::Usage(format!("cannot read the folder {}: {error}", sanitize::path(folder)))
    })?;
    let without_dot = |path: PathBuf| path.strip_prefix(".").map_or(path.clone(), Path::to_owned);
    let mut found: Vec<PathBuf> = found.into_iter().map(without_dot).collect();
    found.sort();
    if found.is_empty() {
        let message = format!(
            "there is no workflow script in {}; a script ends in .js, .mjs, .ts or .mts and has `export const meta`",
            sanitize::path(folder)
        );
        return Err(CommandError::Usage(message));
    }
    Ok(found)
}

/// Whether the name ends like that of a script; it may still be other JavaScript. Files
/// with types alone (`.d.ts`) are none.
fn has_script_extension(path: &Path) -> bool {
    let has_types_alone = path
        .file_stem()
        .is_some_and(|stem| Path::new(stem).extension().is_some_and(|end| end == "d"));
    if has_types_alone {
        return false;
    }
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// Whether a file is a workflow and not other JavaScript: it exports `meta`, or
/// is in a folder of workflows.
fn is_workflow(path: &Path) -> bool {
    let in_library = path.parent().is_some_and(|folder| {
        folder.ends_with(".agents/workflows") || folder.ends_with(".claude/workflows")
    });
    let bytes = library::load_named(path, paths::home().as_deref());
    bytes.is_ok_and(|bytes| in_library || exports_meta(&String::from_utf8_lossy(&bytes)))
}

/// Whether the text has `export const meta`, with any white space. `let` and
/// `var` count too: the check reports them.
fn exports_meta(text: &str) -> bool {
    text.match_indices("export").any(|(at, word)| {
        let rest = &text[at + word.len()..];
        // Without this, a million `export` in a row would take quadratic time.
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
    fn scripts_are_distinguished_from_other_javascript() {
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

    /// The fastest of three, because a busy machine slows down single ones.
    fn quickest(text: &str) -> Duration {
        let once = || {
            let started = Instant::now();
            assert!(!exports_meta(text));
            started.elapsed()
        };
        [once(), once(), once()].into_iter().min().unwrap()
    }

    #[test]
    fn repeated_words_take_linear_time() {
        let row = quickest(&"export".repeat(5_000));
        let apart = quickest(&"export ".repeat(5_000));
        assert!(row < 10 * apart, "{row:?} beside {apart:?}");
    }
}
