//! A JSON document with a list that is too long for memory.
//!
//! Owns: writing its items one at a time. Never: the document.

use std::io;

use serde_json::Value;

use crate::output::Sink;

/// A JSON document whose last list is written one item at a time.
pub(crate) struct JsonList<'a> {
    sink: &'a mut Sink,
    /// What follows the list.
    tail: String,
    /// Spaces before the end of the list, whose items have two more; `None` for a
    /// document on one line.
    indent: Option<usize>,
    /// The item that is written when it is known whether another follows.
    last: Option<Value>,
}

impl<'a> JsonList<'a> {
    /// Writes `frame`, a document as text, up to its last empty list, which the
    /// items then fill.
    pub(crate) fn begin(sink: &'a mut Sink, frame: &str) -> io::Result<Self> {
        let (before, tail) = frame.rsplit_once("[]").unwrap_or((frame, ""));
        let indent = frame
            .contains('\n')
            .then(|| before.lines().last().map_or(0, |line| line.len() - line.trim_start().len()));
        sink.part(&format!("{before}["))?;
        if indent.is_some() {
            sink.part("\n")?;
        }
        Ok(Self { sink, tail: tail.to_owned(), indent, last: None })
    }

    /// Writes the item before this one, with a comma, and keeps this one.
    pub(crate) fn push(&mut self, item: Value) -> io::Result<()> {
        match self.last.replace(item) {
            Some(last) => self.write(&last, true),
            None => Ok(()),
        }
    }

    /// Writes the last item without a comma, then the end of the document.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some(last) = self.last.take() {
            self.write(&last, false)?;
        }
        let indent = self.indent.unwrap_or(0);
        self.sink.json(&format!("{:indent$}]{}", "", self.tail))
    }

    fn write(&mut self, item: &Value, is_followed: bool) -> io::Result<()> {
        match self.indent {
            Some(indent) => self.sink.indented(indent + 2, item, is_followed),
            None => {
                let comma = if is_followed { "," } else { "" };
                self.sink.part(&format!("{}{comma}", serde_json::to_string(item)?))
            }
        }
    }
}
