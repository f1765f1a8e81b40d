//! Lines and columns of a script, and excerpts that point at a position.
//!
//! Owns: how lines are counted (as in JavaScript), and how a hostile line is made safe
//! to print. Never: colours it.

use serde::{Deserialize, Serialize};

/// Most cells of a source line that an excerpt shows: with its margin it fits a
/// terminal of 100 columns.
const SNIPPET_CELLS_MAX: usize = 88;

/// Cells kept before the caret when a long line is cut.
const SNIPPET_LEAD_CELLS: usize = 48;

/// A tab extends to the next multiple of this.
const TAB_CELLS: usize = 4;

/// The byte order mark: invisible, and not counted as a column.
const BOM: char = '\u{feff}';

/// A position in a script, as editors show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in Unicode scalar values.
    pub column: u32,
}

/// The position of a byte of the text. An offset inside a character means that
/// character; an offset beyond the end means the position after the last character.
#[must_use]
pub fn position_at(text: &str, offset: usize) -> Position {
    let mut place = Position { line: 1, column: 1 };
    let mut chars = text.char_indices().peekable();
    while let Some((at, current)) = chars.next() {
        let next = chars.peek().map(|&(next_at, next)| (next_at, next));
        if next.map_or(text.len(), |(next_at, _)| next_at) > offset {
            break;
        }
        if current == '\r' && next.is_some_and(|(_, next)| next == '\n') {
            continue;
        }
        if is_line_end(current) {
            place = Position { line: place.line.saturating_add(1), column: 1 };
        } else if at > 0 || current != BOM {
            place.column = place.column.saturating_add(1);
        }
    }
    place
}

/// Whether JavaScript begins a new line after it.
pub(super) fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// The line of the text with a caret under the column, both from 1. Safe to
/// print: no control, direction or zero-width character survives, and a long
/// line is cut around the caret. Empty when there is no such line.
///
/// ```
/// let shown = smol_wf_core::script::snippet("let a\nlet b = f()", 2, 9);
/// assert_eq!(shown, "   2 │ let b = f()\n     │         ^");
/// ```
#[must_use]
pub fn snippet(text: &str, line: u32, column: u32) -> String {
    let Some(content) = nth_line(text, line) else { return String::new() };
    let caret = column.max(1) as usize - 1;
    let mut row = Row::default();
    let mut caret_glyph = None;
    for (index, c) in content.chars().enumerate() {
        if index == caret {
            caret_glyph = Some(row.glyphs.len());
        }
        // The rest of the line would be cut off.
        if caret_glyph.is_some_and(|at| row.glyphs.len() > at + SNIPPET_CELLS_MAX) {
            break;
        }
        row.push(c);
    }
    let (shown, indent) = row.around(caret_glyph.unwrap_or(row.glyphs.len()));
    let number = line.to_string();
    let margin = number.len().max(4);
    format!("{number:>margin$} │ {shown}\n{:>margin$} │ {:indent$}^", "", "")
}

/// The text of a line without its end and without a byte order mark.
fn nth_line(text: &str, line: u32) -> Option<&str> {
    let mut rest = text.strip_prefix(BOM).unwrap_or(text);
    for _ in 1..line {
        let after = &rest[rest.find(is_line_end)?..];
        let end = if after.starts_with("\r\n") { 2 } else { after.chars().next()?.len_utf8() };
        rest = &after[end..];
    }
    (line > 0).then(|| rest.split(is_line_end).next().unwrap_or_default())
}

/// A line as a terminal shows it.
#[derive(Default)]
struct Row {
    glyphs: Vec<Glyph>,
    cells: usize,
}

#[derive(Clone, Copy)]
struct Glyph {
    shown: char,
    /// Cells it fills: 0, 1 or 2.
    width: usize,
}

impl Row {
    fn push(&mut self, c: char) {
        let (shown, width) = match c {
            '\t' => {
                for _ in 0..TAB_CELLS - self.cells % TAB_CELLS {
                    self.push(' ');
                }
                return;
            }
            // The Unicode pictures of the control characters are in the same order.
            '\0'..='\x1f' => (char::from_u32(0x2400 + u32::from(c)).unwrap_or(UNSHOWN), 1),
            '\x7f' => ('\u{2421}', 1),
            _ if is_unsafe(c) => (UNSHOWN, 1),
            // More than two marks on a character would cover the lines above.
            _ if is_mark(c) => match self.glyphs.as_slice() {
                [] => (UNSHOWN, 1),
                [.., Glyph { width: 0, .. }, Glyph { width: 0, .. }] => return,
                _ => (c, 0),
            },
            _ => (c, if is_wide(c) { 2 } else { 1 }),
        };
        self.glyphs.push(Glyph { shown, width });
        self.cells += width;
    }

    /// The part of the line around a glyph, and the number of cells before the glyph.
    fn around(&self, caret: usize) -> (String, usize) {
        let ahead = &self.glyphs[..caret.min(self.glyphs.len())];
        let mut indent: usize = ahead.iter().map(|glyph| glyph.width).sum();
        let mut start = 0;
        let mut shown = String::new();
        if indent > SNIPPET_CELLS_MAX - TAB_CELLS {
            while indent > SNIPPET_LEAD_CELLS {
                indent -= self.glyphs[start].width;
                start += 1;
            }
            shown.push('…');
            indent += 1;
        }
        let mut cells = shown.chars().count();
        for glyph in &self.glyphs[start..] {
            cells += glyph.width;
            if cells > SNIPPET_CELLS_MAX {
                shown.push('…');
                break;
            }
            shown.push(glyph.shown);
        }
        (shown.trim_end().to_owned(), indent)
    }
}

/// Replaces a character that must not reach a terminal.
const UNSHOWN: char = '\u{fffd}';

/// Control characters, and characters that reverse or hide text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// The most common combining marks. A missing one moves the caret by one cell, and
/// does no other harm.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{93c}' | '\u{94d}'
        | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{302a}'..='\u{302d}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

/// East Asian wide and emoji, as terminals show them.
fn is_wide(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{115e}' | '\u{231a}' | '\u{231b}' | '\u{23e9}'..='\u{23ec}'
        | '\u{2614}' | '\u{2615}' | '\u{26a1}' | '\u{2705}' | '\u{274c}' | '\u{2728}'
        | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2795}'..='\u{2797}' | '\u{2b50}'
        | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{33ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{a4cf}' | '\u{a960}'..='\u{a97c}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}' | '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f7e0}'..='\u{1f7eb}' | '\u{1f900}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}
