//! The provider of ACP agents, against recorded transcripts and against a
//! process that speaks the protocol.

mod agent;
mod transcripts;
