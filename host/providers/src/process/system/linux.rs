//! Processes on Linux, by `/proc`, process descriptors and the subreaper.
//!
//! Owns: the system calls and the files of `/proc`. Never: decides which process to end.

use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, pidfd_send_signal,
    set_child_subreaper, waitpid,
};

use super::{MARKER, ProcessInfo};

/// Most of an environment that is read; those made here are far smaller.
const ENVIRON_BYTES_MAX: usize = 256 * 1024;

/// Most of a `stat` line that is read: numbers, and a name of at most 64 bytes.
const STAT_BYTES_MAX: usize = 2048;

/// Makes orphans below us our children instead of those of `init`, so that they can be
/// found.
pub(in super::super) fn adopt_orphans() {
    // Kernels since 3.4 can. Without it, orphans are found by their mark alone.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Every process of this machine that is visible.
pub(in super::super) fn table() -> Vec<ProcessInfo> {
    pids().filter_map(seen).collect()
}

/// Every process with a mark, and the mark.
pub(in super::super) fn marked() -> Vec<(i32, String)> {
    let mut buffer = vec![0; ENVIRON_BYTES_MAX];
    pids().filter_map(|pid| Some((pid, marker_in(pid, &mut buffer)?))).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn seen(pid: i32) -> Option<ProcessInfo> {
    let mut buffer = [0; STAT_BYTES_MAX];
    let read = fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut buffer).ok()?;
    let stat = buffer.get(..read)?;
    // The second field is the program's name in brackets and may hold anything.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(end + 2..)?).ok()?;
    let mut fields = text.split(' ');
    let is_zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    // Field 22 of the line; five fields are read already.
    let started = fields.nth(15)?.parse().ok()?;
    Some(ProcessInfo { pid, parent, group, session, started, is_zombie })
}

/// When a process started, in a unit that is only good for comparing.
pub(in super::super) fn started(pid: i32) -> Option<u64> {
    seen(pid).map(|seen| seen.started)
}

/// The file of a process's program, by device and number; none when it may not be read.
pub(in super::super) fn program(pid: i32) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((file.dev(), file.ino()))
}

/// The mark in a process's environment; none when it has none or may not be read.
pub(in super::super) fn marker(pid: i32) -> Option<String> {
    marker_in(pid, &mut vec![0; ENVIRON_BYTES_MAX])
}

fn marker_in(pid: i32, buffer: &mut [u8]) -> Option<String> {
    let mut file = fs::File::open(format!("/proc/{pid}/environ")).ok()?;
    // One read returns it all.
    let read = file.read(buffer).ok()?;
    let environ = buffer.get(..read)?;
    // Searched as bytes, because every start looks at all processes.
    let name = [MARKER.as_bytes(), b"="].concat();
    let mut places = memchr::memmem::find_iter(environ, &name);
    let at = places.find(|at| *at == 0 || environ.get(at - 1) == Some(&0))? + name.len();
    let value = environ.get(at..)?.split(|byte| *byte == 0).next()?;
    String::from_utf8(value.to_vec()).ok()
}

/// Signals a process, unless its id belongs to another one by now.
pub(in super::super) fn signal(target: &ProcessInfo, signal: Signal) {
    let Some(pid) = Pid::from_raw(target.pid).filter(|pid| !pid.is_init()) else { return };
    let Ok(descriptor) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if started(target.pid) == Some(target.started) {
        // It may have ended by now.
        let _ = pidfd_send_signal(&descriptor, signal);
    }
}

/// Waits for a zombie that is our child.
pub(in super::super) fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It is not ours, or gone: nothing to do.
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Whether this process has a child beside `known`: an orphan, or a child of another part
/// of the program. True also when the system does not tell.
pub(in super::super) fn is_orphan_about(known: &dyn Fn(i32) -> bool) -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return true };
    threads.filter_map(Result::ok).any(|thread| {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(children) => children.split_whitespace().any(|pid| !pid.parse().is_ok_and(known)),
            // A thread that has just ended has no children. A kernel without this file
            // cannot tell.
            Err(error) => error.kind() != io::ErrorKind::NotFound || !has_children_file(),
        }
    })
}

fn has_children_file() -> bool {
    fs::exists("/proc/thread-self/children").unwrap_or(false)
}

/// A descriptor that becomes readable when a child ends.
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

    #[test]
    fn a_marker_is_a_variable_of_that_name_alone() {
        let marked = |vars: &[(&str, &str)]| {
            let mut child = std::process::Command::new("sleep");
            let mut child =
                child.arg("600").env_clear().envs(vars.iter().copied()).spawn().unwrap();
            let found = marker(i32::try_from(child.id()).unwrap());
            child.kill().unwrap();
            child.wait().unwrap();
            found
        };
        let decoy = ("A", "SMOL_WF_PROCESS=no");
        assert_eq!(marked(&[decoy, (MARKER, "a/1"), ("Z", "1")]).as_deref(), Some("a/1"));
        assert_eq!(marked(&[(MARKER, "")]).as_deref(), Some(""));
        assert_eq!(marked(&[decoy, ("XSMOL_WF_PROCESS", "no")]), None);
    }
}
