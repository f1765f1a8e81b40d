//! The event stream on stdout: a cursor over the journal, not a queue.
//!
//! Owns: where the reader stands, and the thread that goes on from there. Never:
//! keeps a durable event in memory; those are in the journal for as long as the
//! reader takes.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use smol_wf_core::event::Event;
use smol_wf_engine::Tail;

use crate::output;

/// Bytes of fleeting events that may wait to be read. More are left out: what an
/// agent was doing a while ago is nothing to wait for.
const FLEETING_BYTES_MAX: usize = 256 * 1024;

#[derive(Default)]
struct State {
    /// Number of the last event that is durable.
    told: u64,
    /// Number of the last event that was written.
    written: u64,
    /// Fleeting events, each behind the event of this number.
    fleeting: VecDeque<(u64, String)>,
    bytes: usize,
    is_busy: bool,
    /// Nobody reads any more, or nothing can be written.
    is_over: bool,
    error: Option<io::Error>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
    rest: Condvar,
}

/// Writes the events of one run.
pub(crate) struct EventStream(Arc<Shared>);

enum Next {
    Durable,
    Fleeting(String),
}

impl EventStream {
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

    /// The journal has the events up to this one.
    pub(crate) fn told(&self, seq: u64) {
        let mut state = self.0.state();
        state.told = state.told.max(seq);
        self.0.work.notify_one();
    }

    pub(crate) fn fleeting(&self, event: &Event) {
        let mut state = self.0.state();
        // What cannot be written as JSON is no event.
        let Ok(line) = output::event_line(event) else { return };
        if state.is_over || state.bytes + line.len() > FLEETING_BYTES_MAX {
            return;
        }
        state.bytes += line.len();
        state.fleeting.push_back((event.seq, line));
        self.0.work.notify_one();
    }

    /// Waits until all events were written, or cannot be any more.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let mut state = self.0.state();
        while !(state.is_over || state.is_at_rest()) {
            state = self.0.rest.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.error.take().map_or(Ok(()), Err)
    }
}

impl State {
    fn is_at_rest(&self) -> bool {
        !self.is_busy && self.written >= self.told && self.fleeting.is_empty()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
            if state.written < state.told {
                state.is_busy = true;
                return Next::Durable;
            }
            self.rest.notify_all();
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends when the reader has gone.
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

/// Says that nobody writes any more, however that came.
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
