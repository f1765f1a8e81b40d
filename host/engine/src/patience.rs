//! Waiting for a database that another process has locked.
//!
//! Owns: how long, and the warning. Never: gives up what is to be written while
//! there is hope for it: an answer was paid for.

use std::time::Duration;

use smol_wf_core::shell;
use smol_wf_store::StoreError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::EngineError;
use crate::watch::Watcher;
use crate::writer::WriterGone;

/// Who has the lock keeps everyone else from taking the run as well, so the
/// lease is not the bound. Longer than it takes to rewrite a database of some
/// gibibytes; an end, in case the other program hangs.
const LOCKED_MAX: Duration = Duration::from_secs(600);

/// What has not begun loses nothing by giving up: as long as a backup takes.
pub const START_LOCKED_MAX: Duration = Duration::from_secs(120);

/// Between two tries, each of which waits in SQLite as well.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Patience<'a> {
    pub(crate) watcher: &'a dyn Watcher,
    pub(crate) cancel: CancellationToken,
    /// When the process lets go of the run in any case.
    pub(crate) deadline: Option<Instant>,
}

impl Patience<'_> {
    /// Tries until the database is free, the run is to stop, or all patience is
    /// lost.
    pub(crate) async fn wait<T, F>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<Result<T, StoreError>, EngineError>
    where
        F: Future<Output = Result<Result<T, StoreError>, WriterGone>>,
    {
        self.until(LOCKED_MAX, attempt, |busy| {
            let minutes = LOCKED_MAX.as_secs() / 60;
            self.watcher.warn(&format!(
                "{busy}; this run waits for it, up to {minutes} minutes, and loses nothing"
            ));
        })
        .await
    }

    /// The same for what is to begin.
    pub(crate) async fn start<T, F>(
        &self,
        attempt: impl FnMut() -> F,
    ) -> Result<Result<T, StoreError>, EngineError>
    where
        F: Future<Output = Result<Result<T, StoreError>, WriterGone>>,
    {
        let tell = |busy: &StoreError| self.watcher.held_up(&starts_late(busy));
        self.until(START_LOCKED_MAX, attempt, tell).await
    }

    async fn until<T, F>(
        &self,
        longest: Duration,
        mut attempt: impl FnMut() -> F,
        tell: impl Fn(&StoreError),
    ) -> Result<Result<T, StoreError>, EngineError>
    where
        F: Future<Output = Result<Result<T, StoreError>, WriterGone>>,
    {
        let give_up = Instant::now() + longest;
        let mut has_warned = false;
        loop {
            let busy = match attempt().await? {
                Err(busy @ StoreError::Busy { .. }) => busy,
                done => return Ok(done),
            };
            let now = Instant::now();
            let is_late = now >= give_up || self.deadline.is_some_and(|deadline| now >= deadline);
            if is_late || self.cancel.is_cancelled() {
                return Ok(Err(busy));
            }
            if !has_warned {
                has_warned = true;
                tell(&busy);
            }
            sleep(PAUSE).await;
        }
    }
}

/// That what is to begin waits for whoever has the database locked.
#[must_use]
pub fn starts_late(busy: &StoreError) -> String {
    let StoreError::Busy { path } = busy else { return busy.to_string() };
    let (path, typed) = (path.display(), shell::path(path));
    let minutes = START_LOCKED_MAX.as_secs() / 60;
    format!(
        "{path} is locked by another process (`fuser {typed}` names it); waiting for it, up to {minutes} minutes; Ctrl-C ends the wait"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_it_locked_is_asked_with_a_name_that_a_shell_reads() {
        let said = starts_late(&StoreError::Busy { path: "it's a/runs.db".into() });
        assert!(said.contains(r"(`fuser 'it'\''s a/runs.db'` names it)"), "{said}");
    }
}
