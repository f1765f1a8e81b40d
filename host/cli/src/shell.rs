//! Commands for the reader to copy into a shell.
//!
//! Owns: the database and folders that this command line named. Never: a rule of
//! quoting (the core has them), or runs anything.

use std::path::Path;
use std::sync::OnceLock;

use smol_wf_core::ids::RunId;

pub(crate) use smol_wf_core::shell::{path, word};

/// Flag with which a command finds the same database; unset if `--db` was not
/// given.
static DATABASE: OnceLock<String> = OnceLock::new();

/// Records the value of `--db` for hints.
pub(crate) fn set_database(path: &Path) {
    // Set once: a process has one command line.
    let _ = DATABASE.set(format!(" --db {}", self::path(path)));
}

/// Flags for folders that this process changed and the run's head does not name.
static FOLDERS: OnceLock<String> = OnceLock::new();

/// Records `--cwd` and `--project-root` of a resumed run for hints.
pub(crate) fn set_folders(cwd: Option<&Path>, project_root: Option<&Path>) {
    let flags = [("--cwd", cwd), ("--project-root", project_root)];
    let named = flags.into_iter().filter_map(|(flag, path)| Some((flag, path?)));
    let _ =
        FOLDERS.set(named.map(|(flag, path)| format!(" {flag} {}", self::path(path))).collect());
}

/// The command that resumes a run, with a flag that it needs, such as `--fuel
/// 1000`.
pub(crate) fn resume(run: &RunId, flag: Option<&str>) -> String {
    let folders = FOLDERS.get().map_or("", String::as_str);
    let flag = flag.map(|flag| format!(" {flag}")).unwrap_or_default();
    format!("smol-wf resume {run}{flag}{folders}{}", with_database())
}

/// Whether this command line named the database. A process that this one starts finds any
/// other as this one did.
pub(crate) fn is_database_named() -> bool {
    DATABASE.get().is_some()
}

/// ` --db FILE` with a leading space, or an empty text.
pub(crate) fn with_database() -> &'static str {
    DATABASE.get().map_or("", String::as_str)
}
