//! The events of a run in the database, to be played.
//!
//! Owns: reading them in a thread that may block. Never: waits for new ones.

use smol_wf_core::event::Event;
use smol_wf_engine::{EngineError, Tail};

use super::player::Stream;
use crate::failure::CommandError;

/// The events of a stored run.
pub(crate) struct StoredRun {
    tail: Tail,
}

impl StoredRun {
    pub(crate) fn new(tail: Tail) -> Self {
        Self { tail }
    }
}

impl Stream for StoredRun {
    fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            match self.tail.next_event() {
                // Another program has the database locked, for a while.
                Err(EngineError::Store(error)) if error.is_passing() => {
                    std::thread::sleep(crate::commands::LOOK_EVERY);
                }
                read => return read.map_err(|error| CommandError::from(error).sentence()),
            }
        }
    }
}
