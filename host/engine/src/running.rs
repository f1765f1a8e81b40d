//! The runs that an engine has started: how many work at once, and how all of them
//! end.
//!
//! Owns: the queue for a slot, and the order of a shutdown. Never: knows what a run
//! does.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::EngineError;

/// The runs of an engine and of all its clones.
pub(crate) struct Running {
    /// One permit for each run that may work now.
    slots: Semaphore,
    /// Runs that were started and have not ended, queued ones included.
    count: watch::Sender<usize>,
    /// Cancelled when no agent may begin any more.
    drain: CancellationToken,
    /// Cancelled when no run may go on.
    end: CancellationToken,
}

/// A run that was started. It is counted until this is dropped.
pub(crate) struct StartedRun(watch::Sender<usize>);

impl Drop for StartedRun {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Running {
    /// Lets `runs_max` runs work at once, at least one.
    pub(crate) fn new(runs_max: u32) -> Self {
        let slots = (runs_max.max(1) as usize).min(Semaphore::MAX_PERMITS);
        let (count, _) = watch::channel(0);
        let (drain, end) = (CancellationToken::new(), CancellationToken::new());
        Self { slots: Semaphore::new(slots), count, drain, end }
    }

    /// Counts one more run.
    ///
    /// # Errors
    /// [`EngineError::ShuttingDown`] once a shutdown has begun.
    pub(crate) fn count_one(&self) -> Result<StartedRun, EngineError> {
        // Counted before the check, so that a shutdown that begins meanwhile waits.
        self.count.send_modify(|count| *count += 1);
        let started = StartedRun(self.count.clone());
        match self.drain.is_cancelled() {
            true => Err(EngineError::ShuttingDown),
            false => Ok(started),
        }
    }

    /// Waits for a slot, first come first served. None for a run that was cancelled
    /// in the queue: it is written down as cancelled and does nothing else.
    ///
    /// # Errors
    /// [`EngineError::ShuttingDown`] when a shutdown begins first. Nothing of the run
    /// is in the store then.
    pub(crate) async fn slot(
        &self,
        cancel: &CancellationToken,
    ) -> Result<Option<SemaphorePermit<'_>>, EngineError> {
        tokio::select! {
            biased;
            () = self.drain.cancelled() => Err(EngineError::ShuttingDown),
            // The semaphore is never closed.
            slot = self.slots.acquire() => Ok(slot.ok()),
            () = cancel.cancelled() => Ok(None),
        }
    }

    /// Cancelled when no agent may begin any more.
    pub(crate) fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Runs `work`, and cancels it through `cancel` when no run may go on.
    pub(crate) async fn until_ended<T>(
        &self,
        work: impl Future<Output = T>,
        cancel: &CancellationToken,
    ) -> T {
        tokio::pin!(work);
        tokio::select! {
            done = &mut work => done,
            () = self.end.cancelled() => {
                cancel.cancel();
                work.await
            }
        }
    }

    /// Lets agents at work finish for at most `grace`, then ends all runs. Returns
    /// when no run is left.
    pub(crate) async fn shut_down(&self, grace: Duration) {
        self.drain.cancel();
        if timeout(grace, self.none_left()).await.is_err() {
            self.end.cancel();
            self.none_left().await;
        }
    }

    async fn none_left(&self) {
        // It cannot fail: the sender lives as long as `self`.
        let _ = self.count.subscribe().wait_for(|count| *count == 0).await;
    }
}
