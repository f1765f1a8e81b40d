//! Orphans that belong to no call any more, and to nobody else.
//!
//! Owns: whom of our children that we have not started to end, and how far that
//! is. Never: ends one while a call is left whose it may be.
//!
//! A tool that forks twice, begins a session or a group and clears its environment,
//! as daemons do, may lose its parent before it was ever seen to belong to a tree.
//! The system makes it our child then; when no call is left, it can only be an
//! agent's. What it has started becomes our child in its turn when it has ended.

use std::time::Instant;

use super::grace::{GIVE_UP, GRACE};
use super::reach::Reach;
use super::system::{self, ProcessInfo, Signal};
use super::tree::Table;

/// Who is being ended.
pub(super) struct Orphans {
    /// Whether whatever becomes our child can only be an agent's, as the program has
    /// said. Not where we had children of somebody else's from the start (a shell
    /// became this program), nor as the first process of a container, whose child
    /// every orphan becomes.
    ours_alone: bool,
    /// Whose they may be: the newest group that had a child when the last of them
    /// was found, and all older ones.
    newest_group: u64,
    /// And since when each of them has known that it is to end.
    found: Vec<(ProcessInfo, Instant)>,
    /// The last of those has ended since the table was read: its children, who are
    /// ours now, may not be seen yet.
    look_again: bool,
    at_once: bool,
}

impl Orphans {
    /// Before the first child is started.
    pub(super) fn new(reach: Reach) -> Self {
        let is_first = std::process::id() == 1;
        Self {
            newest_group: 0,
            ours_alone: reach == Reach::Children
                && !is_first
                && !system::is_orphan_about(&|_| false),
            found: Vec::new(),
            look_again: false,
            at_once: false,
        }
    }

    /// Whether some are still being ended, or may be there.
    pub(super) fn are_about(&self) -> bool {
        self.look_again || !self.found.is_empty()
    }

    /// The same for those that may be of this group; of any when there is none.
    pub(super) fn are_about_of(&self, group: Option<u64>) -> bool {
        self.are_about() && group.is_none_or(|group| group <= self.newest_group)
    }

    /// The signal that cannot be refused is due now.
    pub(super) fn end_at_once(&mut self) {
        self.at_once = true;
    }

    /// Finds them, when no call is left, and does what is due now. Groups up to the
    /// newest may have left them.
    pub(super) fn look(
        &mut self,
        table: &Table,
        no_call_is_left: bool,
        newest_group: u64,
        now: Instant,
    ) {
        let were_found = !self.found.is_empty();
        self.found.retain(|(one, _)| table.is_alive(one));
        if no_call_is_left && self.ours_alone {
            // Whoever has changed its group since is the same.
            let is_known =
                |one: &ProcessInfo| self.found.iter().any(|(known, _)| known.is_same(one));
            let new: Vec<ProcessInfo> =
                table.orphans_apart().filter(|one| !is_known(one)).collect();
            new.iter().for_each(|one| system::signal(one, Signal::TERM));
            if !new.is_empty() {
                self.newest_group = newest_group;
            }
            self.found.extend(new.into_iter().map(|one| (one, now)));
        }
        for (one, since) in &self.found {
            if self.at_once || now.duration_since(*since) >= GRACE {
                system::signal(one, Signal::KILL);
            }
        }
        // Nobody waits for ever for one that cannot be ended. The next time that no
        // call is left it is found again, and waited for as long once more.
        let before = self.found.len();
        self.found.retain(|(_, since)| now.duration_since(*since) <= GRACE + GIVE_UP);
        let gave_up = self.found.len() < before;
        self.look_again = were_found && self.found.is_empty() && !gave_up;
    }
}
