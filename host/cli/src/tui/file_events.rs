//! Events from a file, to be shown.
//!
//! Owns: which file and line an error is in, and that events without a number or a time get
//! one. Never: reads a line by itself.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use smol_wf_core::event::Event;

use super::event_lines::EventLines;
use super::player::Stream;
use crate::sanitize;

/// A file of events that is being read.
#[derive(Debug)]
pub(crate) struct FileEvents {
    path: PathBuf,
    lines: EventLines<BufReader<File>>,
    /// Time of the event before: that of one without a time.
    nanos: u64,
}

impl FileEvents {
    /// Opens a file. Fails if it cannot be read.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let lines = EventLines::new(BufReader::new(File::open(path)?));
        Ok(Self { path: path.to_owned(), lines, nanos: 0 })
    }

    fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{}:{}: {what}", sanitize::path(&self.path), self.lines.number())
    }
}

impl Stream for FileEvents {
    fn next(&mut self) -> Result<Option<Event>, String> {
        let read = self.lines.next().map_err(|error| self.wrong(error))?;
        let Some(line) = read else { return Ok(None) };
        let line = line.map_err(|bad| self.wrong(bad))?;
        let mut event = line.event;
        if event.seq == 0 {
            event.seq = self.lines.number();
        }
        if !line.has_time {
            event.elapsed_nanos = self.nanos;
        }
        self.nanos = event.elapsed_nanos;
        Ok(Some(event))
    }
}
