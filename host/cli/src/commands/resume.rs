//! `smol-wf resume`: continues a run where it stopped.
//!
//! Owns: which script and settings a resumed run gets. Never: replays a journal;
//! the engine does.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::ScriptFile;
use smol_wf_engine::library;

use super::auto_resume::{AutoResume, resume_request, run_to_end};
use super::run::conclude;
use crate::advice;
use crate::agents::Catalogue;
use crate::failure::{CommandError, print_message};
use crate::find_script::find_script;
use crate::flags::WorkFlags;
use crate::progress::{Preamble, Progress};
use crate::signals::Signals;
use crate::{paths, setup, shell};

/// Resume a run where it stopped
///
/// Steps that have an answer never run again. If the run is over, only its report
/// is printed, and what to type instead. Limits can be raised; a limit that is not given stays as it was.
/// If the script differs from the recorded one, a new run starts: it reuses the
/// answer of each step with the same content and runs the others.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ResumeArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Script to continue with [default: the file that the run was started with]
    script: Option<PathBuf>,

    /// Continue with the recorded script, even if its file has changed
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
    /// Resumes the run and waits for it. Fails if it does not exist, if another
    /// process works on it, or as [`conclude`] does.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        self.work.check()?;
        if let Some(started) = self.work.detach.start(self.work.show.asks_json()) {
            return started;
        }
        // The database is that of the current folder; all other settings are
        // those of the run's folder.
        let places = &self.work.places;
        let here = self.work.settings(&places.folder()?)?;
        let engine = setup::engine_with_run(&here, &self.run)?;
        let latest = self.work.latest.find_from(&engine, &self.run, Path::new(".")).await?;
        let (run, said) = latest;
        let head = engine.head(&run).await?;
        let settings = self.work.settings(&places.folder_of(&head)?)?;
        let engine = engine.providing(Arc::new(Catalogue::of(&settings)));
        let script = self.script(&head)?;
        let text = script.as_ref().map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        let script = if self.as_recorded { None } else { script };
        shell::set_folders(places.cwd.as_deref(), places.project_root.as_deref());
        let signals = Signals::listen();
        let mut opening = Preamble::of_recorded(&settings, &head, said);
        if self.script.is_none() && !self.as_recorded {
            opening.notes.extend(without_file(&head.script_path).map(str::to_owned));
        }
        let progress =
            Arc::new(Progress::new(self.work.show.stream_of(&engine), &settings, opening));
        let request = resume_request(run, script, &settings, places)?;
        let longest = self.work.agents.wait_for_reset;
        let auto_resume = AutoResume { longest, settings: &settings, places };
        let report = run_to_end(&engine, request, &auto_resume, &progress, &signals).await;
        conclude(report, &progress, &signals, (&self.work.show, &here), text.as_deref())
    }

    /// The current script; `None` if its file is gone or it was read from stdin.
    fn script(&self, head: &RunHead) -> Result<Option<ScriptFile>, CommandError> {
        if let Some(path) = &self.script {
            return Ok(Some(find_script(path)?.announced()));
        }
        if library::has_no_file(&head.script_path) {
            return Ok(None);
        }
        let path = PathBuf::from(&head.script_path);
        match library::load_named(&path, paths::home().as_deref()) {
            Ok(bytes) => Ok(Some(ScriptFile { bytes, path })),
            Err(_) if self.as_recorded => Ok(None),
            Err(error) => {
                print_message(&format!(
                    "{}; continuing with the recorded script",
                    advice::of_library(&error)
                ));
                Ok(None)
            }
        }
    }
}

/// What is said about a script that no file has.
fn without_file(script: &str) -> Option<&'static str> {
    if library::is_piped(script) {
        Some("the script came from stdin; continuing with the recorded script")
    } else if library::is_bundled(script) {
        Some("the script is a bundled workflow; continuing with the recorded script")
    } else {
        None
    }
}
