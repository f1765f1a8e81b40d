//! One look at a script: its findings, and a replay with the answers of its last run.
//!
//! Owns: which run that is, and everything that a save may change. Never: ends the
//! process over a script; what is wrong with it is part of the look.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use smol_wf_core::args_schema::ArgsSchema;
use smol_wf_core::ids::RunId;
use smol_wf_core::script::Meta;
use smol_wf_engine::check::{Checks, Finding, Severity, name_of};
use smol_wf_engine::simulate::{CostRange, Estimate, Plan, RecordedAnswers, Rehearsal, Simulator};
use smol_wf_engine::{Engine, EngineError, HistoryPage, RunSpec, ScriptFile, library};

use super::super::check;
use super::DevArgs;
use crate::agents::{self, Catalogue};
use crate::config::{FlagLayer, Key, Settings};
use crate::failure::CommandError;
use crate::flags::path_value;
use crate::workflow_args::{self, Named, Sources};
use crate::{advice, paths, setup};

/// Most runs of the same name that are looked at for one of this script.
const RUNS_MAX: u32 = 20;

/// Version of the JSON lines. Fields are only ever added.
const DEV_FORMAT: u32 = 1;

/// What was seen of a script.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Look {
    schema_version: u32,
    /// File name of the script.
    pub(super) script: String,
    /// Findings of the check.
    pub(super) findings: Vec<Finding>,
    /// Why the script was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<LookError>,
    /// The run whose answers were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<RunId>,
    /// Whether all answers of that run were used.
    pub(super) answers_whole: bool,
    /// Steps that took an answer of that run.
    pub(super) reused: u32,
    /// Agents that would be asked anew, and what for.
    pub(super) agents: u32,
    pub(super) calls: Vec<NewCall>,
    /// Questions to people that would be asked anew.
    pub(super) asks: u32,
    pub(super) estimate: Estimate,
    pub(super) cost: CostRange,
    /// Whether the script ended with a result.
    pub(super) completed: bool,
    /// The result, if all its answers are recorded ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Box<RawValue>>,
    #[serde(skip)]
    pub(super) cost_line: String,
    /// The script was run in the sandbox, to its end or not.
    #[serde(skip)]
    was_tried: bool,
}

/// Why a script was not run to its end.
#[derive(Serialize)]
pub(super) struct LookError {
    pub(super) code: String,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<u32>,
    /// Whether it is in `findings` too.
    #[serde(skip)]
    pub(super) is_found: bool,
}

/// An agent step that would be asked anew.
#[derive(Serialize)]
pub(super) struct NewCall {
    pub(super) step: u32,
    pub(super) title: String,
    pub(super) prompt: String,
    provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
}

impl Look {
    fn new(script: String, findings: Vec<Finding>) -> Self {
        Self {
            schema_version: DEV_FORMAT,
            script,
            findings,
            error: None,
            run: None,
            answers_whole: true,
            reused: 0,
            agents: 0,
            calls: Vec::new(),
            asks: 0,
            estimate: Estimate::default(),
            cost: CostRange::default(),
            completed: false,
            result: None,
            cost_line: String::new(),
            was_tried: false,
        }
    }

    /// Whether the script has errors, or did not come to its end.
    pub(super) fn is_bad(&self) -> bool {
        self.error.is_some() || self.findings.iter().any(|one| one.severity == Severity::Error)
    }

    /// Whether the script can be run.
    pub(super) fn is_ready(&self) -> bool {
        self.completed || self.error.is_none() || self.fails_with_made_up_answers()
    }

    /// Whether the script failed after it was given answers that nobody gave. It may take
    /// real ones.
    pub(super) fn fails_with_made_up_answers(&self) -> bool {
        self.was_tried && self.error.is_some() && (self.agents > 0 || self.asks > 0)
    }
}

/// Looks at a script as often as it is saved.
pub(super) struct Looker<'a> {
    flags: &'a DevArgs,
    path: PathBuf,
    named: Named,
    settings: Settings,
    engine: Engine,
    checks: Checks,
    /// The run and its answers, once it is known.
    recorded: Option<RecordedAnswers>,
    /// `--run` counts until a run was made here.
    asked: Option<String>,
    /// The children that the script has started when it was run last.
    children: Vec<String>,
    /// The arguments of the command line as the script was given them last, as JSON.
    given: Option<String>,
}

impl<'a> Looker<'a> {
    /// Prepares what all looks have in common.
    pub(super) fn new(
        flags: &'a DevArgs,
        path: PathBuf,
        named: Named,
    ) -> Result<Self, CommandError> {
        let mut layer = FlagLayer::default();
        flags.db.put(&mut layer);
        layer.add(Key::Prices, path_value(flags.prices.as_ref()).as_ref());
        let settings = Settings::load(layer, &flags.places.folder()?)?;
        crate::failure::print_warnings(&settings);
        let engine = match &flags.run {
            Some(asked) => setup::engine_with_run(&settings, asked)?,
            None => setup::engine_to_read(&settings)?,
        };
        let checks = Checks::new(check::places(), setup::agents(&settings).ok())?;
        let asked = flags.run.clone();
        Ok(Self {
            flags,
            path,
            named,
            settings,
            engine,
            checks,
            recorded: None,
            asked,
            children: Vec::new(),
            given: None,
        })
    }

    /// The last run is to be looked for again.
    pub(super) fn forget_run(&mut self) {
        self.recorded = None;
        self.asked = None;
        // The database may be new.
        if let Ok(engine) = setup::engine_to_read(&self.settings) {
            self.engine = engine;
        }
    }

    /// The files that the script needs beside itself, as they are now.
    pub(super) async fn files(&self) -> Vec<PathBuf> {
        self.checks.files_of(&self.path, &self.children).await
    }

    /// Looks at the script as it is now. Fails if `--run` names no run.
    pub(super) async fn look(&mut self) -> Result<Look, CommandError> {
        let bytes = match library::load_named(&self.path, paths::home().as_deref()) {
            Ok(bytes) => bytes,
            Err(error) => {
                let mut look = Look::new(self.path.to_string_lossy().into_owned(), Vec::new());
                look.error = Some(error_of(&error.into()));
                return Ok(look);
            }
        };
        let file = ScriptFile { bytes, path: self.path.clone() };
        let mut look = Look::new(name_of(&file), Vec::new());
        match self.checks.script(&file).await {
            Ok(findings) => look.findings = findings,
            Err(error) => {
                look.error = Some(error_of(&error));
                return Ok(look);
            }
        }
        let meta = workflow_args::meta_of(&file);
        if let Err(error) = self.find_run(meta.as_ref()).await {
            if self.asked.is_some() {
                return Err(error);
            }
            // The database may be locked for the moment.
            look.error = Some(plain(&error));
            return Ok(look);
        }
        match self.rehearsed(file, meta.as_ref()).await {
            Ok(rehearsal) => self.fill(&mut look, rehearsal),
            Err(error) => look.error = Some(plain(&error)),
        }
        Ok(look)
    }

    /// Finds the last run of this script, and reads its answers.
    async fn find_run(&mut self, meta: Option<&Meta>) -> Result<(), CommandError> {
        if self.recorded.is_some() {
            return Ok(());
        }
        let run = match (&self.asked, meta) {
            (Some(asked), _) => Some(self.engine.find(asked).await?),
            (None, Some(meta)) => last_run(&self.engine, &self.path, &meta.name).await?,
            (None, None) => None,
        };
        if let Some(run) = run {
            self.recorded = Some(self.engine.recorded_answers(&run).await?);
        }
        Ok(())
    }

    async fn rehearsed(
        &mut self,
        file: ScriptFile,
        meta: Option<&Meta>,
    ) -> Result<Rehearsal, CommandError> {
        self.given = self.given(workflow_args::schema_of(meta).as_ref())?;
        let recorded = self.recorded.as_ref();
        let of_run = || recorded.and_then(|recorded| recorded.args.clone());
        let args = self.given.clone().or_else(of_run);
        let places = &self.flags.places;
        let folders = match recorded {
            Some(_) => places.of_recorded()?,
            None => places.of_new()?,
        };
        let settings = setup::run_settings(&self.settings, folders)?;
        let spec = RunSpec { args, settings, ..RunSpec::new(file) };
        let spec = match recorded.map(|recorded| recorded.head.clone()) {
            Some(head) => RunSpec {
                provider: head.provider,
                model_map: head.model_map,
                defaults: head.defaults,
                budget: head.budget,
                seed: Some(head.seed),
                ..spec
            },
            None => RunSpec {
                provider: agents::choose(&self.settings).name,
                defaults: setup::step_defaults(&self.settings),
                ..spec
            },
        };
        let simulator = Simulator::new(spec, &Catalogue::of(&self.settings)).await?;
        Ok(simulator.rehearse(recorded).await?)
    }

    /// The arguments of the command line, if there are any.
    fn given(&self, schema: Option<&ArgsSchema>) -> Result<Option<String>, CommandError> {
        let (files, named) = (&self.flags.args_from_file, self.named.clone());
        let sources = Sources { files, json: self.flags.args.as_deref(), named };
        if sources.is_empty() {
            return Ok(None);
        }
        Ok(sources.fit_to(schema)?)
    }

    fn fill(&mut self, look: &mut Look, rehearsal: Rehearsal) {
        let Rehearsal { plan, reused, result } = rehearsal;
        look.cost_line = super::super::plan::cost(&plan, "name one in the script");
        let Plan { agents, steps, asks, children, estimate, cost, completed, error, .. } = plan;
        look.calls = steps
            .into_iter()
            .map(|step| NewCall {
                step: step.step.0,
                title: step.title,
                prompt: step.request.prompt,
                provider: step.goes_to,
                model: step.with_model,
            })
            .collect();
        look.error = error.map(|error| LookError {
            code: error.code,
            message: error.message,
            line: error.line,
            column: error.column,
            is_found: false,
        });
        let recorded = self.recorded.as_ref();
        look.run = recorded.map(|recorded| recorded.run.clone());
        look.answers_whole = recorded.is_none_or(|recorded| recorded.is_whole);
        (look.reused, look.agents) = (reused, agents);
        look.asks = u32::try_from(asks.len()).unwrap_or(u32::MAX);
        (look.estimate, look.cost, look.completed) = (estimate, cost, completed);
        look.was_tried = true;
        look.result = result.and_then(|text| RawValue::from_string(text).ok());
        self.children = children;
    }

    /// The arguments of the command line as the last look used them.
    pub(super) fn args(&self) -> Option<&str> {
        self.given.as_deref()
    }

    /// The command that runs the script as it is, with agents, but for its arguments.
    pub(super) fn command(&self, look: &Look) -> Vec<String> {
        let script = self.path.to_string_lossy().into_owned();
        let mut words = match &look.run {
            Some(run) => vec!["fork".to_owned(), run.to_string(), script],
            None => vec!["run".to_owned(), script],
        };
        let mut path = |flag: &str, path: Option<&PathBuf>| {
            if let Some(path) = path {
                words.extend([flag.to_owned(), path.to_string_lossy().into_owned()]);
            }
        };
        path("--db", self.settings.path(Key::Db).map(Path::to_owned).as_ref());
        path("--cwd", self.flags.places.cwd.as_ref());
        path("--project-root", self.flags.places.project_root.as_ref());
        path("--prices", self.flags.prices.as_ref());
        words
    }
}

/// The newest run of this script.
async fn last_run(
    engine: &Engine,
    script: &Path,
    name: &str,
) -> Result<Option<RunId>, EngineError> {
    let page =
        HistoryPage { limit: RUNS_MAX, name: Some(name.to_owned()), ..HistoryPage::default() };
    for row in engine.history(page).await? {
        // A damaged run has no answers.
        let Ok(head) = engine.head(&row.run_id).await else { continue };
        if Path::new(&head.script_path) == script {
            return Ok(Some(row.run_id));
        }
    }
    Ok(None)
}

fn error_of(error: &EngineError) -> LookError {
    let (line, column, is_found) = match error {
        EngineError::Script(refused) => (Some(refused.line), Some(refused.column), true),
        EngineError::Compile { error, .. } => (Some(error.line), Some(error.column), true),
        _ => (None, None, false),
    };
    let message = advice::sentence(error);
    LookError { code: error.code().to_owned(), message, line, column, is_found }
}

fn plain(error: &CommandError) -> LookError {
    use smol_wf_core::codes::Code;
    let message = match error {
        CommandError::Engine(error) => return error_of(error),
        CommandError::Args(crate::workflow_args::ArgsError::Misfit(misfit)) => {
            format!("the arguments do not fit the workflow:\n{}", advice::of_misfit(misfit))
        }
        other => other.sentence(),
    };
    let code = match error {
        CommandError::Args(_) => Code::ArgsInvalid,
        _ => Code::RequestInvalid,
    };
    LookError { code: code.into(), message, line: None, column: None, is_found: false }
}
