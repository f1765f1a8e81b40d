//! Power over the process that this library is part of, for a program that grants it.
//!
//! Owns: its two degrees. Never: takes it unasked.

use super::processes::Processes;
use super::reach::Reach;

/// Controls agents as strictly as a process can. Make one for a process, before its
/// first run, and give it to every engine.
///
/// When its first program is started,
///
/// - the process adopts the orphans of its children (on Linux,
///   `PR_SET_CHILD_SUBREAPER`), so that a tool whose parent has ended can still be
///   found, and is waited for;
/// - descriptors that the process inherited, or opened without `FD_CLOEXEC`, are closed
///   in every program that it starts from then on.
///
/// Without a supervisor neither happens: see `docs/processes.md` for what is weaker
/// then.
#[derive(Debug, Clone)]
pub struct Supervisor {
    root: Processes,
}

impl Supervisor {
    /// For a program with other children, which are neither waited for nor ended.
    #[expect(clippy::new_without_default, reason = "it is to be asked for by name")]
    #[must_use]
    pub fn new() -> Self {
        Self { root: Processes::reaching(Reach::Orphans) }
    }

    /// For a program whose own children stay in its group and session. Any child that
    /// leaves them counts as an agent's, and is ended when no agent is left, even if its
    /// origin was never seen.
    #[must_use]
    pub fn of_all_children() -> Self {
        Self { root: Processes::reaching(Reach::Children) }
    }

    /// A group of processes for a run, or for another purpose, kept by this supervisor.
    #[must_use]
    pub fn processes(&self) -> Processes {
        self.root.apart()
    }

    /// Returns when everything that is no longer wanted has ended, in all groups, and the
    /// leftovers that were found have too.
    pub async fn all_ended(&self) {
        self.root.leftovers_ended().await;
        self.root.all_started_ended().await;
    }

    /// Kills everything that was started, without SIGTERM first, and returns when it is
    /// gone. For a program that must not wait: agents without a reader would run on at
    /// the user's cost.
    pub async fn end_all_at_once(&self) {
        self.root.end_all_at_once();
        self.root.all_started_ended().await;
    }
}
