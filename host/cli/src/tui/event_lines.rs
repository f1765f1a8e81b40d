//! Lines of a file of events, one after the other.
//!
//! Owns: the number of a line, and that no more of one is kept than an event may have.
//! Never: the form of a line; the core reads it, for who checks a file as for who shows it.

use std::fmt;
use std::io::{self, BufRead, Read as _};

use smol_wf_core::event::parse::{
    EVENT_LINE_BYTES_MAX, EventLine, EventLineError, EventLineFault, event_line,
};

/// Why a line is not an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadLine {
    /// It is not text.
    NotText {
        /// The first wrong byte, from 1.
        byte: usize,
    },
    /// It is text, but not an event.
    NotEvent(EventLineError),
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText { byte } => write!(f, "not UTF-8, at byte {byte}"),
            Self::NotEvent(error) => error.fmt(f),
        }
    }
}

/// The lines of a stream.
#[derive(Debug)]
pub(crate) struct EventLines<R> {
    source: R,
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> EventLines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, line: Vec::new(), number: 0 }
    }

    /// Number of the line that was read last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next line that is not empty; none after the last one. Fails if the source
    /// cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Result<EventLine, BadLine>>> {
        loop {
            self.line.clear();
            self.number += 1;
            let most = EVENT_LINE_BYTES_MAX as u64 + 1;
            if self.source.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            if !self.line.ends_with(b"\n") && self.line.len() > EVENT_LINE_BYTES_MAX {
                let bytes = self.line.len() + self.skip_line()?;
                let fault = EventLineFault::TooLong { bytes };
                let error = EventLineError { column: EVENT_LINE_BYTES_MAX, fault };
                return Ok(Some(Err(BadLine::NotEvent(error))));
            }
            return Ok(Some(match std::str::from_utf8(&self.line) {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => event_line(text.trim_end()).map_err(BadLine::NotEvent),
                Err(error) => Err(BadLine::NotText { byte: error.valid_up_to() + 1 }),
            }));
        }
    }

    /// Passes over the rest of a line. Returns its length.
    fn skip_line(&mut self) -> io::Result<usize> {
        let mut skipped = 0;
        loop {
            let there = self.source.fill_buf()?;
            let end = there.iter().position(|byte| *byte == b'\n');
            let here = end.map_or(there.len(), |end| end + 1);
            self.source.consume(here);
            if here == 0 || end.is_some() {
                return Ok(skipped + here - usize::from(end.is_some()));
            }
            skipped += here;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_measured() {
        let long = " ".repeat(EVENT_LINE_BYTES_MAX + 70_000);
        let good = r#"{"type":"workflow.log","data":{"message":"m"}}"#;
        let text = format!("{long}\n\n{good}\n{long}");
        let mut lines = EventLines::new(text.as_bytes());
        let is_too_long = |line: Option<Result<EventLine, BadLine>>| {
            let Some(Err(BadLine::NotEvent(error))) = line else { panic!("{line:?}") };
            assert_eq!(error.fault, EventLineFault::TooLong { bytes: long.len() });
        };
        is_too_long(lines.next().unwrap());
        assert!(lines.next().unwrap().unwrap().is_ok());
        assert_eq!(lines.number(), 3);
        is_too_long(lines.next().unwrap());
        assert_eq!(lines.next().unwrap(), None);
    }
}
