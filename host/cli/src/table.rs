//! Tables on stdout, and the choice between them and JSON.
//!
//! Owns: how a table looks. Never: what is in it.

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, presets};

use crate::screen;

/// How to print what a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[value(alias = "table")]
    Text,
    /// One JSON document
    Json,
    /// JSON, one row or document a line
    Jsonl,
}

/// A table without a frame.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING);
        // Ids and paths are to be copied: they are never broken over lines.
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header);
        Self(table)
    }

    /// Adds a row; what is in it is made safe to show.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.0.add_row(cells.map(screen::one_line));
    }

    /// Without the padding of a frame that is not there.
    pub(crate) fn text(&self) -> String {
        self.0.to_string().lines().map(str::trim).collect::<Vec<_>>().join("\n")
    }
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

/// The table as lines. A column that is empty in all rows is left out.
pub(crate) fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let used: Vec<usize> = (0..columns.len())
        .filter(|&at| rows.is_empty() || rows.iter().any(|row| !row[at].is_empty()))
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
