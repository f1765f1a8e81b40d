//! What an agent is doing now.
//!
//! Owns: its last activity, and the end of the text that it is writing. Never: earlier
//! activities; the journal has those.

use crate::cut;
use crate::limits::ACTIVITY_BYTES_MAX;

/// The kind of an activity that is a fragment of the answer.
const TEXT: &str = "text";

/// Bytes kept of the text that an agent is writing: a screenful.
const LIVE_BYTES_MAX: usize = 4 * 1024;

/// Bytes kept of the kind of an activity, which is a word.
const KIND_BYTES_MAX: usize = 64;

/// What an agent is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doing {
    /// A word for machines, such as `tool` or `text`.
    pub kind: String,
    /// A line for people; empty while it writes its answer.
    pub text: String,
    /// Since when, in milliseconds.
    pub since_ms: u64,
    /// The end of the text that it is writing.
    pub writing: String,
}

impl Doing {
    /// Whether it writes its answer.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.kind == TEXT
    }

    /// Notes the next activity. One that is repeated goes on.
    pub(super) fn note(&mut self, kind: &str, text: &str, at_ms: u64) {
        let line = if kind == TEXT {
            self.write(text);
            ""
        } else {
            cut::head(text, ACTIVITY_BYTES_MAX)
        };
        if self.kind != kind || self.text != line {
            cut::head(kind, KIND_BYTES_MAX).clone_into(&mut self.kind);
            line.clone_into(&mut self.text);
            self.since_ms = at_ms;
        }
    }

    /// An agent begins.
    pub(super) fn begin(&mut self, at_ms: u64) {
        *self = Self { since_ms: at_ms, ..Self::default() };
    }

    /// The agent has ended: what it wrote is in its answer.
    pub(super) fn end(&mut self) {
        self.writing = String::new();
    }

    /// Keeps the end of the text. It is cut to half when it is full, so that this does
    /// not happen for every fragment.
    fn write(&mut self, text: &str) {
        self.writing.push_str(text);
        if self.writing.len() > LIVE_BYTES_MAX {
            let start = self.writing.ceil_char_boundary(self.writing.len() - LIVE_BYTES_MAX / 2);
            self.writing.drain(..start);
        }
    }
}
