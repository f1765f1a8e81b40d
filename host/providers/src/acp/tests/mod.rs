//! The provider of ACP agents, against recorded transcripts and against a process that
//! speaks the protocol.
//!
//! Owns: the two kinds of tests. Never: starts a real agent.

mod agent;
mod transcripts;
