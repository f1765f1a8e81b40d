//! Reads the events of a run from its journal while the run goes on.
//!
//! Owns: a position in one journal, and how much is read at a time. Never: holds
//! more than two segments of records, one of which is read while the other is turned into
//! events, so that a slow reader costs no memory and misses nothing.

use std::collections::VecDeque;

use smol_wf_core::event::{Event, EventFold};
use smol_wf_core::ids::RunId;
use smol_wf_core::journal::{self, Entry};
use smol_wf_store::{ReadLimit, RunKey, Segment, Store, StoreError};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::writer::{Writer, WriterGone};

/// Read at a time: little memory, and the store's thread is soon free again for
/// writers.
const AT_ONCE: ReadLimit = ReadLimit { records: 256, bytes: 256 * 1024 };

/// A cursor over the events of one run, from the first one on.
pub struct Tail {
    writer: Writer,
    key: RunKey,
    /// Number of the next record, and the chain of the one before it.
    seq: u64,
    chain: String,
    entries: VecDeque<Entry>,
    events: EventFold,
    ready: VecDeque<Event>,
    /// The next records, where it is known that there are any.
    ahead: Option<Read>,
}

/// Records that the store's thread reads.
type Read = oneshot::Receiver<Result<Option<Segment>, StoreError>>;

impl Engine {
    /// A cursor over the durable events of a run, from the first one on. It does not
    /// check that there is such a run. For a thread of its own:
    ///
    /// ```no_run
    /// # fn f(engine: smol_wf_engine::Engine, run: smol_wf_engine::RunId)
    /// # -> Result<(), smol_wf_engine::EngineError> {
    /// let mut tail = engine.tail(&run);
    /// while let Some(event) = tail.next_event()? {
    ///     println!("{}: {:?}", event.seq, event.kind());
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn tail(&self, run: &RunId) -> Tail {
        Tail {
            writer: self.writer.clone(),
            key: self.key(run),
            seq: 0,
            chain: String::new(),
            entries: VecDeque::new(),
            events: EventFold::new(),
            ready: VecDeque::new(),
            ahead: None,
        }
    }
}

impl Tail {
    /// The next durable event; none if no other event is durable yet. Blocks its thread,
    /// which must not be one of the runtime.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn next_event(&mut self) -> Result<Option<Event>, EngineError> {
        loop {
            if let Some(event) = self.there() {
                return Ok(Some(event));
            }
            let read = self.asked()?.blocking_recv();
            if !self.take(read.map_err(|_| WriterGone)??)? {
                return Ok(None);
            }
        }
    }

    /// The same without blocking.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn next(&mut self) -> Result<Option<Event>, EngineError> {
        loop {
            if let Some(event) = self.there() {
                return Ok(Some(event));
            }
            let read = self.asked()?.await;
            if !self.take(read.map_err(|_| WriterGone)??)? {
                return Ok(None);
            }
        }
    }

    /// The next event of what was read.
    fn there(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let entry = self.entries.pop_front()?;
            self.ready.extend(self.events.after(&entry));
        }
    }

    /// The next records, which may have been asked for before.
    fn asked(&mut self) -> Result<Read, WriterGone> {
        match self.ahead.take() {
            Some(ahead) => Ok(ahead),
            None => self.ask(),
        }
    }

    /// Asks for the next records.
    fn ask(&self) -> Result<Read, WriterGone> {
        let (key, seq) = (self.key.clone(), self.seq);
        self.writer.ask(move |store: &mut dyn Store| store.load_from(&key, seq, AT_ONCE))
    }

    /// Takes the records in. Returns whether there were any.
    fn take(&mut self, segment: Option<Segment>) -> Result<bool, EngineError> {
        let unknown = || EngineError::UnknownRun { asked: self.key.run.to_string() };
        let Segment { records, is_last } = segment.ok_or_else(unknown)?;
        let Some(last) = records.last() else { return Ok(false) };
        let first = self.seq;
        self.seq += records.len() as u64;
        if !is_last {
            self.ahead = Some(self.ask()?);
        }
        let read = journal::read_behind(&self.chain, first, &records);
        let run = &self.key.run;
        let entries = read.map_err(|error| EngineError::Journal { run: run.clone(), error });
        if entries.is_err() {
            // Read once more, it is the same.
            (self.seq, self.ahead) = (first, None);
        }
        self.entries.extend(entries?);
        self.chain.clone_from(&last.chain);
        Ok(true)
    }
}
