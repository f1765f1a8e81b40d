//! `smol-wf man`: manual pages for `man`.
//!
//! Owns: where they are written. Never: their words, which are those of `--help`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::failure::{CommandError, FileError};
use crate::new_files::{self, NewFile, Replaces};
use crate::{output, sanitize};

/// Print the manual page, or write one for each command
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write smol-wf.1 and a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf man | man -l -
  smol-wf man --dir ~/.local/share/man/man1";

impl ManArgs {
    /// Prints or writes the pages of this parser.
    pub(crate) fn execute(self, mut whole: clap::Command) -> Result<ExitCode, CommandError> {
        whole.build();
        let Some(folder) = self.dir else {
            output::safe_text(page(&whole)?.trim_end())?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut files = Vec::new();
        add(&whole, "smol-wf", &folder, &mut files)?;
        let written = new_files::write(&files)?;
        let count = written.len();
        output::line(&format!("wrote {count} pages to {}", sanitize::path(&folder)))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Adds the page of a command and those of its own commands.
fn add(
    command: &clap::Command,
    name: &str,
    folder: &Path,
    files: &mut Vec<NewFile>,
) -> Result<(), FileError> {
    let path = folder.join(format!("{name}.1"));
    let text = page(command).map_err(|error| FileError::Write { path: path.clone(), error })?;
    files.push(NewFile::new(path, text).replacing(Replaces::SameFirstLine));
    let commands = command.get_subcommands().filter(|one| !one.is_hide_set());
    for inner in commands.filter(|one| one.get_name() != "help") {
        add(inner, &format!("{name}-{}", inner.get_name()), folder, files)?;
    }
    Ok(())
}

fn page(command: &clap::Command) -> std::io::Result<String> {
    let mut text = Vec::new();
    let command = command.clone().version(env!("CARGO_PKG_VERSION"));
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
