//! Waiting for a database that another process has locked.
//!
//! Owns: how long, and the warning. Never: gives up what is to be written while
//! there is hope for it: an answer was paid for.

use std::time::Duration;

use smol_wf_core::shell;
use smol_wf_providers::owner;
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
    /// When what has not begun by then is not to begin any more.
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
        // A time limit ends no wait for what was paid for.
        self.until((LOCKED_MAX, None), attempt, |busy, longest| {
            self.watcher.warn(&format!(
                "{busy}; this run waits for it, up to {}, and loses nothing",
                in_words(longest)
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
        let tell = |busy: &StoreError, longest| self.watcher.held_up(&starts_late(busy, longest));
        self.until((START_LOCKED_MAX, self.deadline), attempt, tell).await
    }

    async fn until<T, F>(
        &self,
        (longest, deadline): (Duration, Option<Instant>),
        mut attempt: impl FnMut() -> F,
        tell: impl Fn(&StoreError, Duration),
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
                tell(&busy, longest);
            }
            sleep(PAUSE).await;
        }
    }
}

/// That what is to begin waits for whoever has the database locked, and how long.
#[must_use]
pub fn starts_late(busy: &StoreError, longest: Duration) -> String {
    let longest = in_words(longest);
    let path = match busy {
        StoreError::Busy { path } => path,
        StoreError::OlderHolder { path, run, owner } => {
            let (path, owner) = (path.display(), owner::in_words(owner));
            return format!(
                "{path} has the tables of an older smol-wf, and {owner} works on run {run} with them; waiting until it is done, up to {longest}; Ctrl-C ends the wait"
            );
        }
        _ => return busy.to_string(),
    };
    let (path, typed) = (path.display(), shell::path(path));
    format!(
        "{path} is locked by another process (`fuser {typed}` names it); waiting for it, up to {longest}; Ctrl-C ends the wait"
    )
}

/// `2 minutes`, `90 s`, `500 ms`: a bound, and not to the moment.
fn in_words(longest: Duration) -> String {
    let milliseconds = longest.as_millis();
    if milliseconds < 1_000 {
        return format!("{milliseconds} ms");
    }
    match (milliseconds + 500) / 1_000 {
        60 => "1 minute".to_owned(),
        seconds if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_said_as_they_are() {
        for (milliseconds, words) in [
            (500, "500 ms"),
            (1_980, "2 s"),
            (59_990, "1 minute"),
            (90_000, "90 s"),
            (119_990, "2 minutes"),
            (600_000, "10 minutes"),
        ] {
            assert_eq!(in_words(Duration::from_millis(milliseconds)), words);
        }
    }

    #[test]
    fn who_has_it_locked_is_asked_with_a_name_that_a_shell_reads() {
        let said =
            starts_late(&StoreError::Busy { path: "it's a/runs.db".into() }, START_LOCKED_MAX);
        assert!(said.contains(r"(`fuser 'it'\''s a/runs.db'` names it)"), "{said}");
    }
}
