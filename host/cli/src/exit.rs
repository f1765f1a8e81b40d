//! Exit codes: the one table, as `docs/cli.md` has it.
//!
//! Owns: which outcome is which number. Never: prints, but for clap's own
//! messages.

use std::process::ExitCode;

use smol_wf_core::codes;
use smol_wf_engine::{EngineError, FixtureError, Report, RunState};

use crate::screen;
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

/// What is wrong with the script itself, rather than with what it did: it is
/// input that cannot be run, though that only shows while it runs.
const SCRIPT_FAULTS: [&str; 4] =
    ["result_not_json", "never_settles", "unhandled_rejection", "no_default_export"];

/// Stops that say "enough for now" rather than "this script is broken".
const PAUSING: [&str; 12] = [
    "cwd_gone",
    "project_gone",
    "limit_agents",
    "limit_journal",
    "limit_turn_time",
    "timed_out",
    "budget_spent",
    "budget_unpriced",
    "budget_unmetered",
    "provider_auth",
    "provider_quota",
    "provider_rate_limit",
];

/// Of a run that has been driven as far as it went.
pub(crate) fn of_report(report: &Report, signal: Option<u8>, fail_on_null: bool) -> ExitCode {
    let code = report.error.as_ref().map_or("", |error| error.code.as_str());
    ExitCode::from(match report.state {
        RunState::Completed if report.is_fruitless() => NULLS,
        RunState::Completed if fail_on_null && !report.nulls.is_empty() => NULLS,
        RunState::Completed => 0,
        RunState::Failed if SCRIPT_FAULTS.contains(&code) => INPUT,
        // It failed by it where an older program ran it.
        RunState::Failed | RunState::Paused if code == codes::NO_AGENT => UNAVAILABLE,
        RunState::Cancelled => signal.unwrap_or(INTERRUPTED),
        RunState::Paused if PAUSING.contains(&code) => PAUSED,
        _ => FAILED,
    })
}

/// Of a script that was tried out and failed with this code.
pub(crate) fn of_code(code: &str) -> u8 {
    if SCRIPT_FAULTS.contains(&code) { INPUT } else { FAILED }
}

/// Of something that kept a run from starting or from going on.
pub(crate) fn of_error(error: &EngineError) -> u8 {
    match error {
        EngineError::Script(_)
        | EngineError::Compile { .. }
        | EngineError::Library(_)
        | EngineError::Store(_)
        | EngineError::Journal { .. }
        | EngineError::RowChanged { .. }
        | EngineError::Archive(_)
        | EngineError::ImportConflict { .. }
        | EngineError::UnknownRun { .. }
        | EngineError::NoRunHere { .. }
        | EngineError::CwdGone { .. }
        | EngineError::PathNotUtf8 { .. }
        | EngineError::AmbiguousRun { .. }
        | EngineError::Held { .. }
        | EngineError::InUse { .. } => INPUT,
        EngineError::Fixture(FixtureError::Rule { .. }) => USAGE,
        EngineError::Fixture(FixtureError::Redaction { .. }) => MISMATCH,
        EngineError::Fixture(_) => INPUT,
        EngineError::NoSuchStep { .. }
        | EngineError::Request { .. }
        | EngineError::LimitLowered { .. } => USAGE,
        EngineError::Mismatch { .. } => MISMATCH,
        EngineError::Sandbox(_)
        | EngineError::LeaseLost { .. }
        | EngineError::System { .. }
        | EngineError::Worktree(_)
        | EngineError::WriterGone(_) => FAILED,
    }
}

/// Clap prints help to stdout and complaints to stderr, and knows its codes.
pub(crate) fn of_clap(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // It holds words of the command line, which in CI may be anybody's.
        let said = screen::lines(&error.render().to_string());
        streams::say(format!("{said}\n"), Kind::Message);
    } else {
        // A closed pipe is no reason to complain.
        let _ = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE))
}
