//! stdout and stderr.
//!
//! While a run is at work nothing waits for a reader: stderr has a queue and a
//! thread, the event stream a cursor over the journal and a thread. Owns: that
//! guarantee. Never: the content of a message.
//!
//! Before [`crate::signals::Signals::listen`], and in commands without it, a
//! write waits for its reader as in any other program, and a signal ends it.
//! Afterwards this program handles signals, and only output that follows the end
//! of a run may wait.

mod canvas;
mod events;
mod stderr;
mod unbuffered;

pub(crate) use events::EventStream;
pub(crate) use stderr::{
    Kind, Moving, clear_moving, flush_before_stdout, flush_stderr, reopen_stderr, set_moving,
    start_queue, write_stderr,
};
pub(crate) use unbuffered::{Stdout, bound_stderr, columns_of_stdout, finished_writes, is_writing};
