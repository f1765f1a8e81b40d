//! Messages on stderr.
//!
//! Owns: how a message looks, so that no text of a script passes for one of ours.
//! Never: says what is in one, or waits for a reader.

use crate::sanitize;
use crate::streams::{self, Kind};

/// One error, on stderr.
pub(crate) fn print_error(message: &str, below: Option<&str>) {
    print_message(&format!("error: {message}"));
    if let Some(below) = below {
        write(&sanitize::lines(below), Kind::Message);
    }
}

/// A message on stderr: its first line begins the line, all others are
/// indented, so that no text of a script passes for a message of ours. When
/// nobody reads it, nobody is told.
pub(crate) fn print_message(text: &str) {
    write(&indented(text), Kind::Message);
}

/// The same for what may be left out when nobody reads.
pub(crate) fn print_progress(text: &str) {
    write(&indented(text), Kind::Progress);
}

/// A line that was made for a program: it is as it is.
pub(crate) fn print_raw(line: &str) {
    write(line, Kind::Message);
}

fn indented(text: &str) -> String {
    sanitize::lines(text).replace('\n', "\n  ")
}

fn write(text: &str, kind: Kind) {
    streams::write_stderr(format!("{text}\n"), kind);
}
