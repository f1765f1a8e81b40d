//! One child, and how far its end has come.
//!
//! Owns: the order in which a tree is ended. Never: looks for its members.

use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::time::Instant;

use tokio::sync::watch;

use super::grace::{GIVE_UP, GRACE};
use super::system::{self, Signal};
use super::tree::Tree;
use crate::Presence;

/// A child and its state in the keeper.
pub(super) struct ManagedChild {
    pub(super) process: Child,
    pub(super) pid: i32,
    /// The group that it was started for.
    pub(super) group: u64,
    /// Readable when the child has ended.
    pub(super) exit: Option<OwnedFd>,
    /// Receives its exit status, once.
    pub(super) status: Option<watch::Sender<Option<ExitStatus>>>,
    pub(super) has_exited: bool,
    pub(super) tree: Tree,
    pub(super) ending: Option<EndProgress>,
    /// Held until the child is forgotten, for callers that wait for its end.
    #[allow(dead_code, reason = "is held, and never used")]
    pub(super) presence: Option<Presence>,
}

/// How far the end of a tree has come.
pub(super) struct EndProgress {
    since: Instant,
    is_group_signalled: bool,
    are_members_signalled: bool,
    /// Without the grace period.
    at_once: bool,
}

impl ManagedChild {
    pub(super) fn begin_ending(&mut self, now: Instant) {
        self.ending.get_or_insert(EndProgress {
            since: now,
            is_group_signalled: false,
            are_members_signalled: false,
            at_once: false,
        });
    }

    /// Sends SIGKILL at the next step, without waiting for the grace period.
    pub(super) fn end_at_once(&mut self, now: Instant) {
        self.begin_ending(now);
        if let Some(ending) = &mut self.ending {
            ending.at_once = true;
        }
    }

    /// Whether it ended and left no process behind.
    pub(super) fn has_ended_alone(&self) -> bool {
        self.has_exited && self.tree.is_alone() && !system::group_exists(self.pid)
    }

    /// Takes the step that is due now; true when nothing is left to do. `has_group` says
    /// whether its process group has a member.
    pub(super) fn go_on_ending(
        &mut self,
        members: &[system::ProcessInfo],
        has_group: bool,
        now: Instant,
    ) -> bool {
        let Some(ending) = &mut self.ending else { return false };
        if self.has_exited && members.is_empty() && !has_group {
            return true;
        }
        let taken = now.duration_since(ending.since);
        if taken < GRACE && !ending.at_once {
            if !ending.is_group_signalled {
                system::signal_group(self.pid, Signal::TERM);
                ending.is_group_signalled = true;
            }
            // The child may be ending these itself while it ends.
            if self.has_exited && !ending.are_members_signalled {
                members.iter().for_each(|one| system::signal(one, Signal::TERM));
                ending.are_members_signalled = true;
            }
            return false;
        }
        if !self.has_exited || has_group {
            system::signal_group(self.pid, Signal::KILL);
        }
        members.iter().for_each(|one| system::signal(one, Signal::KILL));
        taken > GRACE + GIVE_UP
    }
}
