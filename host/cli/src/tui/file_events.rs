//! Events from a file, line by line.
//!
//! Owns: which line an error is in, and that lines without a number get one. Never: the
//! form of a line; the core reads it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use smol_wf_core::event::Event;
use smol_wf_core::event::parse::{EVENT_LINE_BYTES_MAX, event_line};

use super::player::Stream;
use crate::sanitize;

/// A file of events that is being read.
#[derive(Debug)]
pub(crate) struct FileEvents {
    path: PathBuf,
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
    /// Time of the event before: that of one without a time.
    nanos: u64,
}

impl FileEvents {
    /// Opens a file. Fails if it cannot be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = BufReader::new(File::open(path)?);
        Ok(Self { path: path.to_owned(), file, line: Vec::new(), number: 0, nanos: 0 })
    }

    fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}", sanitize::path(&self.path), self.number)
    }
}

impl Stream for FileEvents {
    fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            self.line.clear();
            self.number += 1;
            let most = EVENT_LINE_BYTES_MAX as u64 + 1;
            let read = self.file.by_ref().take(most).read_until(b'\n', &mut self.line);
            if read.map_err(|error| self.wrong(error))? == 0 {
                return Ok(None);
            }
            let Ok(text) = std::str::from_utf8(&self.line) else {
                return Err(self.wrong("not UTF-8"));
            };
            if text.trim().is_empty() {
                continue;
            }
            let read = event_line(text.trim_end()).map_err(|error| self.wrong(error))?;
            let mut event = read.event;
            if event.seq == 0 {
                event.seq = self.number;
            }
            if !read.has_time {
                event.elapsed_nanos = self.nanos;
            }
            self.nanos = event.elapsed_nanos;
            return Ok(Some(event));
        }
    }
}
