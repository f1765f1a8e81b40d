//! `smol-wf resume`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use smol_wf_core::ids::RunId;
use smol_wf_engine::library;
use smol_wf_engine::{Engine, ScriptFile};

use super::again::once_more;
use super::run::{INSTANCES_MAX, conclude, find_script, resume_request};
use crate::agents::Catalogue;
use crate::failure::{CommandError, talk};
use crate::flags::WorkFlags;
use crate::progress::{Opening, Progress};
use crate::setup;
use crate::signals::Signals;

/// Take up a run where it stopped
///
/// Calls that were answered are never made again. A run that is over is only
/// reported. Limits may be raised. When the script is another one than the run
/// was started with, a new run takes over every answer to a call of the same
/// content, and makes the others.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ResumeArgs {
    /// Run id, the beginning of one, or `latest`
    run: String,

    /// Script to go on with [default: the file that the run was started with]
    script: Option<PathBuf>,

    /// Go on with the recorded text, also when the script's file has changed
    #[arg(long, conflicts_with = "script")]
    as_recorded: bool,

    #[command(flatten)]
    work: WorkFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf resume latest
  smol-wf resume latest review-v2.js
  smol-wf resume run_0k3 --max-agents 2000";

impl ResumeArgs {
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        // The database is the one of where we are, the rest that of the script.
        let here = self.work.settings(Path::new("."))?;
        let engine = setup::engine_with_run(&here, INSTANCES_MAX, &self.run)?;
        let run = engine.find(&self.run).await?;
        let settings = self.work.settings(&engine.script_of(&run).await?)?;
        let engine = engine.providing(Arc::new(Catalogue::of(&settings)));
        let script = self.script(&engine, &run).await?;
        let text = script.as_ref().map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        let script = if self.as_recorded { None } else { script };
        let signals = Signals::listen();
        let opening = Opening { warnings: settings.warnings(), notes: Vec::new() };
        let progress = Progress::new(self.work.show.stream_of(&engine), &settings, opening);
        let request = resume_request(run, script, &settings)?;
        let report = engine.resume(request, &progress, signals.cancel.clone()).await;
        let longest = self.work.agents.wait_for_reset;
        let report = once_more(&engine, report, longest, &settings, &progress, &signals).await;
        conclude(report, &progress, &signals, &self.work.show, text.as_deref())
    }

    /// The script as it is now; none when its file is gone.
    async fn script(
        &self,
        engine: &Engine,
        run: &RunId,
    ) -> Result<Option<ScriptFile>, CommandError> {
        if let Some(path) = &self.script {
            return Ok(Some(find_script(path)?));
        }
        let path = engine.script_of(run).await?;
        match library::load_entry(&path) {
            Ok(bytes) => Ok(Some(ScriptFile { bytes, path })),
            Err(_) if self.as_recorded => Ok(None),
            Err(error) => {
                talk(&format!("{error}; going on with the recorded text"));
                Ok(None)
            }
        }
    }
}
