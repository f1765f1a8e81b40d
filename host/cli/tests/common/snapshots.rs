//! Whole outputs, compared with files in `snapshots/`.
//!
//! Owns: where the files are, and what stands for a run's id. Never: a time or
//! another value that differs from one run to the next; tests keep those out.
//!
//! A missing or changed snapshot fails. `INSTA_UPDATE=always` writes the files anew.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fmt::Write as _;

/// Length of an id behind `run_`.
const ID: usize = 26;

/// Compares a text with the snapshot of this name.
#[track_caller]
pub(crate) fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The text with `run_1`, `run_2`, … for the ids of runs, in the order in which they
/// come up.
pub(crate) fn without_ids(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let mut parts = text.split("run_");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (id, rest) = part.split_at_checked(ID).unwrap_or((part, ""));
        let number = seen.iter().position(|known| *known == id).unwrap_or_else(|| {
            seen.push(id);
            seen.len() - 1
        });
        let _ = write!(replaced, "run_{}{rest}", number + 1);
    }
    replaced
}
