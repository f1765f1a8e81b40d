//! Fixtures: recorded runs in files, replayed against the scripts of today.
//!
//! Owns: what of a run goes into a fixture, and reading one. Never: opens a file;
//! whoever asks has.

mod answers;
mod assert;
mod check;
mod difference;
mod error;
mod export;
mod format;
mod kept;
pub(crate) mod redact;
pub(crate) mod redacted;
mod rerun;
mod today;

use std::path::{Component, Path};

use smol_wf_core::ids::Digest;
use smol_wf_core::journal::{Body, Entry, RunHead};

pub use check::{FixtureRequest, FixtureVerdict, Keep, LiveCalls};
pub use difference::{CallNote, Difference};
pub use error::FixtureError;
pub use export::{ExportRequest, FIXTURE_BYTES_MAX, Fixed};
use format::Fixture;
use redact::Redaction;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::replay;

/// How many entries the text of a fixture holds.
///
/// # Errors
/// When it is not a fixture, or was changed by hand.
pub fn fixture_entries(text: &str) -> Result<usize, FixtureError> {
    format::read(text).map(|fixture| fixture.entries.len())
}

impl Engine {
    /// Meets the entries of a fixture again.
    async fn strictly(
        &self,
        fixture: &Fixture,
        rules: Redaction,
    ) -> Result<replay::Verdict, EngineError> {
        let rules = std::sync::Arc::new(rules);
        let mut entries = fixture.entries.clone();
        if fixture.header.redacted {
            // Shorter text costs less fuel: under another guest's name it is not
            // compared.
            for entry in &mut entries {
                if let Body::AttemptStarted { guest, .. } = &mut entry.body {
                    *guest = Digest::of(b"redacted");
                }
            }
        }
        let limits = limits_of(&entries);
        replay::verify(&self.sandbox, entries, limits, Some(rules)).await.map_err(|error| {
            match error {
                replay::VerifyError::Journal(error) => FixtureError::Journal(error).into(),
                replay::VerifyError::Sandbox(error) => error.into(),
            }
        })
    }
}

/// What a run is a function of, and what it did: one attempt, whatever number
/// it took, and no word of processes.
fn without_attempts(entries: &[Entry]) -> Vec<Entry> {
    let limits = limits_of(entries);
    let mut guests = entries.iter().filter_map(|entry| match &entry.body {
        Body::AttemptStarted { guest, .. } => Some(guest),
        _ => None,
    });
    let first = guests.next().cloned();
    // Fuel under several builds of the guest is comparable under none.
    let guest = first.filter(|first| guests.all(|guest| guest == first));
    let guest = guest.unwrap_or_else(|| Digest::of(b"several"));
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        match &entry.body {
            Body::AttemptStarted { attempt: 1, .. } => {
                let body = Body::AttemptStarted { attempt: 1, limits, guest: guest.clone() };
                kept.push(Entry { at_us: entry.at_us, body });
            }
            body if body.is_about_attempts() => {}
            _ => kept.push(entry.clone()),
        }
    }
    kept
}

fn limits_of(entries: &[Entry]) -> smol_wf_core::limits::Limits {
    let found = entries.iter().rev().find_map(|entry| match &entry.body {
        Body::AttemptStarted { limits, .. } => Some(*limits),
        _ => None,
    });
    found.unwrap_or_default()
}

fn head_of(entries: &[Entry]) -> Option<&RunHead> {
    match entries.first().map(|entry| &entry.body) {
        Some(Body::RunStarted(head)) => Some(head),
        _ => None,
    }
}

fn no_run() -> EngineError {
    let reason = "it does not begin as a run does".to_owned();
    FixtureError::Unreadable { line: 2, reason }.into()
}

/// A path as seen from a folder, with `/` between its parts. Both are absolute.
fn relative(folder: &Path, path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let shared = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    let parts: Vec<String> = up
        .chain(path.components().skip(shared))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_fixtures_folder() {
        for (path, expected) in [
            ("/p/examples/hello.mjs", "../../examples/hello.mjs"),
            ("/p/tests/fixtures/a.mjs", "a.mjs"),
            ("/p/tests/fixtures", "."),
            ("/p", "../.."),
        ] {
            assert_eq!(relative(Path::new("/p/tests/fixtures"), Path::new(path)), expected);
        }
    }
}
