//! A journal as a file that can be imported into another database.
//!
//! Owns: the file's format, its version, and the checks before its content is trusted.
//! Never: opens a file, or holds more than one line in memory.
//!
//! JSON Lines: a head, then one line for each record. The body of a record is JSON text
//! in a string, so that it survives byte for byte if a tool reformats the lines; the
//! chain of digests depends on that.

use crate::codes::Code;
use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::journal::{self, Body, Entry, JournalError, Record};
use crate::limits::RESULT_BYTES_MAX;

/// Version of the file. A reader refuses a larger version.
pub const ARCHIVE_FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    smol_wf_journal: u32,
    run: RunId,
    name: String,
    entries: u64,
    tip: String,
}

#[derive(Serialize)]
struct LineOf<'a> {
    kind: &'a str,
    body: &'a str,
    chain: &'a str,
}

#[derive(Deserialize)]
struct Line {
    kind: String,
    body: String,
    chain: String,
}

/// Why a file cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// The file is something else.
    #[error("line {line} is not a line of a journal: {reason}")]
    NotAJournal {
        /// Number of the line, from 1.
        line: usize,
        /// Message of the parser.
        reason: String,
    },
    /// Written by a newer program.
    #[error("the file has format {found}, and this program reads up to {ARCHIVE_FORMAT}")]
    Newer {
        /// Format of the file.
        found: u32,
    },
    /// Lines are missing, or there are too many.
    #[error("the file should hold {said} entries ending in {tip:.12}, and holds {found}")]
    Incomplete {
        /// Number of entries by the file's head.
        said: u64,
        /// Digest of the last entry by the file's head.
        tip: String,
        /// Number of entries in the file.
        found: u64,
    },
    /// An entry is unreadable or was changed.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The first entry is not the head of the run that the file names.
    #[error("the first entry is not the head of run {run}: the file was put together wrongly")]
    OtherRun {
        /// The run that the file names.
        run: RunId,
    },
}

impl ArchiveError {
    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotAJournal { .. } => Code::ImportNotAJournal,
            Self::Newer { .. } => Code::ImportNewer,
            Self::Incomplete { .. } => Code::ImportIncomplete,
            Self::Journal(error) => error.code(),
            Self::OtherRun { .. } => Code::ImportOtherRun,
        }
    }
}

/// The first line of the file, without line end. `entries` is the number of entries of
/// the journal, `tip` the chain of the last one.
#[must_use]
pub fn head_line(run: &RunId, name: &str, entries: u64, tip: &str) -> String {
    let head = Head {
        smol_wf_journal: ARCHIVE_FORMAT,
        run: run.clone(),
        name: name.to_owned(),
        entries,
        tip: tip.to_owned(),
    };
    // Strings and numbers: serialising them cannot fail.
    serde_json::to_string(&head).unwrap_or_default()
}

/// The line of a record, without line end.
#[must_use]
pub fn line(record: &Record) -> String {
    let Record { kind, body, chain } = record;
    serde_json::to_string(&LineOf { kind, body, chain }).unwrap_or_default()
}

/// Most bytes of a line: the largest result, escaped as JSON text twice.
pub const LINE_BYTES_MAX: usize = 5 * RESULT_BYTES_MAX;

/// Reads the file line by line, and checks its form, its length, the chain of digests,
/// and its run. Nothing may be used before [`Reader::finish`] has succeeded.
#[derive(Debug)]
pub struct Reader {
    head: Head,
    /// Lines so far, including empty ones.
    lines: usize,
    /// Records so far.
    found: u64,
    /// Chain of the last one.
    tip: String,
    created_at_us: i64,
}

impl Reader {
    /// Begins with the first line; none if the file is empty.
    ///
    /// # Errors
    /// When it is not the head of such a file, or a newer program wrote it.
    pub fn begin(first: Option<&str>) -> Result<Self, ArchiveError> {
        let first = first.ok_or_else(|| wrong(1, "there is nothing".to_owned()))?;
        let head: Head =
            serde_json::from_str(first).map_err(|error| wrong(1, error.to_string()))?;
        if head.smol_wf_journal > ARCHIVE_FORMAT {
            return Err(ArchiveError::Newer { found: head.smol_wf_journal });
        }
        Ok(Self { head, lines: 1, found: 0, tip: String::new(), created_at_us: 0 })
    }

    /// Id of its run.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.head.run
    }

    /// `meta.name` of its script.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.head.name
    }

    /// Records so far.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.found
    }

    /// Time of the first record in microseconds since 1970, once that was read; else 0.
    #[must_use]
    pub fn created_at_us(&self) -> i64 {
        self.created_at_us
    }

    /// The record of the next line; none for an empty line.
    ///
    /// # Errors
    /// When the line is unreadable, or its record does not follow those before it.
    pub fn record(&mut self, line: &str) -> Result<Option<Record>, ArchiveError> {
        self.lines += 1;
        if line.trim().is_empty() {
            return Ok(None);
        }
        let Line { kind, body, chain } =
            serde_json::from_str(line).map_err(|error| wrong(self.lines, error.to_string()))?;
        let record = Record { kind, body, chain };
        let read = journal::read_behind(&self.tip, self.found, std::slice::from_ref(&record))?;
        if let (0, Some(first)) = (self.found, read.first()) {
            self.created_at_us = first.at_us;
            let Entry { body: Body::RunStarted(started), .. } = first else {
                return Err(self.other_run());
            };
            if started.run != self.head.run || started.name != self.head.name {
                return Err(self.other_run());
            }
        }
        self.found += 1;
        self.tip.clone_from(&record.chain);
        Ok(Some(record))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When lines are missing, or there are too many.
    pub fn finish(&self) -> Result<(), ArchiveError> {
        let Head { entries, tip, .. } = &self.head;
        if self.found == 0 || self.found != *entries || self.tip != *tip {
            let (said, tip, found) = (*entries, tip.clone(), self.found);
            return Err(ArchiveError::Incomplete { said, tip, found });
        }
        Ok(())
    }

    fn other_run(&self) -> ArchiveError {
        ArchiveError::OtherRun { run: self.head.run.clone() }
    }
}

fn wrong(line: usize, reason: String) -> ArchiveError {
    ArchiveError::NotAJournal { line, reason }
}
