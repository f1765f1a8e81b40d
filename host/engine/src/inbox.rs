//! The inbox of a run, as its holder reads it.
//!
//! Owns: how far the holder has read, and when it looks again. Never: decides what a
//! message does; the machine does. A message is taken in the commit of its entry, which
//! is the recorder's.

use std::sync::Arc;

use smol_wf_core::journal::StopReason;
use smol_wf_core::message::{Message, Posted};
use smol_wf_store::{RunKey, Store, StoredMessage};

use crate::bell::{Bell, Bells};
use crate::error::EngineError;
use crate::writer::Writer;

/// Messages that are read at once: they share a commit.
const TOGETHER_MAX: u32 = 256;

/// The inbox of one run.
pub(crate) struct HolderInbox {
    writer: Writer,
    key: RunKey,
    bells: Arc<Bells>,
    /// Hung when the holder first waits: a short run needs none.
    bell: Option<Bell>,
    /// Number of the last message that was posted when the epoch began.
    known: u64,
    /// Number of the last message that the machine has taken.
    taken: u64,
    /// Whether the holder has not looked yet.
    is_unread: bool,
}

impl HolderInbox {
    /// The inbox of a run that this process has just taken up, with this many messages
    /// posted so far, of which this many were taken.
    pub(crate) fn new(
        writer: Writer,
        key: RunKey,
        bells: Arc<Bells>,
        (posted, taken): (u64, u64),
    ) -> Self {
        let is_unread = posted > taken;
        Self { writer, key, bells, bell: None, known: posted, taken, is_unread }
    }

    /// Messages up to this number were posted before the epoch began.
    pub(crate) fn known(&self) -> u64 {
        self.known
    }

    /// Whether messages wait, as far as the holder knows. `posted` is the number of the
    /// last one that its own commits have seen.
    pub(crate) fn is_due(&self, posted: u64) -> bool {
        self.is_unread || posted > self.taken
    }

    /// Returns when the holder should look. Dropping the future loses no ring.
    pub(crate) async fn rung(&mut self) {
        match &mut self.bell {
            Some(bell) => bell.rung().await,
            // What was posted before it hung was not rung for.
            empty => *empty = Some(self.bells.hang(&self.key)),
        }
    }

    /// The next messages that wait, in order; none when the database is locked for now.
    pub(crate) async fn read(&mut self) -> Result<Vec<Posted>, EngineError> {
        let read = self.read_after(self.taken).await?;
        // A batch may end early at its bytes, so only an empty one is the last.
        self.is_unread = read.as_ref().is_none_or(|read| !read.is_empty());
        Ok(read.unwrap_or_default())
    }

    /// The next messages after this number; none when the database is locked for now.
    async fn read_after(&self, after: u64) -> Result<Option<Vec<Posted>>, EngineError> {
        let key = self.key.clone();
        let read = self
            .writer
            .soon(move |store: &mut dyn Store| store.messages(&key, after, TOGETHER_MAX));
        match read.await? {
            Ok(messages) => Ok(Some(messages.into_iter().map(posted).collect())),
            // Read at the next look.
            Err(error) if error.is_passing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The machine has taken the messages up to this number.
    pub(crate) fn took(&mut self, number: u64) {
        self.taken = self.taken.max(number);
    }

    /// Why the run stops at once, if a message that waits says so. It is not taken: the
    /// machine is in a turn or has none to come, and the next holder finds it void.
    pub(crate) async fn cut(&mut self) -> Result<Option<StopReason>, EngineError> {
        let mut after = self.taken.max(self.known);
        loop {
            let waiting = self.read_after(after).await?.unwrap_or_default();
            let Some(last) = waiting.last() else { return Ok(None) };
            (after, self.is_unread) = (last.number, true);
            let cuts = |one: Posted| cut_by(one.message.ok()?, one.by);
            if let Some(reason) = waiting.into_iter().find_map(cuts) {
                return Ok(Some(reason));
            }
        }
    }
}

/// Why a run stops at once for this message.
fn cut_by(message: Message, by: String) -> Option<StopReason> {
    match message {
        Message::Cancel {} => Some(StopReason::Cancelled),
        Message::Pause { now: true } => Some(StopReason::Paused { by }),
        _ => None,
    }
}

/// Reads a message of the store.
pub(crate) fn posted(message: StoredMessage) -> Posted {
    let StoredMessage { number, by, posted_at_us, body } = message;
    Posted::read(number, by, posted_at_us, &body)
}
