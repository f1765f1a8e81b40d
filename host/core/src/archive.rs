//! A journal as a file that another database can take in.
//!
//! Owns: the file's form, its version, and the checks before anything of it is
//! believed. Never: opens a file.
//!
//! JSON Lines: a head, then one line for each record. The body is JSON text in
//! a string, so that it comes back byte for byte whatever a tool does to the
//! lines around it; the chain of digests depends on that.

use serde::{Deserialize, Serialize};

use crate::ids::RunId;
use crate::journal::{self, Body, Entry, JournalError, Record};

/// Version of the file. A reader refuses a larger one.
pub const ARCHIVE_FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
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

/// A file that no run can be taken from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// It is something else.
    #[error(
        "line {line} is not a journal's: {reason}; write one with `smol-wf export <run> --format journal`"
    )]
    NotAJournal {
        /// From 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// Written by a newer program.
    #[error(
        "the file has format {found}, and this program reads up to {ARCHIVE_FORMAT}; use a newer smol-wf"
    )]
    Newer {
        /// Its format.
        found: u32,
    },
    /// Lines are missing, or there are too many.
    #[error(
        "the file speaks of {said} entries ending in {tip:.12}, and has {found}; copy it again"
    )]
    Incomplete {
        /// What its head says.
        said: u64,
        /// Digest of the last entry, as its head says.
        tip: String,
        /// What is there.
        found: u64,
    },
    /// An entry is not what was written.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// It begins with something else than a run's head, or with another run's.
    #[error("the first entry is not the head of run {run}; the file was put together wrongly")]
    OtherRun {
        /// What the file's head says.
        run: RunId,
    },
}

impl ArchiveError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAJournal { .. } => "import_not_a_journal",
            Self::Newer { .. } => "import_newer",
            Self::Incomplete { .. } => "import_incomplete",
            Self::Journal(error) => error.code(),
            Self::OtherRun { .. } => "import_other_run",
        }
    }
}

/// A journal that was read and found whole.
#[derive(Debug)]
pub struct Archive {
    /// Which run it is of.
    pub run: RunId,
    /// `meta.name` of its script.
    pub name: String,
    /// As they were written.
    pub records: Vec<Record>,
    /// What they say.
    pub entries: Vec<Entry>,
}

/// The first line of the file, without its end: of this run, whose journal has so
/// many entries and ends with this digest.
#[must_use]
pub fn head_line(run: &RunId, name: &str, entries: u64, tip: &str) -> String {
    let head = Head {
        smol_wf_journal: ARCHIVE_FORMAT,
        run: run.clone(),
        name: name.to_owned(),
        entries,
        tip: tip.to_owned(),
    };
    // Strings and numbers: this cannot fail.
    serde_json::to_string(&head).unwrap_or_default()
}

/// The line of a record, without its end.
#[must_use]
pub fn line(record: &Record) -> String {
    let Record { kind, body, chain } = record;
    serde_json::to_string(&LineOf { kind, body, chain }).unwrap_or_default()
}

/// Reads the file and checks all that can be checked: its form, its length, the
/// chain of digests, and whose journal it is.
///
/// # Errors
/// At the first thing that does not fit.
pub fn read(text: &str) -> Result<Archive, ArchiveError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let wrong = |line: usize, reason: String| ArchiveError::NotAJournal { line: line + 1, reason };
    let Some((at, first)) = lines.next() else {
        return Err(wrong(0, "there is nothing".to_owned()));
    };
    let head: Head = serde_json::from_str(first).map_err(|error| wrong(at, error.to_string()))?;
    if head.smol_wf_journal > ARCHIVE_FORMAT {
        return Err(ArchiveError::Newer { found: head.smol_wf_journal });
    }
    let mut records = Vec::new();
    for (at, text) in lines {
        let Line { kind, body, chain } =
            serde_json::from_str(text).map_err(|error| wrong(at, error.to_string()))?;
        records.push(Record { kind, body, chain });
    }
    let entries = journal::read(&records)?;
    let found = records.len() as u64;
    let ends = records.last().is_some_and(|last| last.chain == head.tip);
    if found != head.entries || !ends {
        return Err(ArchiveError::Incomplete { said: head.entries, tip: head.tip, found });
    }
    match entries.first() {
        Some(Entry { body: Body::RunStarted(started), .. })
            if started.run == head.run && started.name == head.name =>
        {
            Ok(Archive { run: head.run, name: head.name, records, entries })
        }
        _ => Err(ArchiveError::OtherRun { run: head.run }),
    }
}
