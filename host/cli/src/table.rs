//! Tables on stdout, and the choice between text and JSON.
//!
//! Owns: the layout of a table. Never: its content.

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, presets};

use crate::{sanitize, streams};

/// Value of `--output`.
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

/// A table without a frame. Its last column may be a sentence, which is wrapped
/// between words on a narrow terminal.
pub(crate) struct Table {
    table: comfy_table::Table,
    /// Width of each column but the last, in columns of the terminal.
    widest: Vec<usize>,
}

impl Table {
    /// A table with this header and no rows.
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        // Ids and paths are never wrapped, so that they can be copied.
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        let widest = header[..N - 1].iter().map(|name| sanitize::columns(name)).collect();
        Self { table, widest }
    }

    /// Adds a row; its cells are made safe to print.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        let cells = cells.map(sanitize::one_line);
        for (widest, cell) in self.widest.iter_mut().zip(&cells) {
            *widest = (*widest).max(sanitize::columns(cell));
        }
        self.table.add_row(cells);
    }

    /// The lines without the padding of a frame.
    pub(crate) fn text(&self) -> String {
        self.within(streams::columns_of_stdout())
    }

    /// The table as lines, with the last column wrapped at `columns`.
    fn within(&self, columns: Option<usize>) -> String {
        // Each column has a space on both sides.
        let indent = self.widest.iter().map(|widest| widest + 2).sum();
        let text = self.table.to_string();
        let lines = text.lines().map(|line| match columns {
            Some(columns) => wrapped(line.trim(), indent, columns),
            None => line.trim().to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// The line, wrapped between words if possible, with an indent below the last
/// column.
fn wrapped(line: &str, indent: usize, columns: usize) -> String {
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

/// A column's name and alignment.
pub(crate) type Column = (&'static str, Align);

/// Alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What a narrow terminal drops.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NarrowRule {
    /// Columns to drop, least important first.
    pub(crate) columns: &'static [&'static str],
    /// The column to cut if that is not enough.
    pub(crate) cut: &'static str,
}

/// The table as lines. Columns that are empty in all rows are left out; on a
/// narrow terminal those of `spare` too.
pub(crate) fn table(columns: &[Column], rows: &[Vec<String>], spare: NarrowRule) -> String {
    fit(columns, rows, spare, streams::columns_of_stdout())
}

/// The table within `width` columns; `None` is unlimited.
fn fit(
    columns: &[Column],
    rows: &[Vec<String>],
    spare: NarrowRule,
    width: Option<usize>,
) -> String {
    const CUT_COLUMNS_MIN: usize = 8;
    let mut shown = render(columns, rows, &[]);
    let Some(width) = width else { return shown };
    let over = |text: &str| {
        let widest = text.lines().map(sanitize::columns).max().unwrap_or(0);
        widest.saturating_sub(width)
    };
    for left_out in 1..=spare.columns.len() {
        if over(&shown) == 0 {
            return shown;
        }
        shown = render(columns, rows, &spare.columns[..left_out]);
    }
    let Some(at) = columns.iter().position(|(name, _)| *name == spare.cut) else { return shown };
    let widest = rows.iter().map(|row| sanitize::columns(&row[at])).max().unwrap_or(0);
    let room = widest.saturating_sub(over(&shown)).max(CUT_COLUMNS_MIN);
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row[at] = sanitize::cut(&row[at], room);
    }
    render(columns, &rows, spare.columns)
}

/// The table as lines, without empty columns and those in `left_out`.
fn render(columns: &[Column], rows: &[Vec<String>], left_out: &[&str]) -> String {
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
    // The lines without the padding of a frame.
    let lines: Vec<_> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    let margin = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| &line[margin..]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_drops_columns() {
        let columns = [("RUN", Align::Left), ("NAME", Align::Left), ("STEPS", Align::Right)];
        let rows = [vec!["run_1".to_owned(), "a-long-name".to_owned(), "12".to_owned()]];
        let spare = NarrowRule { columns: &["STEPS"], cut: "NAME" };
        let within = |width| fit(&columns, &rows, spare, width);
        let whole = within(None);
        assert_eq!(whole, "RUN    NAME         STEPS\nrun_1  a-long-name     12");
        assert_eq!(within(Some(25)), whole);
        assert_eq!(within(Some(24)), "RUN    NAME\nrun_1  a-long-name");
        assert_eq!(within(Some(16)), "RUN    NAME\nrun_1  a-long-n…");
        assert_eq!(within(Some(5)), "RUN    NAME\nrun_1  a-long-…", "no less than that");
    }

    #[test]
    fn sentences_wrap_between_words() {
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
