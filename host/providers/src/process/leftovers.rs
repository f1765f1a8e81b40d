//! Programs whose smol-wf is gone: it was killed before it could end them.
//!
//! Owns: finding them by their mark, and ending them. Never: touches what a
//! process has started that still runs.

use std::sync::{LazyLock, Once};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::GRACE;
use super::system::{self, Seen, Signal};
use super::tree::marks;
use crate::owner;

/// Pause between two looks at whether they have ended.
const LOOK: Duration = Duration::from_millis(20);
/// From the signal that cannot be refused to giving up.
const GIVE_UP: Duration = Duration::from_secs(5);

/// How many searches are under way.
static SEARCHES: LazyLock<watch::Sender<usize>> = LazyLock::new(|| watch::Sender::new(0));

/// Ends, in the background, what an earlier smol-wf of this user has left
/// behind; once for this process. [`super::all_ended`] waits for it.
pub fn end_leftovers_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let search = Search::begin();
        let builder = thread::Builder::new().name("smol-wf-leftovers".to_owned());
        // Without a thread to be had, the next start finds them.
        let _ = builder.spawn(move || {
            end_leftovers();
            drop(search);
        });
    });
}

/// Finds the programs whose owner, named by the mark in their environment, is
/// dead, and ends them with all that they have started. Returns when they have
/// ended; at once when there are none.
pub fn end_leftovers() {
    let begun = Instant::now();
    // Told politely once each: some take a second time for "at once".
    let mut told: Vec<Seen> = Vec::new();
    loop {
        let found = find();
        let taken = begun.elapsed();
        if found.is_empty() || taken > GRACE + GIVE_UP {
            return;
        }
        for one in &found {
            if taken >= GRACE {
                system::signal(one, Signal::KILL);
            } else if !told.iter().any(|told| told.is_same(one)) {
                system::signal(one, Signal::TERM);
                told.push(*one);
            }
        }
        thread::sleep(LOOK);
    }
}

/// Returns when no search is under way.
pub(super) async fn ended() {
    let mut searches = SEARCHES.subscribe();
    let _ = searches.wait_for(|searches| *searches == 0).await;
}

struct Search;

impl Search {
    fn begin() -> Self {
        SEARCHES.send_modify(|searches| *searches += 1);
        Self
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        SEARCHES.send_modify(|searches| *searches -= 1);
    }
}

fn find() -> Vec<Seen> {
    let table = system::table();
    // We may run below one of them ourselves, and do not end ourselves.
    let spared = ancestry(&table);
    let ours = table.iter().filter(|one| !one.is_zombie && !spared.contains(&one.pid));
    let candidates: Vec<&Seen> = ours.collect();
    let mut judged: Vec<(String, bool)> = Vec::new();
    let is_marked = |one: &&&Seen| {
        system::marker(one.pid)
            .is_some_and(|value| marks(&value).any(|mark| is_dead(mark, &mut judged)))
    };
    let mut found: Vec<Seen> = candidates.iter().filter(is_marked).map(|one| **one).collect();
    // And what is below them, with whatever environment.
    let mut at = 0;
    while let Some(parent) = found.get(at).map(|one| one.pid) {
        let below = candidates.iter().filter(|one| one.parent == parent);
        let new: Vec<Seen> = below.filter(|one| !found.contains(one)).map(|one| **one).collect();
        found.extend(new);
        at += 1;
    }
    found
}

/// This process, its parent, and so on.
fn ancestry(table: &[Seen]) -> Vec<i32> {
    let mut line = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) =
        table.iter().find(|one| line.last() == Some(&one.pid)).map(|one| one.parent)
        && !line.contains(&parent)
    {
        line.push(parent);
    }
    line
}

/// Whether the owner in a mark is dead; each mark is judged once.
fn is_dead(mark: &str, judged: &mut Vec<(String, bool)>) -> bool {
    if let Some((_, dead)) = judged.iter().find(|(known, _)| known == mark) {
        return *dead;
    }
    let dead = owner::is_dead(mark);
    judged.push((mark.to_owned(), dead));
    dead
}
