//! Who is told of what happens in a run.
//!
//! Owns: the trait and its in-memory twin. Never: may fail or stop a run; a
//! journal that cannot be written does, a watcher that cannot print does not.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_core::stop::StopReason;
use smol_wf_store::StoreError;

/// Where agents work.
#[derive(Debug, Clone, Copy)]
pub struct WorksIn<'a> {
    /// The folder.
    pub cwd: &'a Path,
    /// The script's project, where the folder lies outside of it.
    pub outside: Option<&'a Path>,
}

/// A wait for a database that another process has locked.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseWait<'a> {
    /// Which database, and who has it.
    pub busy: &'a StoreError,
    /// How long at the most.
    pub longest: Duration,
    /// The run is under way; else its beginning waits.
    pub is_under_way: bool,
}

/// Is told of everything that has become durable, in order, and of what agents
/// are doing. Called from the run's own task: it must be quick.
pub trait Watcher: Send + Sync {
    /// Where the agents of the run will work. Comes before [`Self::run_known`].
    fn works_in(&self, _place: WorksIn<'_>) {}

    /// The run exists and can be resumed from here on.
    fn run_known(&self, run: &RunId, resumed: bool);

    /// A changed script was given for a run that was taken up with it before: that
    /// fork goes on.
    fn taken_up_before(&self, _run: &RunId, _fork: &RunId) {}

    /// The next event. `replayed` ones happened in an earlier attempt.
    fn event(&self, event: &Event, replayed: bool);

    /// What an agent is doing now: no part of the journal, gone once it was told.
    fn fleeting(&self, event: &Event) {
        self.event(event, false);
    }

    /// So many agents wait for their turn.
    fn queued(&self, _agents: usize) {}

    /// The run stops, once so many agents at work have finished.
    fn waits_for_agents(&self, _at_work: usize, _reason: &StopReason) {}

    /// Something is wrong with this process that does not touch the run, such
    /// as a folder that cannot be written.
    fn warn(&self, _message: &str) {}

    /// Another process has the database locked.
    fn waits_for_database(&self, _wait: DatabaseWait<'_>) {}
}

/// Hears nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoWatcher;

impl Watcher for NoWatcher {
    fn run_known(&self, _run: &RunId, _resumed: bool) {}
    fn event(&self, _event: &Event, _replayed: bool) {}
}

/// Keeps everything it hears.
#[derive(Debug, Default)]
pub struct Recording {
    heard: Mutex<Vec<(Event, bool)>>,
}

impl Recording {
    /// All events so far, and whether each was replayed.
    #[must_use]
    pub fn heard(&self) -> Vec<(Event, bool)> {
        self.heard.lock().map(|heard| heard.clone()).unwrap_or_default()
    }
}

impl Watcher for Recording {
    fn run_known(&self, _run: &RunId, _resumed: bool) {}

    fn event(&self, event: &Event, replayed: bool) {
        if let Ok(mut heard) = self.heard.lock() {
            heard.push((event.clone(), replayed));
        }
    }
}
