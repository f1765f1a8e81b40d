//! `smol-wf fork`: a new run that reuses answers of another one.
//!
//! Owns: the flags that describe the fork. Never: which answers are reused; the
//! engine decides that.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use smol_wf_core::ids::StepId;
use smol_wf_core::journal::RunHead;
use smol_wf_engine::ForkRequest;

use super::auto_resume::{AutoResume, run_to_end};
use super::run::conclude;
use crate::agents::{self, Catalogue};
use crate::config::{FlagLayer, Key, Settings, Value};
use crate::failure::CommandError;
use crate::find_script::{FoundScript, find_script};
use crate::flags::{WorkFlags, reader};
use crate::progress::{Preamble, Progress};
use crate::setup;
use crate::signals::Signals;
use crate::workflow_args::{self, Named, Sources};

/// Start a new run from a step of another one
///
/// The new run reuses the answers of steps before that one, for steps with the
/// same content; all other steps run. The other run may be in any state and is
/// not changed. `smol-wf history <run>` lists its steps.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ForkArgs {
    /// Run: its id, the beginning of its id, or `latest`
    run: String,

    /// Script of the new run [default: the recorded script]
    script: Option<PathBuf>,

    /// First step that runs again [default: none, all answers are reused]
    #[arg(long, value_name = "STEP", value_parser = step)]
    from: Option<StepId>,

    /// Replace the answer of a step; may be repeated
    #[arg(long, value_name = "STEP=JSON", value_parser = step_result)]
    set_result: Vec<(StepId, String)>,

    /// All arguments of the workflow as JSON, or @FILE to read them from a file
    /// [default: those of the run]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    args: Option<String>,

    /// Arguments of the workflow from a JSON or YAML file that holds an object;
    /// `-` reads stdin; may be repeated
    #[arg(long, value_name = "FILE")]
    args_from_file: Vec<PathBuf>,

    /// Provider of calls that do not name one [default: that of the run]
    #[arg(long, value_name = "PROVIDER", value_parser = reader(Key::Provider))]
    agent_provider: Option<Value>,

    /// Rules of the debug provider [default: those of the run]
    #[arg(long, value_name = "MATCH=ACTION")]
    debug_rule: Vec<String>,

    #[command(flatten)]
    work: WorkFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf fork latest --from 3
  smol-wf fork latest --set-result 2='{\"approved\": true}'
  smol-wf fork run_0k3 review-v2.js --args '{\"base\": \"main\"}'";

impl ForkArgs {
    /// Starts the fork and waits for it. Fails if the other run does not exist,
    /// if a flag does not fit it, or as [`conclude`] does.
    pub(crate) async fn execute(self, named: Named) -> Result<ExitCode, CommandError> {
        self.work.check()?;
        if let Some(started) = self.work.detach.start(self.work.show.asks_json()) {
            return started;
        }
        let found = self.script.as_deref().map(find_script).transpose()?;
        let script = found.map(FoundScript::announced);
        // The database is that of the current folder; all other settings are
        // those of the run's folder.
        let places = &self.work.places;
        let here = self.work.settings(&places.folder()?)?;
        let engine = setup::engine_with_run(&here, &self.run)?;
        let latest = self.work.latest.find_from(&engine, &self.run, Path::new(".")).await?;
        let (run, said) = latest;
        let head = engine.head(&run).await?;
        let json = self.args.as_deref();
        let sources = Sources { files: &self.args_from_file, json, named };
        let args = if sources.is_empty() {
            // The engine checks those of the run.
            None
        } else {
            let recorded;
            let meta = match &script {
                Some(script) => workflow_args::meta_of(script),
                None => {
                    recorded = engine.recorded_meta(&run).await?;
                    serde_json::from_str(&recorded).ok()
                }
            };
            sources.fit_to(workflow_args::schema_of(meta.as_ref()).as_ref())?
        };
        let mut flags = FlagLayer::default();
        self.work.put(&mut flags);
        flags.add(Key::Provider, self.agent_provider.as_ref());
        let settings = Settings::load(flags, &places.folder_of(&head)?)?;
        let is_named = self.agent_provider.is_some();
        let chosen = is_named.then(|| agents::choose_to_begin(&settings)).transpose()?;
        let engine = engine.providing(Arc::new(Catalogue::of(&settings)));
        let text = script.as_ref().map(|file| String::from_utf8_lossy(&file.bytes).into_owned());
        let signals = Signals::listen();
        let provider = chosen.as_ref().map_or(&head.provider, |chosen| &chosen.name).clone();
        let mut opening = Preamble::of_recorded(&settings, &RunHead { provider, ..head }, said);
        if let Some(chosen) = &chosen {
            chosen.announce_default(&mut opening);
        }
        let progress =
            Arc::new(Progress::new(self.work.show.stream_of(&engine), &settings, opening));
        let request = ForkRequest {
            script,
            from: self.from,
            results: self.set_result,
            args,
            provider: chosen.map(|chosen| chosen.name),
            debug_rules: (!self.debug_rule.is_empty()).then_some(self.debug_rule),
            limits: setup::limit_changes(&settings),
            settings: setup::run_settings(&settings, places.of_recorded()?)?,
            ..ForkRequest::of(run)
        };
        let longest = self.work.agents.wait_for_reset;
        let auto_resume = AutoResume { longest, settings: &settings, places };
        let report = run_to_end(&engine, request, &auto_resume, &progress, &signals).await;
        conclude(report, &progress, &signals, (&self.work.show, &here), text.as_deref())
    }
}

/// A value parser for clap: a step's number, from 1.
pub(super) fn step(text: &str) -> Result<StepId, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(StepId(number)),
        _ => Err("a step is a number, from 1".to_owned()),
    }
}

/// A value parser for clap: `STEP=JSON`. The JSON is parsed later, with the
/// schema of the step.
fn step_result(text: &str) -> Result<(StepId, String), String> {
    let (number, json) = text.split_once('=').ok_or("an answer reads STEP=JSON: 2='\"yes\"'")?;
    Ok((step(number)?, json.to_owned()))
}
