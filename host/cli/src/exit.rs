//! Exit codes: the one table, as `docs/cli.md` has it.
//!
//! Owns: which outcome is which number. Never: prints, but for clap's own
//! messages.

use std::process::ExitCode;

use smol_wf_core::codes::{Code, ExitClass};
use smol_wf_engine::{EngineError, Report, RunState};

use crate::sanitize;
use crate::streams::{self, Kind};

/// Two runs differ, as `diff` says it.
pub(crate) const DIFFERENT: u8 = 1;
/// The script ran and failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or a setting is wrong. Clap's own.
pub(crate) const USAGE: u8 = 2;
/// The script, its arguments, the database or the run id cannot be used.
pub(crate) const INPUT: u8 = 3;
/// Stopped at a limit; can be resumed.
pub(crate) const PAUSED: u8 = 5;
/// A replay differs from its journal.
pub(crate) const MISMATCH: u8 = 7;
/// Completed, with nulls that the user does not take for a result.
pub(crate) const NULLS: u8 = 8;
/// No agent can be used. `EX_UNAVAILABLE` of sysexits.h.
pub(crate) const UNAVAILABLE: u8 = 69;
/// What there was to say could not be written to stdout. `EX_IOERR` of
/// sysexits.h: 1 is for workflows that fail.
pub(crate) const UNWRITTEN: u8 = 74;
/// The terminal was closed: 128 and the number of SIGHUP.
pub(crate) const HUNG_UP: u8 = 129;
/// Ctrl-C: 128 and the number of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// SIGTERM: 128 and its number.
pub(crate) const TERMINATED: u8 = 143;

/// Of a run that has been driven as far as it went.
pub(crate) fn of_report(report: &Report, signal: Option<u8>, fail_on_null: bool) -> ExitCode {
    let class = report.error.as_ref().and_then(|error| class_of(&error.code));
    ExitCode::from(match (report.state, class) {
        (RunState::Completed, _) if report.is_fruitless() => NULLS,
        (RunState::Completed, _) if fail_on_null && !report.nulls.is_empty() => NULLS,
        (RunState::Completed, _) => 0,
        // It is input that cannot be run, though that only shows while it runs.
        (RunState::Failed, Some(ExitClass::ScriptFault)) => INPUT,
        // It failed by it where an older program ran it.
        (RunState::Failed | RunState::Paused, Some(ExitClass::Unavailable)) => UNAVAILABLE,
        (RunState::Cancelled, _) => signal.unwrap_or(INTERRUPTED),
        // Enough for now, rather than broken.
        (RunState::Paused, Some(ExitClass::Paused)) => PAUSED,
        _ => FAILED,
    })
}

/// Of a script that was tried out and failed with this code.
pub(crate) fn of_code(code: &str) -> u8 {
    match class_of(code) {
        Some(ExitClass::ScriptFault) => INPUT,
        _ => FAILED,
    }
}

/// Of something that kept a run from starting or from going on.
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

fn class_of(code: &str) -> Option<ExitClass> {
    Code::read(code).map(Code::exit)
}

/// Clap prints help to stdout and complaints to stderr, and knows its codes.
pub(crate) fn of_clap(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // It holds words of the command line, which in CI may be anybody's.
        let said = sanitize::lines(&error.render().to_string());
        streams::write_stderr(format!("{said}\n"), Kind::Message);
    } else {
        // A closed pipe is no reason to complain.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}
