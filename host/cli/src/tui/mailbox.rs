//! What has happened, on its way to the thread that draws.
//!
//! Owns: the order of what arrives, and how much of a run may wait. Never: blocks whoever
//! puts something in; who reads a run asks for room first.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// Most pieces that wait before the reader of a run is held back: a second of the fastest.
const WAITING_MAX: usize = 16 * 1024;

/// Most weight that is taken at a time, so that a key never waits for long: a reducer takes
/// a few microseconds for an event.
const TAKEN_MAX: usize = 1_024;

/// How much there is to do about something.
pub(crate) trait Weight {
    /// Number of events.
    fn weight(&self) -> usize;
}

/// How soon something must be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// At once: a person waits for it.
    AtOnce,
    /// With the next frame.
    NextFrame,
}

/// A queue with one taker.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    room: Notify,
    taken: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    is_urgent: bool,
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: Weight> Mailbox<T> {
    pub(crate) fn new() -> Self {
        let state = Mutex::new(State { waiting: VecDeque::new(), is_urgent: false });
        let (arrived, taken) = (Condvar::new(), Condvar::new());
        Self { shared: Arc::new(Shared { state, arrived, room: Notify::new(), taken }) }
    }

    /// Puts something in.
    pub(crate) fn put(&self, one: T, urgency: Urgency) {
        let mut state = self.state();
        let wakes = state.waiting.is_empty() || urgency == Urgency::AtOnce;
        state.waiting.push_back(one);
        state.is_urgent |= urgency == Urgency::AtOnce;
        drop(state);
        if wakes {
            self.shared.arrived.notify_one();
        }
    }

    /// Waits until there is room for more of a run.
    pub(crate) async fn room(&self) {
        loop {
            let taken = self.shared.room.notified();
            if self.state().waiting.len() < WAITING_MAX {
                return;
            }
            taken.await;
        }
    }

    /// The same, in a thread of its own.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.state();
        while state.waiting.len() >= WAITING_MAX {
            state = self.shared.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes what has arrived, in order, up to a weight. Waits until `latest` for something; until `soonest` it
    /// takes only what is urgent, so that many small pieces make one frame.
    pub(crate) fn take(&self, soonest: Instant, latest: Instant) -> VecDeque<T> {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let until = match (state.is_urgent, state.waiting.is_empty()) {
                (true, _) => break,
                (false, false) if now >= soonest => break,
                (false, false) => soonest.min(latest),
                (false, true) => latest,
            };
            if now >= until {
                break;
            }
            let waited = self.shared.arrived.wait_timeout(state, until - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken = VecDeque::new();
        let mut weight = 0;
        while weight < TAKEN_MAX
            && let Some(one) = state.waiting.pop_front()
        {
            weight += one.weight();
            taken.push_back(one);
        }
        // The rest is taken without a wait.
        state.is_urgent = !state.waiting.is_empty();
        drop(state);
        self.shared.room.notify_waiters();
        self.shared.taken.notify_all();
        taken
    }

    /// Takes all that has arrived, at the end.
    pub(crate) fn take_all(&self) -> VecDeque<T> {
        let taken = std::mem::take(&mut self.state().waiting);
        self.shared.room.notify_waiters();
        self.shared.taken.notify_all();
        taken
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    impl Weight for usize {
        fn weight(&self) -> usize {
            1
        }
    }

    #[test]
    fn what_is_urgent_brings_all_that_waits_and_the_rest_comes_with_the_next_frame() {
        let (mailbox, far) = (Mailbox::new(), Instant::now() + Duration::from_secs(3600));
        mailbox.put(1, Urgency::NextFrame);
        mailbox.put(2, Urgency::AtOnce);
        assert_eq!(mailbox.take(far, far), [1, 2]);
        mailbox.put(3, Urgency::NextFrame);
        let now = Instant::now();
        assert_eq!(mailbox.take(now, far), [3]);
        assert!(mailbox.take(now, now).is_empty());
        mailbox.put(4, Urgency::NextFrame);
        assert_eq!(mailbox.take(far, now), [4], "at the latest moment everything is taken");
    }

    #[tokio::test]
    async fn who_reads_a_run_is_held_back_until_something_is_taken() {
        let mailbox = Mailbox::new();
        for at in 0..WAITING_MAX {
            mailbox.room().await;
            mailbox.put(at, Urgency::NextFrame);
        }
        let full = mailbox.clone();
        let waits = tokio::spawn(async move { full.room().await });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let now = Instant::now();
        assert_eq!(mailbox.take(now, now).len(), TAKEN_MAX);
        waits.await.unwrap();
        let far = now + Duration::from_secs(3_600);
        let rest = (1..).map(|_| mailbox.take(far, far).len()).take(WAITING_MAX / TAKEN_MAX - 1);
        assert_eq!(rest.sum::<usize>(), WAITING_MAX - TAKEN_MAX, "the rest comes without a wait");
    }
}
