//! Commands that the reader is to copy into a shell.
//!
//! Owns: the database that this command line has named. Never: quotes by itself, or
//! runs anything.

use std::path::Path;
use std::sync::OnceLock;

use smol_wf_core::ids::RunId;

pub(crate) use smol_wf_core::shell::{path, word};

/// What a command has to say to find the same database: nothing where it is found
/// without.
static DATABASE: OnceLock<String> = OnceLock::new();

/// `--db` was given.
pub(crate) fn database_is(path: &Path) {
    // Once for a process: it has one command line.
    let _ = DATABASE.set(format!(" --db {}", self::path(path)));
}

/// Folders that a run works in from here on, and that its head does not name.
static FOLDERS: OnceLock<String> = OnceLock::new();

/// `--cwd` and `--project-root` were given to a run that goes on.
pub(crate) fn folders_are(cwd: Option<&Path>, project_root: Option<&Path>) {
    let flags = [("--cwd", cwd), ("--project-root", project_root)];
    let named = flags.into_iter().filter_map(|(flag, path)| Some((flag, path?)));
    let _ =
        FOLDERS.set(named.map(|(flag, path)| format!(" {flag} {}", self::path(path))).collect());
}

/// What to type to go on with a run, and the flag that it needs for it.
pub(crate) fn resume(run: &RunId, flag: Option<&str>) -> String {
    let folders = FOLDERS.get().map_or("", String::as_str);
    let flag = flag.map(|flag| format!(" {flag}")).unwrap_or_default();
    format!("smol-wf resume {run}{flag}{folders}{}", with_database())
}

/// ` --db FILE` for a command to type, or nothing.
pub(crate) fn with_database() -> &'static str {
    DATABASE.get().map_or("", String::as_str)
}
