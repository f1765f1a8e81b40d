//! stdout, or the file in its place: data, and nothing else.
//!
//! Owns: writing JSON that is safe on a terminal, and the quiet end when the
//! reader has gone. Never: talks; that is stderr.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use crate::table::Format;

/// Writes one JSON document, for people and programs alike.
pub(crate) fn document(value: &impl Serialize) -> io::Result<()> {
    line(&pretty(value)?)
}

/// Writes one line of a stream.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Writes one document, on one line where lines are asked for.
pub(crate) fn print(format: Format, value: &impl Serialize) -> io::Result<()> {
    match format {
        Format::Jsonl => json_line(value),
        Format::Json | Format::Text => document(value),
    }
}

/// Writes text as it is, and a line end.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut sink = Sink::stdout();
    sink.line(text)?;
    sink.finish()
}

/// JSON on several lines. By way of a value, so that raw parts are indented
/// too; those too deep for that stay on one line.
fn pretty(value: &impl Serialize) -> io::Result<String> {
    Ok(match serde_json::to_value(value) {
        Ok(value) => serde_json::to_string_pretty(&value)?,
        Err(_) => serde_json::to_string_pretty(value)?,
    })
}

/// Where data goes: stdout, or a file that someone named.
pub(crate) struct Sink {
    to: BufWriter<Box<dyn Write + Send>>,
}

impl Sink {
    pub(crate) fn stdout() -> Self {
        Self { to: BufWriter::new(Box::new(io::stdout())) }
    }

    /// The file is made, or emptied.
    pub(crate) fn file(path: &Path) -> io::Result<Self> {
        Ok(Self { to: BufWriter::new(Box::new(File::create(path)?)) })
    }

    /// Writes text as it is, and a line end.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        let written = self.to.write_all(escape(text).as_bytes());
        unless_gone(written.and_then(|()| self.to.write_all(b"\n")))
    }

    pub(crate) fn document(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.line(&pretty(value)?)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        unless_gone(self.to.flush())
    }
}

/// `smol-wf … | head` is no failure.
fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// JSON lets control characters above U+007F, direction marks and the like
/// through as they are; a terminal would obey them. Inside JSON they can only
/// stand in strings, where an escape means the same.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && crate::screen::is_unsafe(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_reads_back() {
        let hostile = "a\u{9b}31m\u{202e}b\u{feff}é漢";
        let text = serde_json::to_string(hostile).unwrap();
        let safe = escape(&text);
        assert_eq!(safe, "\"a\\u009b31m\\u202eb\\ufeffé漢\"");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }
}
