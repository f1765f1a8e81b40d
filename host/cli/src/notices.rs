//! Messages on stderr.
//!
//! Owns: the form of a message, so that text of a script cannot pass for one of
//! this program. Never: the content of a message, or waiting for a reader.

use crate::sanitize;
use crate::streams::{self, Kind};

/// Prints `error: ` and the message, and `below` in lines after it.
pub(crate) fn print_error(message: &str, below: Option<&str>) {
    print_message(&format!("error: {message}"));
    if let Some(below) = below {
        write(&sanitize::lines(below), Kind::Message);
    }
}

/// Prints a message. All lines but the first are indented, so that text of a
/// script cannot pass for a message of this program. A closed stderr is ignored.
pub(crate) fn print_message(text: &str) {
    write(&indented(text), Kind::Message);
}

/// Prints a line of progress, which may be dropped if nobody reads.
pub(crate) fn print_progress(text: &str) {
    write(&indented(text), Kind::Progress);
}

/// Prints a line for a program, unchanged.
pub(crate) fn print_raw(line: &str) {
    write(line, Kind::Message);
}

/// The text with all lines but the first indented, and without control
/// characters.
fn indented(text: &str) -> String {
    sanitize::lines(text).replace('\n', "\n  ")
}

/// Writes the text as whole lines.
fn write(text: &str, kind: Kind) {
    streams::write_stderr(format!("{text}\n"), kind);
}
