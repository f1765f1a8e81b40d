//! Notices about a run for the program around it.
//!
//! Owns: the notices, the trait that takes them, and two watchers. Never: fails or
//! stops a run; a journal that cannot be written does, a watcher that cannot print
//! does not.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_core::stop::StopReason;
use smol_wf_store::StoreError;

/// Something that a [`Watcher`] may show.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The folder that the agents of the run will work in. Comes before [`Self::RunKnown`].
    WorksIn {
        /// The folder.
        cwd: &'a Path,
        /// The script's project, if `cwd` lies outside of it.
        outside: Option<&'a Path>,
    },
    /// The run is in the store and can be resumed from here on.
    RunKnown {
        /// Its id.
        run: &'a RunId,
        /// Whether it was in the store before.
        resumed: bool,
    },
    /// The run is over, so nothing is left to resume; its events and report follow. Comes
    /// before [`Self::RunKnown`].
    RunOver,
    /// The run was resumed with this changed script before: the fork that was made then
    /// goes on.
    TakenUpBefore {
        /// The run that was asked for.
        run: &'a RunId,
        /// The fork that goes on in its place.
        fork: &'a RunId,
    },
    /// The next event of the journal, which is durable.
    Event {
        /// The event.
        event: &'a Event,
        /// Whether it happened before this process had the run.
        replayed: bool,
    },
    /// An activity of an agent, just now. Not in the journal, and not repeated.
    Activity(&'a Event),
    /// The number of agents that wait for a free slot has changed.
    Queued {
        /// The number now.
        agents: usize,
    },
    /// The run stops as soon as the agents at work have finished.
    WaitsForAgents {
        /// Number of agents at work.
        at_work: usize,
        /// Why the run stops.
        reason: &'a StopReason,
    },
    /// Something is wrong around the run that does not change it, such as a folder
    /// that cannot be written.
    Warning(&'a str),
    /// Another process has locked the database.
    WaitsForDatabase(DatabaseWait<'a>),
}

/// A wait for a database that another process has locked.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseWait<'a> {
    /// The error that names the database and the process that has locked it.
    pub busy: &'a StoreError,
    /// Longest time that this process waits.
    pub longest: Duration,
    /// Whether the run is under way; otherwise its beginning waits.
    pub is_under_way: bool,
}

/// Takes the notices of runs, in order.
///
/// ```
/// use smol_wf_engine::{Notice, Watcher};
///
/// struct Warnings;
///
/// impl Watcher for Warnings {
///     fn notice(&self, notice: Notice<'_>) {
///         if let Notice::Warning(message) = notice {
///             eprintln!("{message}");
///         }
///     }
/// }
/// ```
pub trait Watcher: Send + Sync {
    /// Takes one notice. Called from the run's own task: it must not block.
    fn notice(&self, notice: Notice<'_>);
}

/// Ignores every notice.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoWatcher;

impl Watcher for NoWatcher {
    fn notice(&self, _notice: Notice<'_>) {}
}

/// Keeps every event and activity in memory.
#[derive(Debug, Default)]
pub struct Recording {
    events: Mutex<Vec<(Event, bool)>>,
}

impl Recording {
    /// All events and activities so far, and whether each was replayed.
    #[must_use]
    pub fn events(&self) -> Vec<(Event, bool)> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Watcher for Recording {
    fn notice(&self, notice: Notice<'_>) {
        let (event, replayed) = match notice {
            Notice::Event { event, replayed } => (event, replayed),
            Notice::Activity(event) => (event, false),
            _ => return,
        };
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.push((event.clone(), replayed));
    }
}
