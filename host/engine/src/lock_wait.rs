//! Waits for a database that another process has locked.
//!
//! Owns: how long it waits, and when the watcher hears of it. Never: gives up an answer
//! that was paid for while it may still be written.

use std::time::Duration;

use smol_wf_store::StoreError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::EngineError;
use crate::watch::{DatabaseWait, Notice, Watcher};
use crate::writer::WriterGone;

/// Longest wait under way. While the database is locked, no other process can take the
/// run either, so the lease is not the bound. It is longer than rewriting a database of
/// some gibibytes takes, and ends in case the other program hangs.
const LOCKED_MAX: Duration = Duration::from_secs(600);

/// Longest wait of a run that has not begun and loses nothing by giving up: as long as
/// a backup takes.
pub const START_LOCKED_MAX: Duration = Duration::from_secs(120);

/// Pause between two tries, each of which waits in SQLite as well.
const PAUSE: Duration = Duration::from_millis(100);

/// How one run waits for a locked database.
pub(crate) struct LockWait<'a> {
    pub(crate) watcher: &'a dyn Watcher,
    pub(crate) cancel: CancellationToken,
    /// After this, a run that has not begun does not begin any more.
    pub(crate) deadline: Option<Instant>,
}

impl LockWait<'_> {
    /// Tries until the database is free, the run is cancelled, or ten minutes are over.
    pub(crate) async fn wait<T, F>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<Result<T, StoreError>, EngineError>
    where
        F: Future<Output = Result<Result<T, StoreError>, WriterGone>>,
    {
        // A time limit does not end the wait for an answer that was paid for.
        self.until((LOCKED_MAX, None), attempt, true).await
    }

    /// The same for the beginning of a run, for two minutes or until its deadline.
    pub(crate) async fn start<T, F>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<Result<T, StoreError>, EngineError>
    where
        F: Future<Output = Result<Result<T, StoreError>, WriterGone>>,
    {
        self.until((START_LOCKED_MAX, self.deadline), attempt, false).await
    }

    /// Tries `attempt` until the lock is free or the wait is over. Notices the first wait.
    async fn until<T, F>(
        &self,
        (longest, deadline): (Duration, Option<Instant>),
        mut attempt: impl FnMut() -> F,
        is_under_way: bool,
    ) -> Result<Result<T, StoreError>, EngineError>
    where
        F: Future<Output = Result<Result<T, StoreError>, WriterGone>>,
    {
        let begun = Instant::now();
        let left = deadline.map(|deadline| deadline.saturating_duration_since(begun));
        let longest = left.map_or(longest, |left| longest.min(left));
        let mut has_warned = false;
        loop {
            let busy = match attempt().await? {
                Err(busy) if busy.is_passing() => busy,
                done => return Ok(done),
            };
            if begun.elapsed() >= longest || self.cancel.is_cancelled() {
                return Ok(Err(busy));
            }
            if !has_warned {
                has_warned = true;
                let wait = DatabaseWait { busy: &busy, longest, is_under_way };
                self.watcher.notice(Notice::WaitsForDatabase(wait));
            }
            sleep(PAUSE).await;
        }
    }
}
