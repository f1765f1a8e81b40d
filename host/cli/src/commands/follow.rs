//! Follows a run that any process may hold, by its journal.
//!
//! Owns: how often it looks, and when it ends. Never: holds the run, or prints.

use std::time::Duration;

use smol_wf_core::event::Event;
use smol_wf_core::ids::RunId;
use smol_wf_engine::{Engine, EngineError, RunStatus, Tail};

/// How often a run is looked at that has nothing new: at once for a person, and a look
/// reads one row.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(150);

/// A cursor over the events of a run that waits for new ones while a process holds it.
pub(crate) struct Follower {
    engine: Engine,
    run: RunId,
    tail: Tail,
    /// Length of the journal at the last look.
    entries: u64,
    /// Nothing more is waited for: only what is there is read.
    is_over: bool,
}

impl Follower {
    /// Begins at the first event; with `waits` it waits for the ones to come.
    pub(crate) fn new(engine: &Engine, run: &RunId, waits: bool) -> Self {
        let tail = engine.tail(run);
        Self { engine: engine.clone(), run: run.clone(), tail, entries: 0, is_over: !waits }
    }

    /// The next event; `None` after the last one, when nobody holds the run any more.
    /// Fails if the run is gone or cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, EngineError> {
        loop {
            match patiently(self.tail.next().await)? {
                Some(Some(event)) => return Ok(Some(event)),
                Some(None) if self.is_over => return Ok(None),
                Some(None) => self.wait().await?,
                None => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Waits until the journal has grown or nobody holds the run. What a holder wrote
    /// before it let go is read once more.
    async fn wait(&mut self) -> Result<(), EngineError> {
        loop {
            if let Some(status) = status_of(&self.engine, &self.run).await? {
                self.is_over = status.holder.is_none();
                let before = std::mem::replace(&mut self.entries, status.entries);
                if self.is_over || before != status.entries {
                    return Ok(());
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Where a run stands; `None` while another program has the database locked.
pub(crate) async fn status_of(
    engine: &Engine,
    run: &RunId,
) -> Result<Option<RunStatus>, EngineError> {
    patiently(engine.status(run).await)
}

/// `None` in place of an error that passes by itself.
pub(crate) fn patiently<T>(read: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(EngineError::Store(error)) if error.is_passing() => Ok(None),
        Err(error) => Err(error),
    }
}
