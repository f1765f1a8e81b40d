//! `smol-wf import`.
//!
//! Owns: reading the file. Never: believes it; the core checks it, and the
//! engine takes no run in place of another.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::archive;
use smol_wf_core::limits::JOURNAL_MIB_DEFAULT;
use smol_wf_engine::Imported;

use super::history::settings_of;
use crate::failure::{CommandError, talk};
use crate::flags::DbFlags;
use crate::words::plural;
use crate::{files, output, setup};

/// Largest file: a journal as long as it is without `--max-journal`, its quotes
/// escaped.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * JOURNAL_MIB_DEFAULT as u64;

/// Take in a run that was exported with --format journal
///
/// Its digests are checked and its id stays. What is here already is left as it
/// is. The run can be shown and compared; to resume it executes its script, so
/// do that only with runs whose origin you trust.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// File to read; `-` is stdin
    file: PathBuf,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf import run.journal
  ssh build smol-wf export latest --format journal | smol-wf import -";

impl ImportArgs {
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let text = files::text_of(&self.file, FILE_BYTES_MAX)?;
        let archive = archive::read(&text)
            .map_err(|error| CommandError::Archive(self.file.clone(), error))?;
        let (run, entries) = (archive.run.clone(), archive.records.len());
        // Nothing is run: one instance is what the sandbox must have.
        let settings = settings_of(&self.db)?;
        setup::to_be_made(&settings).into_iter().for_each(|line| talk(&line));
        let engine = setup::engine(&settings, 1)?;
        match engine.import(archive).await? {
            Imported::New => talk(&format!("imported {run}, {}", plural(entries, "record"))),
            Imported::Same => talk(&format!("{run} is here already, just the same")),
        }
        output::line(run.as_str())?;
        Ok(ExitCode::SUCCESS)
    }
}
