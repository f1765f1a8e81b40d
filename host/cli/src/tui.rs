//! The terminal UI: a run on the whole screen, as it happens or as it was.
//!
//! Owns: taking the terminal, and the threads that read, draw and ask the engine. Never:
//! the run: it reads the journal and posts messages as commands do, so leaving it does
//! nothing to the run.

mod check;
mod clipboard;
mod input;
mod jobs;
mod keys;
mod mailbox;
mod terminal;
mod text;
