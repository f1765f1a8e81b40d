//! opencode's provider, against recorded transcripts and against a server that
//! answers as opencode does.

mod server;
mod transcripts;
