//! Power over the process that this library is part of, for a program that gives
//! it.
//!
//! Owns: what that power is. Never: takes it unasked.

use super::processes::Processes;
use super::reach::Reach;

/// Lets agents be kept as strictly as a process can keep them. Make one for a
/// process, before its first run, and give it to every engine.
///
/// When its first program is started,
///
/// - the process becomes the one that inherits orphans of its children (on Linux,
///   `PR_SET_CHILD_SUBREAPER`), so that a tool whose parent has gone stays where
///   it is found, and is waited for;
/// - files that the process was started with, or has opened without
///   `FD_CLOEXEC`, are closed in every program that it starts from then on.
///
/// Without a supervisor neither is done: see `docs/processes.md` for what is
/// weaker then.
#[derive(Debug, Clone)]
pub struct Supervisor {
    root: Processes,
}

impl Supervisor {
    /// For a program that has children of its own besides: those are neither
    /// waited for nor ended.
    #[expect(clippy::new_without_default, reason = "it is to be asked for by name")]
    #[must_use]
    pub fn new() -> Self {
        Self { root: Processes::reaching(Reach::Orphans) }
    }

    /// For a program that starts no process by itself that leaves its group or
    /// session: whatever becomes its child can only be an agent's, and is ended when
    /// no agent is left, even where nobody has seen whence it came.
    #[must_use]
    pub fn of_all_children() -> Self {
        Self { root: Processes::reaching(Reach::Children) }
    }

    /// Processes of a run, or for another purpose, kept by this supervisor.
    #[must_use]
    pub fn processes(&self) -> Processes {
        self.root.apart()
    }

    /// Returns when everything that is no longer wanted is gone, whatever it was
    /// started for, and so are leftovers that were found.
    pub async fn all_ended(&self) {
        self.root.leftovers_ended().await;
        self.root.all_started_ended().await;
    }

    /// Kills everything that was started, without asking it to end first, and
    /// returns when it is gone. For a program that must not wait: agents that nobody
    /// looks after go on at the user's cost.
    pub async fn end_all_at_once(&self) {
        self.root.end_all_at_once();
        self.root.all_started_ended().await;
    }
}
