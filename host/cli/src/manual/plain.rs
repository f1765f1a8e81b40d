//! Markdown as plain text for a terminal.
//!
//! Owns: the marks that the manual uses: headings, lists, tables, blocks of code,
//! links and bold words. Never: marks that it does not use; those stay as they are.

use crate::sanitize;

/// Spaces before code, and before what belongs to a row of a table.
const INDENT: usize = 4;

/// Spaces between columns.
const GAP: usize = 2;

/// A page as lines of at most so many columns, where words allow it.
pub(crate) fn plain(markdown: &str, columns: usize) -> String {
    let mut page = Plain { lines: Vec::new(), columns, table: Vec::new() };
    let mut paragraph = String::new();
    let mut is_code = false;
    for line in markdown.lines() {
        if is_code || !line.starts_with('|') {
            page.table();
        }
        if line.starts_with("```") {
            page.paragraph(&mut paragraph);
            is_code = !is_code;
        } else if is_code {
            page.lines.push(format!("{:INDENT$}{line}", "").trim_end().to_owned());
        } else if line.trim().is_empty() {
            page.paragraph(&mut paragraph);
            page.lines.push(String::new());
        } else if line.starts_with('#') {
            page.paragraph(&mut paragraph);
            page.heading(line);
        } else if let Some(row) = line.strip_prefix('|') {
            page.paragraph(&mut paragraph);
            let cells = cells(row);
            // The header has the first place, also one without words.
            if page.table.is_empty() || !is_ruled(&cells) {
                page.table.push(cells);
            }
        } else if is_item(line) {
            page.paragraph(&mut paragraph);
            paragraph.push_str(line.trim_end());
        } else {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    page.paragraph(&mut paragraph);
    page.table();
    page.lines.join("\n").trim_end().to_owned()
}

/// A page in the making.
struct Plain {
    lines: Vec<String>,
    columns: usize,
    /// The rows of the table that is being read, its header first.
    table: Vec<Vec<String>>,
}

impl Plain {
    fn heading(&mut self, line: &str) {
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let text = inline(line.trim_start_matches('#').trim());
        let below = match level {
            1 => "=",
            2 => "-",
            _ => "",
        };
        let below = below.repeat(sanitize::columns(&text));
        self.lines.push(text);
        if !below.is_empty() {
            self.lines.push(below);
        }
    }

    /// A paragraph or an item of a list, which hangs behind its mark.
    fn paragraph(&mut self, text: &mut String) {
        let text = std::mem::take(text);
        if text.is_empty() {
            return;
        }
        let before = text.len() - text.trim_start().len();
        let hang = if is_item(&text) { before + mark_of(text.trim_start()) } else { before };
        self.fill(&inline(text.trim_start()), before, hang);
    }

    /// The table that was read: in columns where they have room, as many short ones have,
    /// or else as a list. Two columns are always a list: its second cells are sentences.
    fn table(&mut self) {
        let rows = std::mem::take(&mut self.table);
        let Some(header) = rows.first().filter(|header| header.len() > 2) else {
            return self.list(&rows);
        };
        let wide = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| sanitize::columns(cell)).max().unwrap_or_default()
        };
        let others: Vec<usize> = (1..header.len()).map(wide).collect();
        let taken: usize = others.iter().map(|wide| GAP + wide).sum();
        // The first cells may be wrapped, between words.
        let words = rows.iter().filter_map(|row| row.first()).flat_map(|cell| cell.split(' '));
        let longest = words.map(sanitize::columns).max().unwrap_or_default();
        match self.columns.checked_sub(taken).filter(|room| *room >= longest) {
            Some(room) => self.in_columns(&rows, room, &others),
            None => self.list(&rows),
        }
    }

    /// Rows in columns: the first one as narrow as its words in so much room, and others of
    /// these widths.
    fn in_columns(&mut self, rows: &[Vec<String>], room: usize, others: &[usize]) {
        let first_cells = rows.iter().filter_map(|row| row.first());
        let first_cells: Vec<_> = first_cells.map(|cell| wrapped(cell, room, 0, 0)).collect();
        let of_first = first_cells.iter().flatten().map(|line| sanitize::columns(line));
        let first = of_first.max().unwrap_or_default();
        let padding = |text: &str, wide: usize| wide.saturating_sub(sanitize::columns(text));
        for (row, lines) in rows.iter().zip(first_cells) {
            for (at, line) in lines.into_iter().enumerate() {
                let mut line = format!("{line}{:1$}", "", padding(&line, first));
                let rest = row.iter().skip(1).zip(others).filter(|_| at == 0);
                for (cell, wide) in rest {
                    line.push_str(&format!("{:GAP$}{cell}{:2$}", "", "", padding(cell, *wide)));
                }
                self.lines.push(line.trim_end().to_owned());
            }
        }
    }

    /// Rows as a list: the first cell, and the others below it with the names of their
    /// columns. A table with two columns needs no names.
    fn list(&mut self, rows: &[Vec<String>]) {
        let Some((header, rows)) = rows.split_first() else { return };
        let named = header.len() > 2;
        for row in rows {
            for (at, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                let name = header.get(at).filter(|name| at > 0 && named && !name.is_empty());
                let text = match name {
                    Some(name) => format!("{name}: {cell}"),
                    None => cell.clone(),
                };
                let indent = if at == 0 { 0 } else { INDENT };
                self.fill(&text, indent, indent);
            }
        }
    }

    /// Adds a text, wrapped between words.
    fn fill(&mut self, text: &str, first: usize, rest: usize) {
        self.lines.extend(wrapped(text, self.columns, first, rest));
    }
}

/// The lines of a text that is wrapped between words, the first one and the others behind
/// so many spaces.
fn wrapped(text: &str, columns: usize, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(first);
    let mut used = first;
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let wide = sanitize::columns(word);
        if !is_empty && used + 1 + wide > columns {
            lines.push(std::mem::replace(&mut line, " ".repeat(rest)));
            (used, is_empty) = (rest, true);
        }
        if !is_empty {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += wide;
        is_empty = false;
    }
    lines.push(line);
    lines
}

/// Whether a row is the line below a header, or has no words.
fn is_ruled(cells: &[String]) -> bool {
    cells.iter().all(|cell| cell.trim_matches(['-', ':']).is_empty())
}

/// The cells of a row, without the mark before the first one.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim_end().strip_suffix('|').unwrap_or(row);
    let hidden = row.replace("\\|", "\0");
    hidden.split('|').map(|cell| inline(cell.trim()).replace('\0', "|")).collect()
}

/// Whether a line begins an item of a list.
fn is_item(line: &str) -> bool {
    mark_of(line.trim_start()) > 0
}

/// The length of the mark of an item, such as `- ` or `12. `.
fn mark_of(line: &str) -> usize {
    if line.starts_with("- ") || line.starts_with("* ") {
        return 2;
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = digits > 0 && line.get(digits..).is_some_and(|rest| rest.starts_with(". "));
    if is_number { digits + 2 } else { 0 }
}

/// The text without the marks of links and bold words; code keeps its own.
fn inline(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '[', '*']) {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        let taken = code(marked)
            .or_else(|| link(marked))
            .or_else(|| marked.strip_prefix("**").map(|after| (String::new(), after)));
        let (said, after) = taken.unwrap_or_else(|| {
            let (mark, after) = marked.split_at(1);
            (mark.to_owned(), after)
        });
        plain.push_str(&said);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// Code at the beginning of a text, and what follows it.
fn code(text: &str) -> Option<(String, &str)> {
    let ticks = text.bytes().take_while(|byte| *byte == b'`').count();
    let fence = text.get(..ticks).filter(|fence| !fence.is_empty())?;
    let (inside, after) = text.get(ticks..)?.split_once(fence)?;
    Some((format!("{fence}{inside}{fence}"), after))
}

/// A link at the beginning of a text as its words, with the address if that is on
/// the web, and what follows it.
fn link(text: &str) -> Option<(String, &str)> {
    let (words, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (address, after) = rest.split_once(')')?;
    let is_short = !words.contains('[') && !address.contains(char::is_whitespace);
    let words = inline(words);
    let shown = match address.starts_with("http") {
        true => format!("{words} ({address})"),
        false => words,
    };
    is_short.then_some((shown, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_plain_text() {
        let page = "# Title\n\nSee [the page](a.md#x), **bold**, `a[b](c)` and [web](https://x.y).\nNext line.\n\n- one two three four five six\n  more\n1. first\n\n| code | what |\n|---|---|\n| `a\\|b` | [do](x.md) it |\n\n| a | b | c |\n|---|---|---|\n| one two | 2 | third of three |\n\n| a | b | c |\n|---|---|---|\n| 1 | 2 | too long for columns |\n\n```sh\n$ run\n\n  x\n```\n## Two\n### Three\n";
        let shown = plain(page, 24);
        assert_eq!(
            shown,
            "Title\n=====\n\nSee the page, bold,\n`a[b](c)` and web\n(https://x.y). Next\nline.\n\n- one two three four\n  five six more\n1. first\n\n`a|b`\n    do it\n\na    b  c\none  2  third of three\ntwo\n\n1\n    b: 2\n    c: too long for\n    columns\n\n    $ run\n\n      x\nTwo\n---\nThree"
        );
    }

    #[test]
    fn odd_marks_stay() {
        for odd in ["a [ b", "`open", "a*b", "[x](", "|", "| |", "****", "1.", "-"] {
            plain(odd, 10);
        }
        assert_eq!(plain("a [b] `c", 80), "a [b] `c");
    }

    #[test]
    fn no_page_loses_a_word_of_code() {
        for page in super::super::PAGES {
            let shown = plain(page.text, 80);
            assert!(!shown.contains("](") || page.text.contains("`["), "{}", page.name);
            assert!(shown.lines().count() > 10, "{}", page.name);
        }
    }
}
