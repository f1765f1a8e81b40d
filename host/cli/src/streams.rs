//! The two streams that the program writes to.
//!
//! Owns: that nothing waits for a reader while a run is at work: stderr has a
//! queue and a thread of its own, the event stream a cursor and a thread. Never:
//! decides what is said.
//!
//! Before [`crate::signals::Signals::listen`] and in commands without it, a
//! write waits for its reader like that of any other program, and a signal ends
//! it. From then on signals are ours, a run may be at work, and only what is
//! written when it is over may wait.

mod canvas;
mod events;
mod stderr;
mod unbuffered;

pub(crate) use events::EventStream;
pub(crate) use stderr::{Kind, Moving, begin, in_order, move_lines, say, settle, take_away};
pub(crate) use unbuffered::{Stdout, columns_of_stdout, is_writing, moved};
