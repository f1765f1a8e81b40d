//! Programs whose smol-wf was killed before it could end them.
//!
//! Owns: finding them by their mark, and ending them. Never: touches the programs of a
//! living smol-wf.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::grace::GRACE;
use super::system::{self, ProcessInfo, Signal};
use super::tree::marks;
use crate::{owner, scratch};

/// Pause between two looks at whether they have ended.
const LOOK: Duration = Duration::from_millis(20);
/// From SIGKILL to giving up.
const GIVE_UP: Duration = Duration::from_secs(5);

/// How far the search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    NotBegun,
    Searching,
    Ending,
    Done,
}

/// A search that runs once, however many callers ask for it.
#[derive(Clone)]
pub(super) struct Search(Arc<watch::Sender<Stage>>);

impl Search {
    /// A search that has not begun.
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Stage::NotBegun)))
    }

    /// Begins the search in the background, unless it has begun.
    pub(super) fn begin(&self) {
        let is_first = self.0.send_if_modified(|stage| {
            let is_first = *stage == Stage::NotBegun;
            if is_first {
                *stage = Stage::Searching;
            }
            is_first
        });
        if !is_first {
            return;
        }
        let search = self.clone();
        let builder = thread::Builder::new().name("smol-wf-leftovers".to_owned());
        let begun = builder.spawn(move || {
            let found = find();
            if !found.is_empty() {
                search.0.send_replace(Stage::Ending);
                end(found);
            }
            scratch::remove_abandoned();
            search.0.send_replace(Stage::Done);
        });
        if begun.is_err() {
            // The system grants no thread: the next start finds them.
            self.0.send_replace(Stage::Done);
        }
    }

    /// Begins the search, and returns when all that it found has ended.
    pub(super) async fn done(&self) {
        self.begin();
        self.until(|stage| stage == Stage::Done).await;
    }

    /// Returns when all that the search found has ended; at once when it has not begun.
    pub(super) async fn ended(&self) {
        self.until(|stage| matches!(stage, Stage::NotBegun | Stage::Done)).await;
    }

    async fn until(&self, reached: impl Fn(Stage) -> bool) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|stage| reached(*stage)).await;
    }
}

/// Finds the programs whose owner, named by the mark in their environment, is dead, and
/// ends them with all that they started. Also removes files that were meant for them.
/// Returns when they have ended; at once when there are none.
pub fn end_leftovers() {
    end(find());
    scratch::remove_abandoned();
}

fn end(mut found: Vec<ProcessInfo>) {
    let begun = Instant::now();
    // One SIGTERM each: some programs take a second one for "at once".
    let mut signalled: Vec<ProcessInfo> = Vec::new();
    while !found.is_empty() && begun.elapsed() < GRACE + GIVE_UP {
        for one in &found {
            if begun.elapsed() >= GRACE {
                system::signal(one, Signal::KILL);
            } else if !signalled.iter().any(|signalled| signalled.is_same(one)) {
                system::signal(one, Signal::TERM);
                signalled.push(*one);
            }
        }
        thread::sleep(LOOK);
        found = find();
    }
}

fn find() -> Vec<ProcessInfo> {
    let mut judged: Vec<(String, bool)> = Vec::new();
    let mut marked = system::marked();
    marked.retain(|(_, value)| marks(value).any(|mark| is_dead(mark, &mut judged)));
    if marked.is_empty() {
        return Vec::new();
    }
    let mut candidates = system::table();
    // We may run below one of them ourselves, and do not end ourselves.
    let spared = ancestry(&candidates);
    candidates.retain(|one| !one.is_zombie && !spared.contains(&one.pid));
    let is_marked = |one: &&ProcessInfo| marked.iter().any(|(pid, _)| *pid == one.pid);
    let mut found: Vec<ProcessInfo> = candidates.iter().filter(is_marked).copied().collect();
    // Their descendants too, whatever their environment.
    let mut at = 0;
    while let Some(parent) = found.get(at).map(|one| one.pid) {
        let below = candidates.iter().filter(|one| one.parent == parent);
        let new: Vec<ProcessInfo> = below.filter(|one| !found.contains(one)).copied().collect();
        found.extend(new);
        at += 1;
    }
    found
}

/// This process and its ancestors.
fn ancestry(table: &[ProcessInfo]) -> Vec<i32> {
    let mut line = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(child) = table.iter().find(|one| line.last() == Some(&one.pid))
        && !line.contains(&child.parent)
    {
        line.push(child.parent);
    }
    line
}

/// Whether the owner in a mark is dead. Each mark is judged once.
fn is_dead(mark: &str, judged: &mut Vec<(String, bool)>) -> bool {
    if let Some((_, dead)) = judged.iter().find(|(known, _)| known == mark) {
        return *dead;
    }
    let dead = owner::is_dead(mark);
    judged.push((mark.to_owned(), dead));
    dead
}
