//! Sentences of the TUI about what was asked of it.
//!
//! Owns: their words, and what a holder says on its way. Never: shows them.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::humanize::{count, plural};
use crate::{sanitize, shell};

/// Most bytes that are kept of what a holder says before it has its run.
const WORDS_BYTES_MAX: usize = 16 * 1024;

/// The stream was saved.
pub(super) fn saved(path: &Path, events: usize) -> String {
    let events = match events {
        1 => plural(1, "event"),
        many => format!("{} events", count(many as u64)),
    };
    format!("{events} saved; replay them: smol-wf tui replay {}", shell::path(path))
}

/// Why a holder has not taken a run up, from what it said.
pub(super) fn said_of_holder(words: &str) -> String {
    let error = words.lines().find_map(|line| line.strip_prefix("error: "));
    let why = error.or_else(|| words.lines().rfind(|line| !line.trim().is_empty()));
    format!("no process took the run up: {}", sanitize::one_line(why.unwrap_or("it said nothing")))
}

/// What a process says, kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    pub(super) fn text(&self) -> String {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&words).into_owned()
    }
}

impl io::Write for Words {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WORDS_BYTES_MAX.saturating_sub(words.len());
        words.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_holder_that_fails_is_quoted() {
        let mut words = Words::default();
        words.write_all(b"run run_1\nerror: no agent [no_agent]\n").unwrap();
        assert_eq!(
            said_of_holder(&words.text()),
            "no process took the run up: no agent [no_agent]"
        );
        words.write_all(&vec![b'x'; 2 * WORDS_BYTES_MAX]).unwrap();
        assert_eq!(words.text().len(), WORDS_BYTES_MAX);
        assert!(said_of_holder("").ends_with("it said nothing"));
    }
}
