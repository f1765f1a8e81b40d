//! Commands that the reader is to copy into a shell.
//!
//! Owns: the database that this command line has named. Never: quotes by itself, or
//! runs anything.

use std::path::Path;
use std::sync::OnceLock;

pub(crate) use smol_wf_core::shell::{path, word};

/// What a command has to say to find the same database: nothing where it is found
/// without.
static DATABASE: OnceLock<String> = OnceLock::new();

/// `--db` was given.
pub(crate) fn database_is(path: &Path) {
    // Once for a process: it has one command line.
    let _ = DATABASE.set(format!(" --db {}", self::path(path)));
}

/// ` --db FILE` for a command to type, or nothing.
pub(crate) fn with_database() -> &'static str {
    DATABASE.get().map_or("", String::as_str)
}
