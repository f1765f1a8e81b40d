//! Data on stdout, or in a file instead.
//!
//! Owns: JSON and text that are safe for every reader, and a silent end when the
//! reader has gone. Never: messages; those go to stderr.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};

use serde::Serialize;
use serde_json::Value;
use smol_wf_core::event::Event;

use crate::sanitize;
use crate::streams::Stdout;
use crate::table::Format;

/// Writes one JSON document on several lines.
pub(crate) fn document(value: &impl Serialize) -> io::Result<()> {
    let mut sink = Sink::stdout();
    sink.document(value)?;
    sink.finish()
}

/// Writes a value as JSON on one line.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<()> {
    let mut sink = Sink::stdout();
    sink.json(&serde_json::to_string(value)?)?;
    sink.finish()
}

/// Writes one document: on one line for `jsonl`, otherwise on several.
pub(crate) fn print(format: Format, value: &impl Serialize) -> io::Result<()> {
    match format {
        Format::Jsonl => json_line(value),
        Format::Json | Format::Text => document(value),
    }
}

/// Writes text, made safe to print, and a line end.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut sink = Sink::stdout();
    unless_gone(sink.to.write_all(sanitize::lines(text).as_bytes()))?;
    unless_gone(sink.to.write_all(b"\n"))?;
    sink.finish()
}

/// Writes text that is safe to print, and a line end.
pub(crate) fn safe_text(text: &str) -> io::Result<()> {
    let mut sink = Sink::stdout();
    sink.safe_text(text)?;
    sink.finish()
}

/// An event as a line of the event stream.
pub(crate) fn event_line(event: &Event) -> io::Result<String> {
    Ok(escape(&serde_json::to_string(event)?) + "\n")
}

/// Writes a line of the event stream. Unlike all others, returns `BrokenPipe`
/// when the reader has gone.
pub(crate) fn event(line: &str) -> io::Result<()> {
    Stdout.write_all(line.as_bytes())
}

/// JSON on several lines. Converts to a value first, so that raw parts are
/// indented too; if they are nested too deep, they stay on one line.
pub(crate) fn pretty(value: &impl Serialize) -> io::Result<String> {
    Ok(match serde_json::to_value(value) {
        Ok(value) => serde_json::to_string_pretty(&value)?,
        Err(_) => serde_json::to_string_pretty(value)?,
    })
}

/// A destination of data: stdout or a file.
pub(crate) struct Sink {
    to: BufWriter<Box<dyn Write + Send>>,
}

impl Sink {
    /// Writes to stdout; a closed pipe is ignored.
    pub(crate) fn stdout() -> Self {
        Self { to: BufWriter::new(Box::new(Stdout)) }
    }

    /// Writes to a file.
    pub(crate) fn file(file: File) -> Self {
        Self { to: BufWriter::new(Box::new(file)) }
    }

    /// Writes JSON text, and a line end.
    pub(crate) fn json(&mut self, text: &str) -> io::Result<()> {
        let written = self.to.write_all(escape(text).as_bytes());
        unless_gone(written.and_then(|()| self.to.write_all(b"\n")))
    }

    /// Writes a part of JSON text, without a line end. A part ends outside of
    /// strings.
    pub(crate) fn part(&mut self, text: &str) -> io::Result<()> {
        unless_gone(self.to.write_all(escape(text).as_bytes()))
    }

    /// Writes text that is safe to print, and a line end.
    pub(crate) fn safe_text(&mut self, text: &str) -> io::Result<()> {
        let written = self.to.write_all(text.as_bytes());
        unless_gone(written.and_then(|()| self.to.write_all(b"\n")))
    }

    /// Writes a value as JSON on several lines.
    pub(crate) fn document(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.json(&pretty(value)?)
    }

    /// Writes a value on lines of its own, indented by `by` spaces, with a comma
    /// if another one follows.
    pub(crate) fn indented(
        &mut self,
        by: usize,
        value: &Value,
        is_followed: bool,
    ) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let comma = if is_followed && lines.peek().is_none() { "," } else { "" };
            self.json(&format!("{:by$}{line}{comma}", ""))?;
        }
        Ok(())
    }

    /// Flushes the buffer. Fails if the data could not be written.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        unless_gone(self.to.flush())
    }
}

/// Ignores a closed pipe: `smol-wf … | head` is not a failure.
fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Escapes what JSON allows but a terminal or CI system would obey: control
/// characters above U+007F, direction marks, `##[` commands. In JSON these can
/// only be inside strings, where an escape means the same.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut safe = String::with_capacity(text.len());
    let mut after = 0;
    // The last `#` of each command.
    for (at, _) in sanitize::commands(text) {
        escape_characters(&text[after..at], &mut safe);
        safe.push_str("\\u0023");
        after = at + 1;
    }
    escape_characters(&text[after..], &mut safe);
    return safe;

    fn escape_characters(text: &str, safe: &mut String) {
        for character in text.chars() {
            if character != '\n' && sanitize::is_unsafe(character) {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    // Writing to a string cannot fail.
                    let _ = write!(safe, "\\u{unit:04x}");
                }
            } else {
                safe.push(character);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_are_escaped_and_read_back() {
        let hostile = "a\u{9b}31m\u{202e}b\u{feff}é漢";
        let text = serde_json::to_string(hostile).unwrap();
        let safe = escape(&text);
        assert_eq!(safe, "\"a\\u009b31m\\u202eb\\ufeffé漢\"");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }

    #[test]
    fn json_contains_no_command_of_a_ci_system() {
        let hostile = "a ##[add-mask]x ##vso[task.setvariable]y ###[error] ##\\[no";
        let text = serde_json::to_string(hostile).unwrap();
        let safe = escape(&text);
        assert!(!safe.contains("##[") && !safe.contains("##vso["), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), hostile);
    }
}
