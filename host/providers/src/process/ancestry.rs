//! Whether this process was started by an agent of a run.
//!
//! Owns: the look at its own environment and at its ancestors. Never: signals one, or
//! trusts the answer for security: a program can shed its mark and its parents. The look
//! is a guard against mistakes of agents, not a wall.

use std::collections::HashMap;

use super::system::{self, MARKER};

/// Most ancestors that are looked at; a table that is read while processes end can have
/// a circle.
const ANCESTORS_MAX: usize = 1_024;

/// Whether this process or one of its ancestors bears the mark that every program of an
/// agent gets, or an ancestor is this very program: it starts nothing but agents and their
/// tools, and adopts what those leave behind. Where the system shows no other processes,
/// only its own environment counts.
#[must_use]
pub fn is_below_agent() -> bool {
    is_below(Parent::Stranger)
}

/// [`is_below_agent`], for a process that this very program started to go on in the
/// background: that its parent is this program tells nothing.
#[must_use]
pub fn is_started_below_agent() -> bool {
    is_below(Parent::Starter)
}

/// What the parent of this process is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parent {
    Stranger,
    Starter,
}

fn is_below(first: Parent) -> bool {
    if std::env::var_os(MARKER).is_some_and(|mark| !mark.is_empty()) {
        return true;
    }
    let parents: HashMap<i32, i32> =
        system::table().into_iter().map(|one| (one.pid, one.parent)).collect();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let program = system::program(own);
    let (mut pid, mut kind) = (own, first);
    for _ in 0..ANCESTORS_MAX {
        let Some(parent) = parents.get(&pid).copied().filter(|parent| *parent > 1) else {
            return false;
        };
        let is_marked = system::marker(parent).is_some_and(|mark| !mark.is_empty());
        let is_this = program.is_some() && system::program(parent) == program;
        if is_marked || (is_this && kind == Parent::Stranger) {
            return true;
        }
        (pid, kind) = (parent, Parent::Stranger);
    }
    false
}
