//! Processes on a Unix that is not Linux: nothing outside a process group is seen or
//! ended, and orphans belong to `init`.
//!
//! Owns: the same functions without effect. Never: guesses.

use std::os::fd::OwnedFd;

use super::{ProcessInfo, Signal};

pub(in super::super) fn adopt_orphans() {}

pub(in super::super) fn table() -> Vec<ProcessInfo> {
    Vec::new()
}

pub(in super::super) fn marked() -> Vec<(i32, String)> {
    Vec::new()
}

pub(in super::super) fn started(_pid: i32) -> Option<u64> {
    None
}

pub(in super::super) fn program(_pid: i32) -> Option<(u64, u64)> {
    None
}

pub(in super::super) fn marker(_pid: i32) -> Option<String> {
    None
}

pub(in super::super) fn signal(_target: &ProcessInfo, _signal: Signal) {}

pub(in super::super) fn reap(_pid: i32) {}

pub(in super::super) fn is_orphan_about(_known: &dyn Fn(i32) -> bool) -> bool {
    false
}

pub(in super::super) fn exit_descriptor(_pid: i32) -> Option<OwnedFd> {
    None
}
