//! The process in the background, from its first line to the moment that it is alone.
//!
//! Owns: when it turns away from the starter. Never: runs anything.

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use smol_wf_core::ids::RunId;

use super::system::{self, Foreign};
use crate::notices::print_message;
use crate::{exit, run_log, shell, signals, streams};

/// The name that a holder is started under, which `ps` of the system shows.
pub(super) const CALLED: &str = "smol-wf: holder";

/// Begins the line on stdout with the id of the run.
pub(super) const READY: &str = "ready ";

/// Longest that the starter may take to read the first words of a run.
const FIRST_WORDS_MAX: Duration = Duration::from_secs(1);

/// The descriptors to close; set in a holder.
static HOLDER: OnceLock<Mutex<Option<Foreign>>> = OnceLock::new();

/// The holder has turned away from the starter.
static AWAY: AtomicBool = AtomicBool::new(false);

/// Makes this process a holder if it was started as one. To be called before it opens
/// anything. Returns its arguments under the name of the program.
pub(crate) fn begin(mut argv: Vec<OsString>) -> Vec<OsString> {
    if let Some(name) = argv.first_mut().filter(|name| *name == CALLED) {
        let _ = HOLDER.set(Mutex::new(Some(Foreign::found())));
        system::begin_session();
        *name = "smol-wf".into();
    }
    argv
}

/// Whether this process was started to hold a run in the background.
pub(crate) fn is_holder() -> bool {
    HOLDER.get().is_some()
}

/// Whether nobody listens any more: stdout and stderr are the log.
pub(crate) fn is_away() -> bool {
    AWAY.load(Ordering::SeqCst)
}

/// In a holder, tells the starter that the run is durable, and turns away from it.
/// Returns whether this call did so. If the starter is gone, the run stops: nobody would
/// know of it.
pub(crate) fn leave(run: &RunId) -> bool {
    let Some(foreign) = HOLDER.get() else { return false };
    let Some(foreign) = foreign.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return false;
    };
    let log = match run_log::open(run) {
        Ok(log) => Some(log),
        Err(error) => {
            print_message(&format!("warning: the log of the run cannot be written: {error}"));
            None
        }
    };
    streams::clear_moving(FIRST_WORDS_MAX);
    let told = streams::Stdout.write_all(format!("{READY}{run}\n").as_bytes());
    signals::ignore_hang_up();
    if let Err(error) = system::turn_away(log.as_ref().map(|(file, _)| file)) {
        // It goes on talking to the starter, which waits for it.
        print_message(&format!("warning: cannot leave the terminal: {error}"));
        return false;
    }
    AWAY.store(true, Ordering::SeqCst);
    streams::bound_stderr(log.map_or(0, |(_, room)| room));
    streams::reopen_stderr();
    foreign.close();
    if told.is_err() {
        print_message("the process that started this one is gone, so the run stops");
        print_message(&format!("resume: {}", shell::resume(run, None)));
        signals::stop_run(exit::TERMINATED);
    }
    true
}
