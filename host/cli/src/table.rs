//! Tables on stdout, and the choice between them and JSON.
//!
//! Owns: how a table looks. Never: what is in it.

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, presets};

use crate::{sanitize, streams};

/// How to print what a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[value(alias = "table")]
    Text,
    /// One JSON document
    Json,
    /// JSON, one row or document per line
    Jsonl,
}

/// A table without a frame. Its last column may be a sentence, which is broken
/// between words where the terminal is too narrow.
pub(crate) struct Table {
    table: comfy_table::Table,
    /// Columns of the terminal that the widest cells of all columns but the last
    /// take.
    widest: Vec<usize>,
}

impl Table {
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        // Ids and paths are to be copied: they are never broken over lines.
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        let widest = header[..N - 1].iter().map(|name| sanitize::columns(name)).collect();
        Self { table, widest }
    }

    /// Adds a row; what is in it is made safe to show.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        let cells = cells.map(sanitize::one_line);
        for (widest, cell) in self.widest.iter_mut().zip(&cells) {
            *widest = (*widest).max(sanitize::columns(cell));
        }
        self.table.add_row(cells);
    }

    /// Without the padding of a frame that is not there.
    pub(crate) fn text(&self) -> String {
        self.within(streams::columns_of_stdout())
    }

    fn within(&self, columns: Option<usize>) -> String {
        // Each has a space on both sides.
        let indent = self.widest.iter().map(|widest| widest + 2).sum();
        let text = self.table.to_string();
        let lines = text.lines().map(|line| match columns {
            Some(columns) => broken(line.trim(), indent, columns),
            None => line.trim().to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The line, broken between words so that each part fits where one can; what goes
/// on stands below the last column.
fn broken(line: &str, indent: usize, columns: usize) -> String {
    const LAST_COLUMN_MIN: usize = 20;
    if sanitize::columns(line) <= columns || indent + LAST_COLUMN_MIN > columns {
        return line.to_owned();
    }
    let mut text = String::new();
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let wide = sanitize::columns(word.trim_end());
        if used > indent && used + wide > columns {
            text.truncate(text.trim_end().len());
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            used = indent;
        }
        text.push_str(word);
        used += sanitize::columns(word);
    }
    text
}

/// A column's name, and whether it holds numbers.
pub(crate) type Column = (&'static str, Align);

/// Where a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What a terminal that is too narrow does without.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NarrowRule {
    /// Columns that are left out, what matters least first.
    pub(crate) columns: &'static [&'static str],
    /// The column that is cut when that is not enough.
    pub(crate) cut: &'static str,
}

/// The table as lines. A column that is empty in all rows is left out, and what
/// can be spared where the terminal is too narrow.
pub(crate) fn table(columns: &[Column], rows: &[Vec<String>], spare: NarrowRule) -> String {
    fitting(columns, rows, spare, streams::columns_of_stdout())
}

fn fitting(
    columns: &[Column],
    rows: &[Vec<String>],
    spare: NarrowRule,
    width: Option<usize>,
) -> String {
    const CUT_COLUMNS_MIN: usize = 8;
    let mut shown = drawn(columns, rows, &[]);
    let Some(width) = width else { return shown };
    let over = |text: &str| {
        let widest = text.lines().map(sanitize::columns).max().unwrap_or(0);
        widest.saturating_sub(width)
    };
    for left_out in 1..=spare.columns.len() {
        if over(&shown) == 0 {
            return shown;
        }
        shown = drawn(columns, rows, &spare.columns[..left_out]);
    }
    let Some(at) = columns.iter().position(|(name, _)| *name == spare.cut) else { return shown };
    let widest = rows.iter().map(|row| sanitize::columns(&row[at])).max().unwrap_or(0);
    let room = widest.saturating_sub(over(&shown)).max(CUT_COLUMNS_MIN);
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row[at] = sanitize::cut(&row[at], room);
    }
    drawn(columns, &rows, spare.columns)
}

fn drawn(columns: &[Column], rows: &[Vec<String>], left_out: &[&str]) -> String {
    let used: Vec<usize> = (0..columns.len())
        .filter(|&at| rows.is_empty() || rows.iter().any(|row| !row[at].is_empty()))
        .filter(|&at| !left_out.contains(&columns[at].0))
        .collect();
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(used.iter().map(|&at| columns[at].0));
    for row in rows {
        table.add_row(used.iter().map(|&at| &row[at]));
    }
    for (position, &at) in used.iter().enumerate() {
        if columns[at].1 == Align::Right
            && let Some(column) = table.column_mut(position)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    // Without the padding of a frame that is not there.
    let lines: Vec<_> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    let margin = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| &line[margin..]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_does_without_what_can_be_spared() {
        let columns = [("RUN", Align::Left), ("NAME", Align::Left), ("STEPS", Align::Right)];
        let rows = [vec!["run_1".to_owned(), "a-long-name".to_owned(), "12".to_owned()]];
        let spare = NarrowRule { columns: &["STEPS"], cut: "NAME" };
        let within = |width| fitting(&columns, &rows, spare, width);
        let whole = within(None);
        assert_eq!(whole, "RUN    NAME         STEPS\nrun_1  a-long-name     12");
        assert_eq!(within(Some(25)), whole);
        assert_eq!(within(Some(24)), "RUN    NAME\nrun_1  a-long-name");
        assert_eq!(within(Some(16)), "RUN    NAME\nrun_1  a-long-n…");
        assert_eq!(within(Some(5)), "RUN    NAME\nrun_1  a-long-…", "no less than that");
    }

    #[test]
    fn a_sentence_is_broken_between_words_and_no_word_is() {
        let mut table = Table::new(["AGENT", "STATE"]);
        table.row(["claude-code", "not installed; npm install -g @anthropic-ai/claude-code"]);
        let whole = table.within(None);
        assert_eq!(whole.lines().count(), 2);
        assert_eq!(table.within(Some(100)), whole);
        assert_eq!(
            table.within(Some(44)),
            "AGENT        STATE\nclaude-code  not installed; npm install -g\n             @anthropic-ai/claude-code"
        );
        assert_eq!(table.within(Some(20)), whole, "too narrow for anything better");
    }
}
