//! The runs at work in an engine: how many there may be, and how all of them end.
//!
//! Owns: the queue for a place, and the order of a shutdown. Never: knows what a
//! run is.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The runs of an engine, and of all its clones.
pub(crate) struct Running {
    places: Semaphore,
    count: watch::Sender<usize>,
    /// No agent is to begin any more.
    drain: CancellationToken,
    /// None is to go on.
    end: CancellationToken,
}

/// A run that was started. Counted for as long as it lives.
pub(crate) struct AtWork(watch::Sender<usize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Running {
    pub(crate) fn new(runs_max: u32) -> Self {
        let places = (runs_max.max(1) as usize).min(Semaphore::MAX_PERMITS);
        let (count, _) = watch::channel(0);
        let (drain, end) = (CancellationToken::new(), CancellationToken::new());
        Self { places: Semaphore::new(places), count, drain, end }
    }

    /// Counts one more run; none when the engine is being shut down.
    pub(crate) fn one_more(&self) -> Option<AtWork> {
        // Before the look, so that a shutdown that begins meanwhile waits for it.
        self.count.send_modify(|count| *count += 1);
        let at_work = AtWork(self.count.clone());
        (!self.drain.is_cancelled()).then_some(at_work)
    }

    /// A place among those at work, in the order in which they came. A run that is to
    /// stop before it had one goes on without: to be written down, and no further.
    pub(crate) async fn place(&self, stop: &CancellationToken) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            // It is never closed.
            place = self.places.acquire() => place.ok(),
            () = stop.cancelled() => None,
            () = self.drain.cancelled() => {
                stop.cancel();
                None
            }
        }
    }

    /// Cancelled when no agent is to begin any more.
    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Returns when none is to go on.
    pub(crate) async fn ended(&self) {
        self.end.cancelled().await;
    }

    /// Lets agents at work finish, for so long; then ends all runs, and returns when
    /// they have.
    pub(crate) async fn shut_down(&self, grace: Duration) {
        self.drain.cancel();
        if timeout(grace, self.none_left()).await.is_err() {
            self.end.cancel();
            self.none_left().await;
        }
    }

    async fn none_left(&self) {
        // The sender is here.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}
