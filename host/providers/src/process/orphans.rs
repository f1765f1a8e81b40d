//! Orphans that belong to no step any more.
//!
//! Owns: which children that we did not start are ended, and how far that has come.
//! Never: ends one while a step is at work that may have started it.
//!
//! A tool that forks twice, begins a session or a group and clears its environment, as
//! daemons do, may lose its parent before it was ever seen in a tree. The system then
//! makes it our child. When no step is at work, it can only be an agent's. Its own children
//! become ours when it has ended.

use std::time::Instant;

use super::grace::{GIVE_UP, GRACE};
use super::reach::Reach;
use super::system::{self, ProcessInfo, Signal};
use super::tree::Table;

/// The orphans that are being ended.
pub(super) struct Orphans {
    /// Whether every child that appears can only be an agent's, as the embedding program
    /// has declared. Not where we had other children from the start (a shell became this
    /// program), and not as the first process of a container, which adopts every orphan.
    ours_alone: bool,
    /// The newest group that may have started them: the newest that had a child when the
    /// last of them was found. All older groups may have, too.
    newest_group: u64,
    /// Each orphan, with the time of its SIGTERM.
    found: Vec<(ProcessInfo, Instant)>,
    /// The last of them has ended since the table was read: its children, now ours, may
    /// not be in the table yet.
    look_again: bool,
    at_once: bool,
}

impl Orphans {
    /// To be called before the first child is started.
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

    /// Whether some are being ended, or may exist.
    pub(super) fn are_about(&self) -> bool {
        self.look_again || !self.found.is_empty()
    }

    /// The same for orphans that may be of this group; of any group when it is none.
    pub(super) fn are_about_of(&self, group: Option<u64>) -> bool {
        self.are_about() && group.is_none_or(|group| group <= self.newest_group)
    }

    /// Sends SIGKILL at the next look.
    pub(super) fn end_at_once(&mut self) {
        self.at_once = true;
    }

    /// Finds orphans if no step is at work, and sends the signals that are due now. Groups
    /// up to `newest_group` may have left them.
    pub(super) fn look(&mut self, table: &Table, is_idle: bool, newest_group: u64, now: Instant) {
        let were_found = !self.found.is_empty();
        self.found.retain(|(one, _)| table.is_alive(one));
        if is_idle && self.ours_alone {
            // A process that has changed its group since is still the same.
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
        // Gives up on one that cannot be ended. The next time that no step is at work, it
        // is found and waited for again.
        let before = self.found.len();
        self.found.retain(|(_, since)| now.duration_since(*since) <= GRACE + GIVE_UP);
        let gave_up = self.found.len() < before;
        self.look_again = were_found && self.found.is_empty() && !gave_up;
    }
}
