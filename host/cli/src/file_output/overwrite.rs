//! Decides which files an output may replace.
//!
//! A mistyped name must not destroy a script, a fixture or a database. Owns:
//! recognising a file by its beginning, and the error about one that must stay.
//! Never: replaces anything.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use crate::shell;

/// The kind of file that an output may replace; empty files always may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overwrites {
    /// Exports of `export --format`.
    Exports,
    /// Fixtures.
    Fixtures,
    /// JUnit reports.
    Reports,
    /// A file that this program has just read and recognised.
    Known,
}

impl Overwrites {
    /// Fails if the file at `real`, which the user calls `path`, must not be
    /// replaced.
    pub(super) fn allow(self, real: &Path, path: &Path) -> io::Result<()> {
        if self == Self::Known {
            return Ok(());
        }
        let found = FileKind::at(real)?;
        let (ours, name) = match self {
            Self::Exports => (FileKind::Export, "an export of a run"),
            Self::Fixtures => (FileKind::Fixture, "a fixture"),
            Self::Reports | Self::Known => (FileKind::Report, "a JUnit report"),
        };
        if found == FileKind::Nothing || found == ours {
            return Ok(());
        }
        let seems = found.words();
        let why = match found {
            // These cannot be restored, so no `rm` is proposed.
            FileKind::Database | FileKind::Answers => {
                format!("the file there is {seems} and was not replaced; choose another file")
            }
            _ => {
                let typed = shell::path(path);
                format!(
                    "the file there seems to be {seems}, not {name}, and was not replaced; choose another file, or delete it first: rm {typed}"
                )
            }
        };
        Err(io::Error::new(ErrorKind::AlreadyExists, why))
    }
}

/// The kind of a file, by its beginning, or by its name if that says little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    /// No file, or one with white space only.
    Nothing,
    /// A SQLite database, or a log beside one.
    Database,
    /// Answers that a recording keeps: `.swf.kept`.
    Answers,
    /// A run in a format of `export`.
    Export,
    Fixture,
    /// A JUnit report.
    Report,
    Page,
    Image,
    Xml,
    Json,
    /// A script of any language, or a workflow.
    Script,
    Text,
    Bytes,
}

/// Bytes read from the beginning of a file.
const HEAD_BYTES: u64 = 4096;

/// Beginnings of a SQLite database and of its logs.
const DATABASES: [&[u8]; 4] = [
    b"SQLite format 3\0",
    &[0x37, 0x7f, 6, 0x82],
    &[0x37, 0x7f, 6, 0x83],
    &[0xd9, 0xd5, 5, 0xf9, 0x20, 0xa1, 0x63, 0xd7],
];

/// Endings of SQLite's files beside a database, which may be empty.
const BESIDE_DATABASES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Beginnings of exports, without JSON white space.
const EXPORTS: [&str; 4] = [
    "{\"v\":1,\"type\":\"workflow.",
    "{\"smolWfJournal\":",
    "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"run\":\"run_",
    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"smol-wf\"",
];

/// Beginning of a fixture of any version, without white space.
const FIXTURE: &str = "{\"swf\":";

/// Extensions of files that people write.
const SCRIPTS: [&str; 9] = ["js", "mjs", "cjs", "ts", "mts", "jsx", "tsx", "py", "sh"];

impl FileKind {
    /// The kind of the file at `path`; `Nothing` if it does not exist.
    fn at(path: &Path) -> io::Result<Self> {
        if is_beside_a_database(path) {
            return Ok(Self::Database);
        }
        let mut head = Vec::new();
        match File::open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Nothing),
            file => file?.take(HEAD_BYTES).read_to_end(&mut head)?,
        };
        Ok(Self::of(&head, path))
    }

    /// The kind of a file that begins with `head`.
    fn of(head: &[u8], path: &Path) -> Self {
        if DATABASES.into_iter().any(|with| head.starts_with(with)) {
            return Self::Database;
        }
        let ends = |with: &str| path.extension().is_some_and(|ending| ending == with);
        // The head may end inside a character.
        let text = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let is_text = head.len() - text.len() < 4 && !text.contains('\0');
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.is_empty() && is_text {
            return match (head.len() as u64) < HEAD_BYTES {
                true => Self::Nothing,
                false => Self::Text,
            };
        }
        if text.starts_with('<') {
            return Self::of_marked_up(text);
        }
        let dense: String = text.split_ascii_whitespace().collect();
        match () {
            () if dense.starts_with(FIXTURE) && ends("kept") => Self::Answers,
            () if dense.starts_with(FIXTURE) => Self::Fixture,
            () if EXPORTS.into_iter().any(|with| dense.starts_with(with)) => Self::Export,
            () if SCRIPTS.into_iter().any(ends) || text.contains("export const meta") => {
                Self::Script
            }
            () if text.starts_with("#!") => Self::Script,
            () if is_text && (text.starts_with('{') || text.starts_with('[')) => Self::Json,
            () if is_text => Self::Text,
            () => Self::Bytes,
        }
    }

    /// The kind of XML or HTML, by its first element.
    fn of_marked_up(text: &str) -> Self {
        let mut rest = text;
        // An XML declaration and a comment may come before the first element.
        for (begin, end) in [("<?xml", "?>"), ("<!--", "-->")] {
            if rest.starts_with(begin) {
                rest = rest.split_once(end).map_or("", |(_, behind)| behind.trim_start());
            }
        }
        let name = rest.strip_prefix('<').unwrap_or_default();
        let name = name.split(|c: char| c.is_ascii_whitespace() || "/>".contains(c)).next();
        match name.unwrap_or_default().to_ascii_lowercase().as_str() {
            "testsuites" | "testsuite" => Self::Report,
            "html" | "!doctype" => Self::Page,
            "svg" => Self::Image,
            _ => Self::Xml,
        }
    }

    /// The kind in an error, with its article.
    fn words(self) -> &'static str {
        match self {
            Self::Nothing => "empty",
            Self::Database => "a database",
            Self::Answers => "a file of recorded answers",
            Self::Export => "an export of a run",
            Self::Fixture => "a fixture",
            Self::Report => "a JUnit report",
            Self::Page => "an HTML page",
            Self::Image => "an SVG image",
            Self::Xml => "XML of another kind",
            Self::Json => "JSON of another kind",
            Self::Script => "a script",
            Self::Text => "text",
            Self::Bytes => "a binary file",
        }
    }
}

/// Whether it is a log of SQLite beside a database.
fn is_beside_a_database(path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    let mut databases = BESIDE_DATABASES.iter().filter_map(|with| path.strip_suffix(with));
    databases.any(|database| {
        let mut head = Vec::new();
        let read = File::open(database).map(|file| file.take(16).read_to_end(&mut head));
        read.is_ok() && head == DATABASES[0]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> FileKind {
        FileKind::of(text.as_bytes(), Path::new("file"))
    }

    #[test]
    fn a_file_is_known_by_its_beginning() {
        for (text, what) in [
            ("", FileKind::Nothing),
            (" \n\t", FileKind::Nothing),
            ("{\"v\":1,\"type\":\"workflow.started\"", FileKind::Export),
            ("\n{ \"smolWfJournal\": 1", FileKind::Export),
            ("{\"resourceSpans\":[]}", FileKind::Json),
            ("{ \"swf\": 1 }", FileKind::Fixture),
            ("\u{feff}{\n\t\"swf\": 1", FileKind::Fixture),
            ("<?xml version='1.0'?>\n<testsuites>", FileKind::Report),
            ("\n<testsuite name='n'>", FileKind::Report),
            ("<testsuited>", FileKind::Xml),
            ("<?xml version='1.0'?><!-- Apache --><project>", FileKind::Xml),
            ("<?xml version='1.0'?><svg>", FileKind::Image),
            ("<!DOCTYPE html>", FileKind::Page),
            ("export const meta = {", FileKind::Script),
            ("[1]", FileKind::Json),
            ("notes", FileKind::Text),
            ("\0\u{1}", FileKind::Bytes),
        ] {
            assert_eq!(found(text), what, "{text:?}");
        }
        let blank = " ".repeat(4096);
        assert_eq!(found(&blank), FileKind::Text, "more may stand behind");
        assert_eq!(FileKind::of(b"\xff\xfe\xfd\xfc", Path::new("x")), FileKind::Bytes);
        assert_eq!(FileKind::of(b"{\"swf\":1", Path::new("a.swf.kept")), FileKind::Answers);
    }
}
