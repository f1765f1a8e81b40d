//! What the operating system reports of processes, and does to them.
//!
//! Owns: the one place where systems differ. Linux shows every process with its parent
//! and environment, and hands orphans to us; elsewhere only a process group can be seen
//! and ended. Never: decides which process to end.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
pub(super) use linux::{
    adopt_orphans, exit_descriptor, is_orphan_about, marked, marker, program, reap, signal,
    started, table,
};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{
    adopt_orphans, exit_descriptor, is_orphan_about, marked, marker, program, reap, signal,
    started, table,
};

pub(super) use rustix::process::Signal;
use rustix::process::{Pid, kill_process_group, test_kill_process_group};

/// Name of the variable that marks what we start, and what that starts.
pub(super) const MARKER: &str = "SMOL_WF_PROCESS";

/// A process when the table was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProcessInfo {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// When it started. A process id is reused; id and start together are not.
    pub(super) started: u64,
    /// Whether it has ended and was not waited for yet.
    pub(super) is_zombie: bool,
}

impl ProcessInfo {
    /// Whether both are the same process.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.pid, self.started) == (other.pid, other.started)
    }
}

/// Closes inherited descriptors in every program that is started from now on. Descriptors
/// that this process opens itself are closed there anyway.
pub(super) fn keep_inherited_files() {
    /// The first descriptor after stdin, stdout and stderr.
    const FIRST: i32 = 3;
    close_fds::set_fds_cloexec_threadsafe(FIRST, &[]);
}

/// Signals every process of a group.
pub(super) fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group).filter(|group| !group.is_init()) {
        // The group may be empty by now.
        let _ = kill_process_group(group, signal);
    }
}

/// Whether a group has a member; a zombie counts.
pub(super) fn group_exists(group: i32) -> bool {
    Pid::from_raw(group).is_some_and(|group| test_kill_process_group(group).is_ok())
}
