//! Tables on stdout, and the choice between them and JSON.
//!
//! Owns: how a table looks. Never: what is in it.

use clap::ValueEnum;
use comfy_table::{ContentArrangement, presets};

use crate::screen;

/// How to print what a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    Text,
    /// One JSON document
    Json,
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
