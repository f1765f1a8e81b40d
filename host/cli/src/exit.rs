//! Exit codes: the one table, as `docs/exit-codes.md` has it.
//!
//! Owns: the number of each outcome. Never: prints, except clap's own messages.

use std::process::ExitCode;

use smol_wf_core::codes::{Code, ExitClass};
use smol_wf_engine::{EngineError, Report, RunState};

use crate::sanitize;
use crate::streams::{self, Kind};

/// `diff`: the runs differ.
pub(crate) const DIFFERENT: u8 = 1;
/// The script ran and failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or a setting is wrong. Clap's own.
pub(crate) const USAGE: u8 = 2;
/// The script, its arguments, the database or the run id cannot be used.
pub(crate) const INPUT: u8 = 3;
/// Stopped at a limit; can be resumed.
pub(crate) const PAUSED: u8 = 5;
/// Stopped because only questions to people are open; can be resumed.
pub(crate) const WAITING: u8 = 6;
/// A replay differs from its journal.
pub(crate) const MISMATCH: u8 = 7;
/// Completed, but with nulls that the user does not accept (`--fail-on-null`), or
/// without any answer.
pub(crate) const NULLS: u8 = 8;
/// No agent can be used. `EX_UNAVAILABLE` of sysexits.h.
pub(crate) const UNAVAILABLE: u8 = 69;
/// stdout could not be written. `EX_IOERR` of sysexits.h; 1 would mean a failed
/// workflow.
pub(crate) const UNWRITTEN: u8 = 74;
/// The terminal was closed: 128 and the number of SIGHUP.
pub(crate) const HUNG_UP: u8 = 129;
/// Ctrl-C: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// SIGTERM: 128 and its number.
pub(crate) const TERMINATED: u8 = 143;

/// Exit code of a run that went as far as it could, by its state and error code.
pub(crate) fn of_report(report: &Report, signal: Option<u8>, fail_on_null: bool) -> ExitCode {
    let class = report.error.as_ref().and_then(|error| class_of(&error.code));
    ExitCode::from(match (report.state, class) {
        (RunState::Completed, _) if report.is_fruitless() => NULLS,
        (RunState::Completed, _) if fail_on_null && !report.nulls.is_empty() => NULLS,
        (RunState::Completed, _) => 0,
        // The script is broken, although that shows only while it runs.
        (RunState::Failed, Some(ExitClass::ScriptFault)) => INPUT,
        // With older versions the run failed instead of pausing.
        (RunState::Failed | RunState::Paused, Some(ExitClass::Unavailable)) => UNAVAILABLE,
        (RunState::Cancelled, _) => signal.unwrap_or(INTERRUPTED),
        // Stopped at a limit, not broken.
        (RunState::Paused, Some(ExitClass::Paused)) => PAUSED,
        (RunState::Paused, Some(ExitClass::Waiting)) => WAITING,
        _ => FAILED,
    })
}

/// Exit code of a simulated script that failed with this code.
pub(crate) fn of_code(code: &str) -> u8 {
    match class_of(code) {
        Some(ExitClass::ScriptFault) => INPUT,
        _ => FAILED,
    }
}

/// Exit code of an error that prevented a run from starting or continuing.
pub(crate) fn of_error(error: &EngineError) -> u8 {
    match class_of(error.code()) {
        Some(ExitClass::Usage) => USAGE,
        Some(ExitClass::Mismatch) => MISMATCH,
        Some(ExitClass::Failed) if !matches!(error, EngineError::Compile { .. }) => FAILED,
        Some(ExitClass::Unavailable) => UNAVAILABLE,
        Some(ExitClass::Unwritten) => UNWRITTEN,
        _ => INPUT,
    }
}

/// The class of a code; `None` for one that this version does not know.
fn class_of(code: &str) -> Option<ExitClass> {
    Code::read(code).map(Code::exit)
}

/// Prints clap's help to stdout or its error to stderr, and returns clap's exit
/// code.
pub(crate) fn of_clap(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // The error repeats words of the command line, which in CI may be
        // hostile.
        let said = sanitize::lines(&error.render().to_string());
        streams::write_stderr(format!("{said}\n"), Kind::Message);
    } else {
        // A closed pipe is not an error.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}
