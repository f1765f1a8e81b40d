//! Fixtures: recorded runs in files, replayed against the current scripts.
//!
//! Owns: making, reading and testing a fixture. Never: opens a file; the caller does.

mod answers;
mod assert;
mod check;
mod current_script;
mod difference;
mod error;
mod export;
mod format;
mod recorded;
pub(crate) mod redact;
pub(crate) mod redacted;
mod relative;
mod request;
mod rerun;
mod saved_answers;
mod size;
mod strict;

pub use check::FixtureVerdict;
pub use difference::{Difference, StepNote};
pub use error::FixtureError;
pub use export::{ExportRequest, FixtureExport};
pub use request::{FixtureRequest, Keep, LiveSteps};
pub use size::FIXTURE_BYTES_MAX;

/// Number of entries in the text of a fixture.
///
/// # Errors
/// When the text is not a fixture, was changed by hand, or was written by a newer program.
pub fn fixture_entries(text: &str) -> Result<usize, FixtureError> {
    format::read(text).map(|fixture| fixture.entries.len())
}
