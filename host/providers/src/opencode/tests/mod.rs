//! opencode's provider, against recorded transcripts and against a server that answers as
//! opencode does.
//!
//! Owns: the two kinds of tests. Never: starts a real opencode.

mod server;
mod transcripts;
