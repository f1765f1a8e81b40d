//! `smol-wf run`: starts a run, or with `--resume-run` continues one.
//!
//! Owns: everything that is printed when a run ends.
//! Never: how a run works; that is the engine's.

mod same_request;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use std::sync::Arc;

use clap::Args;
use smol_wf_core::journal::RunHead;
use smol_wf_core::script::ScriptWarning;
use smol_wf_core::surface::Surface;
use smol_wf_engine::{EngineError, Folders, Report, RunSpec, ScriptFile, read_script_now};

use super::auto_resume::{AutoResume, resume_request, run_to_end};
use crate::advice;
use crate::agents::{self, Catalogue};
use crate::config::{ConfigError, FlagLayer, Settings};
use crate::failure::{self, CommandError};
use crate::final_lines::{self, Shown};
use crate::find_script::{FoundScript, SCRIPT_HELP, find_script};
use crate::flags::{AGENTS, DbFlags, ShowFlags, StepFlags, WorkFlags};
use crate::progress::{Preamble, Progress};
use crate::report_format::ReportFormat;
use crate::signals::Signals;
use crate::usage_hints;
use crate::workflow_args::{self, Named, Sources};
use crate::{detached, exit, report_output, script_hints, setup, shell, streams};

/// Run a workflow script
///
/// stdout gets the result as text on a terminal, and elsewhere the report as one
/// JSON document; everything else goes to stderr.
/// Give the workflow its own arguments as `--args-<name> VALUE`: the value is
/// JSON if it parses as JSON, otherwise text; without a value it is true, and
/// repeated it is an array.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    #[arg(help = SCRIPT_HELP)]
    pub(super) script: PathBuf,

    /// Value of the script's `budget.total`, in output tokens [default: --budget,
    /// if that is in tokens]
    #[arg(help_heading = SCRIPT, long, value_name = "TOKENS", value_parser = usage_hints::whole_number::<u64>(0, u64::MAX))]
    budget_allowance: Option<u64>,

    /// One argument of the workflow, with any name: JSON if it parses as JSON,
    /// otherwise text; without a value: true; repeated: an array
    #[arg(help_heading = SCRIPT, long = "args-<name>", value_name = "VALUE")]
    args_named: Option<String>,

    /// All arguments of the workflow as JSON, or @FILE to read them from a file
    #[arg(help_heading = SCRIPT, long, value_name = "JSON", allow_hyphen_values = true)]
    args: Option<String>,

    /// Arguments of the workflow from a JSON or YAML file that holds an object;
    /// `-` reads stdin; may be repeated
    #[arg(help_heading = SCRIPT, long, value_name = "FILE")]
    args_from_file: Vec<PathBuf>,

    /// Seed of Math.random [default: a new one for each run]
    #[arg(help_heading = SCRIPT, long, value_name = "N", value_parser = usage_hints::whole_number::<u64>(0, u64::MAX))]
    seed: Option<u64>,

    /// Resume this run instead of starting one; if the script differs from the
    /// recorded one, fork the run. Arguments, seed and defaults of calls may be
    /// given again, but not changed
    #[arg(help_heading = SCRIPT, long, value_name = "RUN")]
    resume_run: Option<String>,

    #[command(flatten, next_help_heading = AGENTS)]
    steps: StepFlags,

    /// Make the debug provider fail, delay or answer null: `label:verify*=fail`
    #[arg(help_heading = AGENTS, long, value_name = "MATCH=ACTION")]
    debug_rule: Vec<String>,

    #[command(flatten)]
    work: WorkFlags,
}

/// Help heading of the flags that decide what the script sees.
const SCRIPT: &str = "Script";

const EXAMPLES: &str = "\
Examples:
  smol-wf run examples/hello.mjs --args-name World
  smol-wf run review.js --args '{\"base\": \"main\"}' --max-parallel-agents 4
  smol-wf run audit.js --debug-rule 'label:verify*=fail' --events";

impl RunArgs {
    /// The script that was named.
    pub(super) fn script(&self) -> &Path {
        &self.script
    }

    /// The database that was named.
    pub(super) fn database(&self) -> &DbFlags {
        &self.work.db
    }

    /// Fails if a flag makes no sense where the TUI shows the run.
    pub(super) fn check_for_tui(&self) -> Result<(), CommandError> {
        let refused = |what: &str| Err(CommandError::Usage(format!("`tui run` {what}")));
        if self.script.as_os_str() == "-" {
            return refused(
                "cannot read the script from stdin, where its keys come from; use `smol-wf run -`",
            );
        }
        if self.work.show.is_about_stdout() {
            return refused("writes nothing to stdout; leave out --output and --events");
        }
        self.work.check()
    }

    /// Starts the run and waits for it. Fails if the script or its arguments
    /// cannot be used, if settings are invalid, or with `no_agent` if no call
    /// could reach an agent.
    pub(crate) async fn execute(self, named: Named) -> Result<ExitCode, CommandError> {
        self.work.check()?;
        if let Some(started) = self.work.detach.start(self.work.show.asks_json()) {
            return started;
        }
        let found = find_script(&self.script)?;
        let text = String::from_utf8_lossy(&found.file.bytes).into_owned();
        let declared = workflow_args::schema_of(workflow_args::meta_of(&found.file).as_ref());
        let json = self.args.as_deref();
        let sources = Sources { files: &self.args_from_file, json, named };
        let given = sources.merge(declared.as_ref())?;
        let fitted = || workflow_args::fit(given.as_deref(), declared.as_ref());
        if let Some(asked) = &self.resume_run {
            // Compared with and without the defaults of the schema.
            let args = match given.is_some() {
                true => vec![given.clone(), fitted()?],
                false => Vec::new(),
            };
            return self.resume(asked, found.announced(), &text, args).await;
        }
        let args = fitted()?;
        let FoundScript { file: script, note, warnings } = found;
        let folders = self.work.places.of_new()?;
        let folder = self.work.places.folder()?;
        let settings = self.settings(&folder)?;
        settings.check()?;
        let chosen = agents::choose_to_begin(&settings)?;
        let made = setup::new_database_note(&settings);
        let engine = setup::engine(&settings)?;
        let signals = Signals::listen();
        let mut opening = Preamble { warnings: settings.warnings(), ..Preamble::default() };
        opening.notes.extend(note);
        opening.warnings.extend(warnings);
        opening.warnings.extend(meta_warnings(&script));
        opening.warnings.extend(script_hints::no_worktree(&text, &folder));
        chosen.announce(&mut opening);
        opening.notes.extend(made);
        let progress =
            Arc::new(Progress::new(self.work.show.stream_of(&engine), &settings, opening));
        let request = self.request(script, args, &settings, chosen.name, folders)?;
        let work = &self.work;
        let longest = work.agents.wait_for_reset;
        let auto_resume = AutoResume { longest, settings: &settings, places: &work.places };
        let report = run_to_end(&engine, request, &auto_resume, &progress, &signals).await;
        conclude(report, &progress, &signals, (&work.show, &settings), Some(&text))
    }

    /// Resumes a run; see `--resume-run`.
    async fn resume(
        &self,
        asked: &str,
        script: ScriptFile,
        text: &str,
        args: Vec<Option<String>>,
    ) -> Result<ExitCode, CommandError> {
        let places = &self.work.places;
        // The database is that of the current folder; all other settings are
        // those of the run's folder.
        let here = self.settings(&places.folder()?)?;
        let engine = setup::engine_with_run(&here, asked)?;
        let latest = self.work.latest.find_from(&engine, asked, Path::new(".")).await?;
        let (run, said) = latest;
        let (head, recorded_args) = engine.started(&run).await?;
        self.refuse_other_values(&head, recorded_args.as_deref(), &args)?;
        let settings = self.settings(&places.folder_of(&head)?)?;
        let engine = engine.providing(Arc::new(Catalogue::of(&settings)));
        shell::set_folders(places.cwd.as_deref(), places.project_root.as_deref());
        let signals = Signals::listen();
        let mut opening = Preamble::of_recorded(&settings, &head, said);
        opening.warnings.extend(meta_warnings(&script));
        let progress =
            Arc::new(Progress::new(self.work.show.stream_of(&engine), &settings, opening));
        let request = resume_request(run, Some(script), &settings, places)?;
        let longest = self.work.agents.wait_for_reset;
        let auto_resume = AutoResume { longest, settings: &settings, places };
        let report = run_to_end(&engine, request, &auto_resume, &progress, &signals).await;
        conclude(report, &progress, &signals, (&self.work.show, &here), Some(text))
    }

    /// A run keeps the values that it was started with. The same values may be
    /// given again; others would have no effect, so they are a usage error.
    fn refuse_other_values(
        &self,
        head: &RunHead,
        recorded_args: Option<&str>,
        args: &[Option<String>],
    ) -> Result<(), CommandError> {
        let mut others = same_request::others(head, &self.steps.words());
        if let Some(seed) = self.seed.filter(|seed| *seed != head.seed) {
            others.push(format!("--seed {seed} (it has {})", head.seed));
        }
        if let Some(tokens) = self.budget_allowance.filter(|tokens| Some(*tokens) != head.budget) {
            let has = head.budget.map_or_else(|| "none".to_owned(), |tokens| tokens.to_string());
            others.push(format!("--budget-allowance {tokens} (it has {has})"));
        }
        if !self.debug_rule.is_empty() && self.debug_rule != head.debug_rules {
            others.push("--debug-rule".to_owned());
        }
        let mut equal =
            args.iter().map(|args| same_request::are_equal(args.as_deref(), recorded_args));
        if !args.is_empty() && !equal.any(|equal| equal) {
            others.push("the arguments of the workflow".to_owned());
        }
        if others.is_empty() {
            return Ok(());
        }
        let run = &head.run;
        Err(CommandError::Usage(format!(
            "run {run} keeps the values that it was started with, and these differ: {}; leave them out, or start a run that reuses its answers: smol-wf fork {run} {}{}",
            others.join(", "),
            shell::path(&self.script),
            shell::with_database()
        )))
    }

    /// The settings of `folder`, overridden by the flags.
    fn settings(&self, folder: &Path) -> Result<Settings, ConfigError> {
        let mut flags = FlagLayer::default();
        self.steps.put(&mut flags);
        self.work.put(&mut flags);
        Settings::load(flags, folder)
    }

    /// The request that starts the run.
    fn request(
        &self,
        script: ScriptFile,
        args: Option<String>,
        settings: &Settings,
        provider: String,
        folders: Folders,
    ) -> Result<RunSpec, EngineError> {
        let aliases = settings.model_map.iter();
        Ok(RunSpec {
            script,
            args,
            limits: setup::limits(settings),
            budget: self.budget_allowance,
            provider,
            model_map: aliases.map(|(alias, given)| (alias.clone(), given.value.clone())).collect(),
            defaults: setup::step_defaults(settings),
            debug_rules: self.debug_rule.clone(),
            seed: self.seed,
            settings: setup::run_settings(settings, folders)?,
        })
    }
}

/// Prints the report and messages, and returns the exit code. The run has
/// released its lease and its agents, so output may wait for readers. `settings`
/// are those that name the database.
pub(super) fn conclude(
    report: Result<Report, EngineError>,
    progress: &Progress,
    signals: &Signals,
    (show, settings): (&ShowFlags, &Settings),
    script_text: Option<&str>,
) -> Result<ExitCode, CommandError> {
    progress.finish();
    signals.all_is_over();
    let streamed = progress.flush_events();
    let mut report = match report {
        Ok(report) => advice::with_hint(report),
        Err(error) => {
            if progress.run().is_none() {
                progress.say_warnings();
            }
            // If a signal ended the wait for the database, its exit code counts.
            let is_stopped = matches!(&error, EngineError::Store(error) if error.is_passing());
            let signal = signals.code().filter(|_| is_stopped);
            let next = match (&error, progress.run()) {
                (EngineError::Mismatch { .. }, _) => {
                    Some("no agent was asked; the journal was not changed".to_owned())
                }
                (_, Some(run)) => Some(format!("resume: {}", shell::resume(run, None))),
                (_, None) => None,
            };
            let code = failure::report(&error.into());
            if let Some(next) = next {
                failure::print_message(&next);
            }
            return Ok(signal.map_or(code, ExitCode::from));
        }
    };
    let format = show.format();
    let is_away = detached::is_away();
    let (shown, printed) = if format == ReportFormat::Jsonl {
        (Shown::Nothing, streamed)
    } else if is_away {
        // Whoever wants the report finds it in the journal.
        final_lines::print_for_log(&report, &progress.said());
        (Shown::Nothing, Ok(()))
    } else {
        streams::flush_before_stdout();
        report_output::print(&mut report, format, settings, progress.is_quiet())
    };
    let is_summed_up = format != ReportFormat::Jsonl && !is_away && !progress.is_quiet();
    if is_summed_up {
        final_lines::print_summary(&report, &progress.said(), shown);
    }
    failure::print_reuse(&report);
    failure::print_ending(&report, script_text);
    if let Some(note) =
        script_hints::no_result(&report, script_text).filter(|_| !progress.is_quiet())
    {
        failure::print_message(note);
    }
    if let Err(error) = printed {
        let code = failure::report(&error.into());
        let db = shell::with_database();
        failure::print_message(&format!(
            "the report is stored: smol-wf history {}{db} --json",
            report.run_id
        ));
        return Ok(code);
    }
    if is_summed_up {
        final_lines::print_next(&report, shown);
    }
    progress.say_banner();
    Ok(exit::of_report(&report, signals.code(), show.fail_on_null))
}

/// Warnings about a script's `meta`.
fn meta_warnings(script: &ScriptFile) -> Vec<String> {
    let name = script.path.file_name().unwrap_or_default().to_string_lossy();
    // If it cannot be read, the engine refuses it with the reason.
    let warnings =
        read_script_now(&script.bytes, &name, Surface::CURRENT).map(|read| read.warnings);
    let line = |warning: ScriptWarning| {
        format!("{name}:{}:{}: {}", warning.line, warning.column, warning.message)
    };
    warnings.unwrap_or_default().into_iter().map(line).collect()
}
