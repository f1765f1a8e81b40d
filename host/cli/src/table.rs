//! Tables on stdout, and the choice between text and JSON.
//!
//! Owns: the layout of a table, and of its rows where a terminal is too narrow for it: a
//! terminal never wraps a line within a cell that has room on a line of its own. Never: the
//! content.

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
    header: Vec<String>,
    rows: Vec<Vec<String>>,
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
        let header = header.map(str::to_owned).to_vec();
        Self { table, widest, header, rows: Vec::new() }
    }

    /// Adds a row; its cells are made safe to print.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        let cells = cells.map(sanitize::one_line);
        for (widest, cell) in self.widest.iter_mut().zip(&cells) {
            *widest = (*widest).max(sanitize::columns(cell));
        }
        self.table.add_row(&cells);
        self.rows.push(cells.to_vec());
    }

    /// The lines without the padding of a frame.
    pub(crate) fn text(&self) -> String {
        self.within(streams::columns_of_stdout())
    }

    /// The table as lines, with the last column wrapped at `columns`.
    fn within(&self, columns: Option<usize>) -> String {
        const LAST_COLUMN_MIN: usize = 20;
        // Each column has a space on both sides.
        let indent: usize = self.widest.iter().map(|widest| widest + 2).sum();
        let text = self.table.to_string();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let Some(columns) = columns else { return lines.join("\n") };
        let is_over = lines.iter().any(|line| sanitize::columns(line) > columns);
        if is_over && indent + LAST_COLUMN_MIN > columns {
            return stacked(&self.header, &self.rows, columns);
        }
        lines.iter().map(|line| wrapped(line, indent, columns)).collect::<Vec<_>>().join("\n")
    }
}

/// Rows as blocks: the first cell is the heading, and the others follow with their names,
/// as many on a line as it has room for. A longer one is wrapped between words.
fn stacked(header: &[String], rows: &[Vec<String>], columns: usize) -> String {
    const INDENT: &str = "  ";
    let mut lines = Vec::new();
    for row in rows {
        lines.extend(row.first().cloned());
        let mut line = String::new();
        for (name, cell) in header.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty()) {
            let cell = if name.is_empty() { cell.clone() } else { format!("{name} {cell}") };
            let both = sanitize::columns(&line) + INDENT.len() + sanitize::columns(&cell);
            if !line.is_empty() && both > columns {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(INDENT);
            line.push_str(&cell);
            if sanitize::columns(&line) > columns {
                lines.push(wrapped(&std::mem::take(&mut line), INDENT.len(), columns));
            }
        }
        lines.extend((!line.is_empty()).then_some(line));
    }
    lines.join("\n")
}

/// The line, wrapped between words if possible, with an indent below the last
/// column.
fn wrapped(line: &str, indent: usize, columns: usize) -> String {
    if sanitize::columns(line) <= columns {
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
    if over(&shown) == 0 {
        return shown;
    }
    let blocks = || {
        let kept = |at: &usize| !spare.columns.contains(&columns[*at].0);
        let kept: Vec<usize> = (0..columns.len()).filter(kept).collect();
        let header: Vec<_> = kept.iter().map(|&at| columns[at].0.to_owned()).collect();
        let of = |row: &Vec<String>| kept.iter().map(|&at| row[at].clone()).collect();
        stacked(&header, &rows.iter().map(of).collect::<Vec<_>>(), width)
    };
    let Some(at) = columns.iter().position(|(name, _)| *name == spare.cut) else { return blocks() };
    let widest = rows.iter().map(|row| sanitize::columns(&row[at])).max().unwrap_or(0);
    let room = widest.saturating_sub(over(&shown)).max(CUT_COLUMNS_MIN);
    let mut cut = rows.to_vec();
    for row in &mut cut {
        row[at] = sanitize::cut(&row[at], room);
    }
    let cut = render(columns, &cut, spare.columns);
    if over(&cut) == 0 { cut } else { blocks() }
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
        // No less than that: each row is a block.
        assert_eq!(within(Some(14)), "run_1\n  NAME\n  a-long-name");
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
        // Too narrow for that: each row is a block.
        assert_eq!(
            table.within(Some(30)),
            "claude-code\n  STATE not installed; npm\n  install -g\n  @anthropic-ai/claude-code"
        );
    }

    #[test]
    fn no_cell_is_broken_at_80_and_40_columns() {
        let mut table = Table::new(["PROVIDER", "SCHEMA", "SESSIONS", "AGENT TYPES", "STATE"]);
        table.row(["claude-code", "yes", "yes", "-", "installed at /usr/local/bin"]);
        let columns = [("RUN", Align::Left), ("NAME", Align::Left), ("WAITS FOR", Align::Left)];
        let run = format!("run_{}", "0".repeat(26));
        let waits = "agent review of the parser: bash cargo test, and 12 more";
        let rows = [vec![run, "a name of some length".to_owned(), waits.to_owned()]];
        let spare = NarrowRule { columns: &[], cut: "WAITS FOR" };
        for width in [80, 40] {
            for text in [table.within(Some(width)), fit(&columns, &rows, spare, Some(width))] {
                assert!(text.lines().all(|line| sanitize::columns(line) <= width), "{text}");
            }
        }
        assert_eq!(table.within(Some(80)), table.within(None));
        assert_eq!(
            fit(&columns, &rows, spare, Some(40)).lines().skip(1).collect::<Vec<_>>(),
            [
                "  NAME a name of some length",
                "  WAITS FOR agent review of the parser:",
                "  bash cargo test, and 12 more"
            ]
        );
        assert_eq!(
            table.within(Some(40)),
            "claude-code\n  SCHEMA yes  SESSIONS yes\n  AGENT TYPES -\n  STATE installed at /usr/local/bin"
        );
    }
}
