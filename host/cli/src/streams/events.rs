//! The event stream on stdout: a cursor over the journal, not a queue.
//!
//! Owns: the position of the reader and the thread that writes from there. Never:
//! keeps a durable event in memory; a slow reader gets it from the journal.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use smol_wf_core::event::Event;
use smol_wf_engine::Tail;

use crate::output;

/// Most bytes of queued fleeting events. More are dropped: what an agent did a
/// while ago is not worth memory.
const FLEETING_BYTES_MAX: usize = 256 * 1024;

/// The position of the reader, and the fleeting events that wait.
#[derive(Default)]
struct State {
    /// Number of the last durable event.
    durable: u64,
    /// Number of the last event written to stdout.
    written: u64,
    /// Fleeting events, each with the number of the durable event that it
    /// follows.
    fleeting: VecDeque<(u64, String)>,
    /// Bytes of the fleeting events.
    bytes: usize,
    /// The writer is writing an event.
    is_busy: bool,
    /// The reader has gone, or writing failed.
    is_over: bool,
    error: Option<io::Error>,
}

/// What the writer and the run share. `work` wakes the writer, `rest` those
/// that flush.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    rest: Condvar,
}

/// Writes the events of one run to stdout.
pub(crate) struct EventStream(Arc<Shared>);

/// What to write next: the next event of the journal, or a line.
enum Next {
    Durable,
    Fleeting(String),
}

impl EventStream {
    /// Starts the thread that writes. If no thread can be started, [`flush`](Self::flush)
    /// returns the error.
    pub(crate) fn start(tail: Tail) -> Self {
        let shared = Arc::new(Shared::default());
        let writes = shared.clone();
        let started = thread::Builder::new().name("events".to_owned()).spawn(move || {
            let mut over = ClosesOnDrop(&writes, None);
            over.1 = write_all(&writes, tail).err();
        });
        if let Err(error) = started {
            let mut state = shared.state();
            (state.is_over, state.error) = (true, Some(error));
        }
        Self(shared)
    }

    /// Tells the writer that the journal holds the events up to `seq`.
    pub(crate) fn durable_up_to(&self, seq: u64) {
        let mut state = self.0.state();
        state.durable = state.durable.max(seq);
        self.0.work.notify_one();
    }

    /// Queues an event that is not in the journal; drops it if too many wait.
    pub(crate) fn fleeting(&self, event: &Event) {
        let mut state = self.0.state();
        // An event that is not valid JSON is dropped.
        let Ok(line) = output::event_line(event) else { return };
        if state.is_over || state.bytes + line.len() > FLEETING_BYTES_MAX {
            return;
        }
        state.bytes += line.len();
        state.fleeting.push_back((event.seq, line));
        self.0.work.notify_one();
    }

    /// Waits until all events are written or the reader has gone. Returns the
    /// error if writing failed.
    pub(crate) fn flush(&self) -> io::Result<()> {
        let mut state = self.0.state();
        while !(state.is_over || state.is_idle()) {
            state = self.0.rest.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.error.take().map_or(Ok(()), Err)
    }
}

impl State {
    /// Whether everything is written.
    fn is_idle(&self) -> bool {
        !self.is_busy && self.written >= self.durable && self.fleeting.is_empty()
    }
}

impl Shared {
    /// The state, also after a panic of another holder.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next event to write. A fleeting event is due when the
    /// durable event that it follows is written.
    fn next(&self) -> Next {
        let mut state = self.state();
        state.is_busy = false;
        loop {
            let is_due = |(behind, _): &(u64, String)| *behind <= state.written;
            if state.fleeting.front().is_some_and(is_due)
                && let Some((_, line)) = state.fleeting.pop_front()
            {
                state.is_busy = true;
                state.bytes -= line.len();
                return Next::Fleeting(line);
            }
            if state.written < state.durable {
                state.is_busy = true;
                return Next::Durable;
            }
            self.rest.notify_all();
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Writes events until the reader has gone, which is not an error.
fn write_all(shared: &Shared, mut tail: Tail) -> io::Result<()> {
    loop {
        let written = match shared.next() {
            Next::Fleeting(line) => output::event(&line),
            Next::Durable => {
                let event = tail.next_event().map_err(io::Error::other)?.ok_or_else(|| {
                    io::Error::other("the journal no longer holds what was written to it")
                })?;
                let written = output::event(&output::event_line(&event)?);
                shared.state().written = event.seq;
                written
            }
        };
        match written {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Marks the stream as closed when the writer ends, even by a panic.
struct ClosesOnDrop<'a>(&'a Shared, Option<io::Error>);

impl Drop for ClosesOnDrop<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_over = true;
        state.error = self.1.take();
        state.fleeting.clear();
        self.0.rest.notify_all();
    }
}
