//! Processes of Linux, by `/proc`, process descriptors and the subreaper.

use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal,
    set_child_subreaper, waitpid,
};

use super::{MARKER, Seen};

/// Most that is read of an environment; the kernel's own limit for what a
/// program is started with is some MiB, of which the marker is never the last.
const ENVIRON_BYTES_MAX: u64 = 1024 * 1024;

/// Orphans below us become our children, instead of those of `init`, so that
/// they stay where we find them.
pub(in super::super) fn adopt_orphans() {
    // Kernels since 3.4 can; without it the marker alone finds orphans.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Every process of this machine that can be seen.
pub(in super::super) fn table() -> Vec<Seen> {
    let Ok(folder) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(seen).collect()
}

fn seen(pid: i32) -> Option<Seen> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold anything.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(end + 2..)?).ok()?;
    let mut fields = text.split(' ');
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Field 22 of the line, and the fifth is behind us.
    let started = fields.nth(15)?.parse().ok()?;
    Some(Seen { pid, parent, group, session, started, is_zombie })
}

/// The marker in the environment of a process, if it has one and may be read.
pub(in super::super) fn marker(pid: i32) -> Option<String> {
    let file = fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    let mut environ = Vec::new();
    file.take(ENVIRON_BYTES_MAX).read_to_end(&mut environ).ok()?;
    let value = environ.split(|byte| *byte == 0).find_map(|variable| {
        variable.strip_prefix(MARKER.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
    })?;
    String::from_utf8(value.to_vec()).ok()
}

/// Signals a process, unless another has its id by now.
pub(in super::super) fn signal(target: &Seen, signal: Signal) {
    let Some(pid) = Pid::from_raw(target.pid).filter(|pid| !pid.is_init()) else { return };
    let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if seen(target.pid).is_some_and(|now| now.started == target.started) {
        // It may have ended by now.
        let _ = pidfd_send_signal(&descriptor, signal);
    }
}

/// Waits for a zombie that is our child.
pub(in super::super) fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // Not ours after all, or gone: nothing to do.
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Whether this process has a child beside `known`: an orphan, or a child of
/// another part of the program. True also when that cannot be told.
pub(in super::super) fn is_orphan_about(known: &dyn Fn(i32) -> bool) -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return true };
    threads.filter_map(Result::ok).any(|thread| {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(children) => children.split_whitespace().any(|pid| !pid.parse().is_ok_and(known)),
            // A thread that has just ended has no children; a kernel without
            // this file says nothing.
            Err(error) => error.kind() != io::ErrorKind::NotFound || !has_children_file(),
        }
    })
}

fn has_children_file() -> bool {
    fs::exists("/proc/thread-self/children").unwrap_or(false)
}

/// What becomes readable when a child ends.
pub(in super::super) fn exit_descriptor(pid: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_the_table() {
        let own = i32::try_from(std::process::id()).unwrap();
        let table = table();
        let this = table.iter().find(|one| one.pid == own).unwrap();
        let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap();
        assert!(this.parent == parent && this.started > 0 && !this.is_zombie);
    }
}
