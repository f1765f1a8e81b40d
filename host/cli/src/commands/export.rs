//! `smol-wf export`.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::fixture::FixtureFlags;
use super::run::INSTANCES_MAX;
use crate::config::{FlagLayer, Settings};
use crate::failure::{self, CommandError};
use crate::flags::DbFlags;
use crate::setup;

/// Write a run to a file
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// Run id, the beginning of one, or `latest`
    run: String,

    #[command(flatten)]
    fixture: FixtureFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf export latest --fixture tests/review.swf
  smol-wf export run_0k3 --fixture review.swf --redact 'ACME-[0-9]+'";

impl ExportArgs {
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let mut flags = FlagLayer::default();
        self.db.put(&mut flags);
        let settings = Settings::load(flags, Path::new("."))?;
        failure::warn(&settings);
        let engine = setup::engine(&settings, INSTANCES_MAX)?;
        let run = engine.find(&self.run).await?;
        self.fixture.export(&engine, run).await
    }
}
