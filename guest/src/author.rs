//! The author's texts, of the script and its modules: how they are handed to
//! QuickJS, and what a position in QuickJS's count is in the author's.
//!
//! Never compiles anything.

use std::cell::Cell;
use std::ffi::CStr;
use std::ops::Range;
use std::rc::Rc;

use crate::bindings::smol::workflow::types::{Dialect, ModuleSource, Source};

/// What QuickJS calls the script. The same for every run, because a script can
/// see it in `error.stack`; the name that people read is put in on the way out.
pub(crate) const INTERNAL_NAME: &CStr = c"workflow.js";

/// What stands before the path of a module in the name that QuickJS knows, so
/// that no module has the script's.
const MODULE_PREFIX: &str = "./";

/// Length of the word `export`.
const EXPORT: usize = 6;

/// One text and where its lines begin.
pub(crate) struct Author {
    pub(crate) text: String,
    /// What people call it: of a module, its path.
    pub(crate) file_name: String,
    /// Its path from the project.
    pub(crate) path: String,
    /// What QuickJS calls it.
    pub(crate) internal_name: String,
    pub(crate) is_module: bool,
    meta_export: usize,
    line_starts: Vec<usize>,
    /// See `read_as`.
    first_line_is_short: Cell<bool>,
}

/// A place in the author's text, line and column from 1; 0:0 is no place.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Author {
    /// The script and its modules.
    pub(crate) fn of(source: Source) -> (Rc<Self>, Vec<Rc<Self>>) {
        let Source { text, file_name, path, meta_export, modules } = source;
        let script = Self {
            line_starts: line_starts(&text),
            text,
            file_name,
            path,
            internal_name: INTERNAL_NAME.to_string_lossy().into_owned(),
            is_module: false,
            meta_export: usize::try_from(meta_export).unwrap_or(usize::MAX),
            first_line_is_short: Cell::new(false),
        };
        (Rc::new(script), modules.into_iter().map(Self::module).map(Rc::new).collect())
    }

    fn module(ModuleSource { path, text }: ModuleSource) -> Self {
        Self {
            line_starts: line_starts(&text),
            text,
            file_name: path.clone(),
            internal_name: format!("{MODULE_PREFIX}{path}"),
            path,
            is_module: true,
            meta_export: usize::MAX,
            first_line_is_short: Cell::new(true),
        }
    }

    /// The path from the project that a specifier in this file means; none where
    /// it leads out.
    pub(crate) fn resolve(&self, specifier: &str) -> Option<String> {
        let mut parts: Vec<&str> = self.path.split('/').collect();
        parts.pop();
        for part in specifier.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()?),
                name => parts.push(name),
            }
        }
        Some(parts.join("/"))
    }

    /// QuickJS counts the columns of the first line of a text from 0, and those
    /// of every other from 1. A module's first line is the text's first.
    pub(crate) fn read_as(&self, dialect: Dialect) {
        self.first_line_is_short.set(matches!(dialect, Dialect::Module));
    }

    /// The text without the `export` in front of `meta`, which no function body
    /// can hold. Blanks stand in for it, so that every other byte stays put.
    pub(crate) fn without_export(&self) -> String {
        let mut text = self.text.clone();
        let range = self.meta_export..self.meta_export.saturating_add(EXPORT);
        if text.get(range.clone()) == Some("export") {
            text.replace_range(range, "      ");
        }
        // QuickJS knows a hashbang at the very start only, and a function body
        // is not there.
        if text.starts_with("#!") {
            text.replace_range(0..2, "//");
        }
        text
    }

    /// Whether an `import` or `export` other than that of `meta` begins a line.
    /// A guess, good enough to choose which of two syntax errors to show.
    pub(crate) fn looks_like_a_module(&self) -> bool {
        self.line_starts.iter().any(|&start| {
            let line = self.text.get(start..).unwrap_or_default();
            let code = line.trim_start_matches([' ', '\t']);
            let at = start + (line.len() - code.len());
            at != self.meta_export
                && ["import", "export"].iter().any(|word| {
                    code.strip_prefix(word).is_some_and(|rest| {
                        rest.starts_with([' ', '\t', '{', '*', '"', '\'', '\r', '\n'])
                    })
                })
        })
    }

    /// QuickJS counts a column in bytes, people count characters.
    pub(crate) fn position(&self, line: u32, byte_column: u32) -> Position {
        let last = u32::try_from(self.line_starts.len()).unwrap_or(u32::MAX);
        if line > last {
            // Behind the end, where the wrapper closes: the author's last place.
            return self.end();
        }
        let Some(start) = usize::try_from(line).ok().and_then(|line| {
            line.checked_sub(1).and_then(|index| self.line_starts.get(index).copied())
        }) else {
            return Position::default();
        };
        let rest = self.text.get(start..).unwrap_or_default();
        // A column of 1 there may be either; the first word is the likelier.
        let short = line == 1 && byte_column > 1 && self.first_line_is_short.get();
        let byte_column = if short { byte_column + 1 } else { byte_column };
        let before = usize::try_from(byte_column.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = rest
            .char_indices()
            .take_while(|&(offset, char)| offset < before && char != '\n')
            .count();
        Position { line, column: u32::try_from(column + 1).unwrap_or(u32::MAX) }
    }

    /// Where the module specifier stands that `import` or `from` names.
    pub(crate) fn find_specifier(&self, specifier: &str) -> Position {
        for quote in ['\'', '"', '`'] {
            let quoted = format!("{quote}{specifier}{quote}");
            let found = self.text.match_indices(&quoted).map(|(at, _)| at).find(|&at| {
                let before = self.text.get(..at).unwrap_or_default();
                let before =
                    before.trim_end_matches(|char: char| char.is_whitespace() || char == '(');
                before.ends_with("from") || before.ends_with("import")
            });
            if let Some(at) = found {
                return self.place_of(at);
            }
        }
        Position::default()
    }

    /// The position of a byte offset.
    pub(crate) fn place_of(&self, offset: usize) -> Position {
        let index = self.line_starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = self.line_starts.get(index).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position { line: small(index + 1), column: small(column) }
    }

    /// The byte offsets of a line, without its end; none behind the last.
    pub(crate) fn line_range(&self, line: u32) -> Option<Range<usize>> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *self.line_starts.get(index)?;
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |&next| next);
        let line = self.text.get(start..end)?.trim_end_matches(['\r', '\n']);
        Some(start..start + line.len())
    }

    /// What stands in front of a position on its line.
    pub(crate) fn text_before(&self, position: Position) -> &str {
        let line = self.line_range(position.line).and_then(|range| self.text.get(range));
        let line = line.unwrap_or_default();
        let column = usize::try_from(position.column).unwrap_or(usize::MAX);
        let end =
            line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        line.get(..end).unwrap_or_default()
    }

    /// Where the author's text ends, blanks aside.
    pub(crate) fn end(&self) -> Position {
        self.place_of(self.text.trim_end().len())
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let after_break = bytes.iter().enumerate().filter_map(|(at, &byte)| {
        let ends_line = byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        ends_line.then_some(at + 1)
    });
    std::iter::once(0).chain(after_break).collect()
}
