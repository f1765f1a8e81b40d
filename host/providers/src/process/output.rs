//! What a program prints, within bounds.
//!
//! Owns: splitting bytes into lines, their limits, and the end of stderr. Never:
//! interprets a line.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

use super::error::ProcessError;

/// Longest line of stdout. Agents print a whole file, or a conversation, in one line of
/// JSON.
pub(crate) const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most that one process may print on stdout: hours of a transcript with deltas.
pub(crate) const STDOUT_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Most of the end of stderr that is kept for an error message.
const TAIL_BYTES_MAX: usize = 8 * 1024;
/// Longest line of stderr that is passed on; the rest goes to the tail alone.
const NOTE_BYTES_MAX: usize = 1024;
/// Most lines of stderr that wait for a reader; more go to the tail alone.
const NOTES_WAITING_MAX: usize = 64;
/// Bytes of one read.
const CHUNK_BYTES: usize = 64 * 1024;

/// Lines of stdout, split at `\n` alone: other separators occur within JSON.
#[derive(Debug)]
pub(super) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// The buffer's first byte that was not searched for a line end.
    searched: usize,
    /// Start of the next line; what is before it was returned.
    start: usize,
    total: usize,
    ended: bool,
    /// Number of bytes that were not UTF-8.
    replaced: u64,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            searched: 0,
            start: 0,
            total: 0,
            ended: false,
            replaced: 0,
        }
    }

    /// The next complete line. At the end of the output, the rest counts as a line.
    pub(super) fn take(&mut self) -> Option<String> {
        if let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let found = self.searched + found;
            let line = self.text(found);
            self.start = found + 1;
            self.searched = self.start;
            return Some(line);
        }
        self.searched = self.buffer.len();
        if self.ended && self.start < self.buffer.len() {
            let line = self.text(self.buffer.len());
            self.buffer = Vec::new();
            (self.start, self.searched) = (0, 0);
            return Some(line);
        }
        None
    }

    /// The text from `start` to here.
    fn text(&mut self, end: usize) -> String {
        let line = &self.buffer[self.start..end];
        let invalid = line.utf8_chunks().map(|chunk| chunk.invalid().len() as u64);
        self.replaced += invalid.sum::<u64>();
        String::from_utf8_lossy(line).into_owned()
    }

    /// Number of bytes in all lines so far that were not UTF-8. Each sequence of them is
    /// U+FFFD in its line.
    pub(super) fn replaced(&self) -> u64 {
        self.replaced
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether more may be read before a line is taken.
    pub(super) fn has_room(&self) -> bool {
        !self.ended && self.buffer.len() < LINE_BYTES_MAX
    }

    /// Treats the output so far as all of it.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Reads more. Dropping the future loses nothing.
    pub(super) async fn fill(&mut self) -> Result<(), ProcessError> {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        if self.buffer.len() > LINE_BYTES_MAX {
            return Err(ProcessError::TooMuchOutput { what: "in one line", max: LINE_BYTES_MAX });
        }
        if self.total > STDOUT_BYTES_MAX {
            return Err(ProcessError::TooMuchOutput { what: "in all", max: STDOUT_BYTES_MAX });
        }
        self.buffer.reserve(CHUNK_BYTES);
        let read = self.source.read_buf(&mut self.buffer).await;
        let read = read.map_err(|error| ProcessError::Io { doing: "read its output", error })?;
        self.total += read;
        self.ended |= read == 0;
        Ok(())
    }

    /// Reads to the end without keeping anything.
    pub(super) async fn discard(&mut self) {
        self.buffer = Vec::new();
        (self.start, self.searched) = (0, 0);
        let mut chunk = vec![0; CHUNK_BYTES];
        while !self.ended {
            self.ended = !matches!(self.source.read(&mut chunk).await, Ok(read) if read > 0);
        }
    }
}

/// The end of stderr, shared with the task that reads it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let excess = kept.len().saturating_sub(TAIL_BYTES_MAX);
        kept.drain(..excess);
    }

    /// The text. A cut first line is left out when a whole one follows.
    pub(super) fn text(&self) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_cut = kept.len() == TAIL_BYTES_MAX;
        let text = String::from_utf8_lossy(kept.make_contiguous());
        let text = text.trim_end();
        match text.split_once('\n') {
            Some((_, whole)) if is_cut => whole.to_owned(),
            _ => text.to_owned(),
        }
    }
}

/// The channel for lines of stderr.
pub(super) fn notes() -> (mpsc::Sender<String>, mpsc::Receiver<String>) {
    mpsc::channel(NOTES_WAITING_MAX)
}

/// Reads stderr to its end, so that the program never blocks there.
pub(super) async fn drain(
    mut source: impl AsyncRead + Unpin,
    tail: Tail,
    notes: mpsc::Sender<String>,
) {
    let mut chunk = vec![0; 4 * 1024];
    let mut line = Vec::new();
    while let Ok(read @ 1..) = source.read(&mut chunk).await {
        let bytes = &chunk[..read];
        tail.push(bytes);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = NOTE_BYTES_MAX.saturating_sub(line.len()).min(piece.len());
            line.extend_from_slice(&piece[..room]);
            if piece.ends_with(b"\n") {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                line.clear();
                if !text.is_empty() {
                    // Full or closed: the line is in the tail.
                    let _ = notes.try_send(text);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(bytes);
        let mut all = Vec::new();
        loop {
            while let Some(line) = lines.take() {
                all.push(line);
            }
            if lines.has_ended() {
                return all;
            }
            lines.fill().await.unwrap();
        }
    }

    #[tokio::test]
    async fn lines_end_at_line_feeds_alone() {
        let text = "a\u{2028}b\rc\n\n\u{85}d";
        assert_eq!(lines(text.as_bytes()).await, ["a\u{2028}b\rc", "", "\u{85}d"]);
        assert_eq!(lines(b"x\n").await, ["x"]);
        assert_eq!(lines(b"\xff\n").await, ["\u{fffd}"]);
        assert_eq!(lines(b"").await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn bytes_that_are_not_utf_8_are_counted_and_no_others() {
        let text = "é\u{fffd}\n".as_bytes();
        for (bytes, count) in
            [(text, 0), (b"a\xff\xfeb\n\xe2\x82\nok\n\xe9", 5), (b"\xe2\x82\xac\n", 0), (b"", 0)]
        {
            let mut lines = Lines::new(bytes);
            while !lines.has_ended() {
                lines.fill().await.unwrap();
                while lines.take().is_some() {}
            }
            assert_eq!(lines.replaced(), count, "{}", bytes.escape_ascii());
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused_within_bounded_memory() {
        let mut lines = Lines::new(tokio::io::repeat(b'x'));
        let refused = loop {
            assert_eq!(lines.take(), None);
            if let Err(error) = lines.fill().await {
                break error;
            }
            assert!(lines.buffer.capacity() <= 3 * LINE_BYTES_MAX);
        };
        assert!(matches!(refused, ProcessError::TooMuchOutput { what: "in one line", .. }));
    }

    #[tokio::test]
    async fn lines_without_an_end_are_refused() {
        let mut lines = Lines::new(tokio::io::repeat(b'\n'));
        lines.total = STDOUT_BYTES_MAX - 10 * CHUNK_BYTES;
        let refused = loop {
            while lines.take().is_some() {}
            if let Err(error) = lines.fill().await {
                break error;
            }
        };
        assert!(matches!(refused, ProcessError::TooMuchOutput { what: "in all", .. }));
    }

    #[tokio::test]
    async fn of_stderr_the_end_is_kept_and_lines_are_passed_on() {
        let (sender, mut receiver) = notes();
        let tail = Tail::default();
        let text = format!("first\n{}\nlast words\n", "x".repeat(20_000));
        drain(text.as_bytes(), tail.clone(), sender).await;
        assert_eq!(tail.text(), "last words");
        assert_eq!(receiver.recv().await.as_deref(), Some("first"));
        assert_eq!(receiver.recv().await.map(|line| line.len()), Some(NOTE_BYTES_MAX));
        assert_eq!(receiver.recv().await.as_deref(), Some("last words"));
    }
}
