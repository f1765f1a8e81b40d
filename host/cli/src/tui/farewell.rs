//! What is said when the TUI ends, also when a signal ends it.
//!
//! Owns: that it is about the run as it was seen last. Never: prints it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smol_wf_core::view::RunStatus;

use super::app::{App, Origin};
use crate::shell;

/// The last words, which the thread that has the run keeps true.
#[derive(Debug, Clone, Default)]
pub(crate) struct Farewell(Arc<Mutex<Option<String>>>);

impl Farewell {
    /// The words of this moment.
    pub(crate) fn words(&self) -> Option<String> {
        self.lock().clone()
    }

    /// The run is like this now.
    pub(crate) fn note(&self, app: &App) {
        *self.lock() = last_words(app);
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What to type next, after the TUI.
fn last_words(app: &App) -> Option<String> {
    let Origin::Live { is_gone: false, is_held, .. } = app.origin else { return None };
    let (run, db) = (app.run()?, shell::with_database());
    let status = &app.view.facts().status;
    Some(match status {
        RunStatus::Completed | RunStatus::Failed => {
            format!("run {run} {}; report: smol-wf history {run}{db}", status.word())
        }
        RunStatus::NotStarted | RunStatus::Running if is_held => {
            format!("run {run} goes on; show it again: smol-wf tui attach {run}{db}")
        }
        _ if app.view.asks().len() > 0 => {
            format!("run {run} waits for an answer: smol-wf answer {run}{db}")
        }
        _ => format!("run {run} is not running; go on: smol-wf continue {run}{db}"),
    })
}
