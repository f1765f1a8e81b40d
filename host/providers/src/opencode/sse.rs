//! Server-sent events: from bytes to the data of each event.
//!
//! Owns: the framing, across any cut of the bytes. Never: interprets the data.

use std::collections::VecDeque;

/// Most bytes of one event. An event may carry a whole part of a message, and a tool's
/// output is one part.
const EVENT_BYTES_MAX: usize = 16 << 20;

/// An event exceeds the limit.
#[derive(Debug, thiserror::Error)]
#[error("one event is over {EVENT_BYTES_MAX} bytes")]
pub(super) struct TooLong;

/// Splits bytes into events.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    data: Option<String>,
    ready: VecDeque<String>,
}

impl Parser {
    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > EVENT_BYTES_MAX {
                return Err(TooLong);
            }
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.line_ended(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
            }
        }
        Ok(())
    }

    fn line_ended(&mut self, line: &str) {
        if line.is_empty() {
            self.ready.extend(self.data.take());
        } else if let Some(data) = line.strip_prefix("data:") {
            let data = data.strip_prefix(' ').unwrap_or(data);
            match &mut self.data {
                Some(so_far) => {
                    so_far.push('\n');
                    so_far.push_str(data);
                }
                None => self.data = Some(data.to_owned()),
            }
        }
        // Comments, names and ids add nothing to the data.
    }

    /// The data of the next complete event.
    pub(super) fn take(&mut self) -> Option<String> {
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let stream =
            "data: {\"é\":1}\n\n: ping\n\nid: 7\r\ndata: a\r\ndata:b\r\n\r\ndata: cut".as_bytes();
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            for piece in stream.chunks(size) {
                parser.push(piece).unwrap();
            }
            let events: Vec<_> = std::iter::from_fn(|| parser.take()).collect();
            assert_eq!(events, ["{\"é\":1}", "a\nb"], "cut every {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; 1 << 20];
        assert!((0..20).any(|_| parser.push(&piece).is_err()));
    }
}
