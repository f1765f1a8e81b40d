//! `smol-wf tui`: a run on the whole screen.
//!
//! Owns: the flags of its three commands, and which of them need a terminal. Never: draws,
//! or holds a run.

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use smol_wf_core::ids::RunId;
use smol_wf_engine::Engine;

use super::history::settings_of;
use super::run::RunArgs;
use crate::config::{Settings, duration};
use crate::detached::{NotDetached, start_holder};
use crate::failure::{CommandError, FileError};
use crate::flags::{DbFlags, JsonFlag};
use crate::posting::Posting;
use crate::table::Format;
use crate::tui::{self, Checker, Findings, Looks, Severity};
use crate::workflow_args::Named;
use crate::working_folder::LatestFlags;
use crate::{exit, output, people, setup, shell, usage_hints};

/// Show a run on the whole screen, as it happens or as it was
///
/// A tree of phases and steps, the details of a step, the log, and the questions that wait
/// for an answer. Leaving it does nothing to the run. `?` shows the keys.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TuiArgs {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf tui run review.js --args-base main
  smol-wf tui attach latest
  smol-wf tui replay run_0k3 --max-delay 1s
  smol-wf tui replay events.jsonl --check";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Start a run in the background and show it
    ///
    /// Takes what `smol-wf run` takes. The run goes on when you leave.
    Run(Box<TuiRunArgs>),
    /// Show a run that any process holds
    Attach(AttachArgs),
    /// Play a stored run or a file of events
    Replay(ReplayArgs),
}

#[derive(Debug, Args)]
struct TuiRunArgs {
    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    looks: LookFlags,
}

#[derive(Debug, Args)]
struct AttachArgs {
    /// Run: its id, the beginning of its id, or `latest`
    #[arg(default_value = "latest")]
    run: String,

    #[command(flatten)]
    looks: LookFlags,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

#[derive(Debug, Args)]
struct ReplayArgs {
    /// Run, or a file that `run --events` or the TUI has written
    #[arg(value_name = "RUN|FILE")]
    what: PathBuf,

    /// Longest wait between two events; 0 shows all at once
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = delay)]
    max_delay: Duration,

    /// Check the stream instead of showing it: exit code 3 if a line is not an event
    #[arg(long)]
    check: bool,

    /// How to print what --check finds: text or json [default: text]
    #[arg(long, short, value_name = "FORMAT", requires = "check")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    looks: LookFlags,

    #[command(flatten)]
    latest: LatestFlags,

    #[command(flatten)]
    db: DbFlags,
}

#[derive(Debug, Clone, Copy, Args)]
struct LookFlags {
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,

    /// Say on leaving how long the frames took
    #[arg(long, hide_short_help = true)]
    timings: bool,
}

/// What `--check` found, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckDocument<'a> {
    schema_version: u32,
    stream: &'a str,
    #[serde(flatten)]
    found: &'a Findings,
}

impl TuiArgs {
    /// Shows a run. Fails if there is no terminal, or no such run.
    pub(crate) async fn execute(self, named: Named) -> Result<ExitCode, CommandError> {
        if let (Verb::Attach(_) | Verb::Replay(_), Some((argument, _))) =
            (&self.verb, named.first())
        {
            let message =
                format!("--args-{argument} is an argument of a workflow; `tui run` takes those");
            return Err(CommandError::Usage(message));
        }
        match self.verb {
            Verb::Run(args) => run(&args.run, args.looks).await,
            Verb::Attach(args) => {
                let instead = format!("smol-wf attach {}", shell::word(&args.run));
                check_terminal(&instead)?;
                let settings = settings_of(&args.db)?;
                let engine = setup::engine_with_run(&settings, &args.run)?;
                let run = args.latest.find(&engine, &args.run).await?;
                follow(&engine, run, settings, args.looks.looks()).await
            }
            Verb::Replay(args) => args.execute().await,
        }
    }
}

impl LookFlags {
    fn looks(self) -> Looks {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Looks { has_colors: !set("NO_COLOR"), is_ascii: self.ascii, has_timings: self.timings }
    }
}

/// Starts the run as `run --detach` does, and shows it.
async fn run(args: &RunArgs, looks: LookFlags) -> Result<ExitCode, CommandError> {
    let script = shell::path(args.script());
    check_terminal(&format!("smol-wf run {script}"))?;
    args.check_for_tui()?;
    // The holder reads the same command line, but for the first word and these flags. A
    // value never begins like a flag.
    let is_for_run = |word: &OsString| word != "--ascii" && word != "--timings";
    let argv = usage_hints::with_command_first(std::env::args_os().collect());
    let argv: Vec<OsString> = argv.into_iter().skip(2).filter(is_for_run).collect();
    let run = match start_holder(argv) {
        Ok(run) => run,
        Err(NotDetached::Ended(code)) => return Ok(ExitCode::from(code)),
        Err(NotDetached::System(error)) => return Err(error.into()),
    };
    let settings = settings_of(args.database())?;
    let engine = setup::engine_with_run(&settings, run.as_str())?;
    follow(&engine, run, settings, looks.looks()).await
}

async fn follow(
    engine: &Engine,
    run: RunId,
    settings: Settings,
    looks: Looks,
) -> Result<ExitCode, CommandError> {
    let posting = Posting::of(engine.clone(), run.clone(), settings);
    let posting = posting.map_err(|error| error.sentence());
    tui::attach(engine, &run, posting, looks).await
}

impl ReplayArgs {
    async fn execute(self) -> Result<ExitCode, CommandError> {
        let named = self.what.to_string_lossy().into_owned();
        if self.check && is_file(&self.what) {
            let found = check_file(&self.what)?;
            return self.print(&named, &found);
        }
        if !self.check {
            let named = shell::word(&named);
            check_terminal(&match is_file(&self.what) {
                true => format!("smol-wf tui replay {named} --check"),
                false => format!("smol-wf logs {named}"),
            })?;
        }
        if is_file(&self.what) {
            return tui::replay_file(&self.what, self.max_delay, self.looks.looks()).await;
        }
        let engine = setup::engine_with_run(&settings_of(&self.db)?, &named)?;
        let run = self.latest.find(&engine, &named).await?;
        if self.check {
            let mut checker = Checker::default();
            let mut tail = engine.tail(&run);
            while let Some(event) = tail.next().await? {
                checker.text(&output::event_line(&event)?);
            }
            return self.print(run.as_str(), &checker.finish());
        }
        tui::replay_run(&engine, &run, self.max_delay, self.looks.looks()).await
    }

    /// Prints what was found, and returns 3 if a line is not an event.
    fn print(&self, stream: &str, found: &Findings) -> Result<ExitCode, CommandError> {
        let format = self.json.asked().or(self.output).unwrap_or(Format::Text);
        if format == Format::Text {
            output::line(&in_words(stream, found))?;
        } else {
            output::print(format, &CheckDocument { schema_version: 1, stream, found })?;
        }
        Ok(ExitCode::from(if found.errors > 0 { exit::INPUT } else { 0 }))
    }
}

/// What was found, a line for each problem and one for all.
fn in_words(stream: &str, found: &Findings) -> String {
    let mut lines: Vec<String> = Vec::new();
    for problem in &found.problems {
        let place = problem.line.map_or_else(String::new, |line| format!(":{line}"));
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        lines.push(format!("{stream}{place}: {severity}: {} [{}]", problem.message, problem.code));
    }
    let left_out = found.errors + found.warnings - found.problems.len() as u64;
    if left_out > 0 {
        lines.push(format!("… {left_out} more"));
    }
    lines.push(format!(
        "{stream}: events: {}, errors: {}, warnings: {}",
        found.events, found.errors, found.warnings
    ));
    lines.join("\n")
}

/// A value parser for clap: a duration, or none.
fn delay(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    if number.parse() == Ok(0) { Ok(Duration::ZERO) } else { duration(text) }
}

/// Whether a file is meant: one that is there, stdin, or a path that no run id could be.
fn is_file(what: &Path) -> bool {
    let text = what.to_string_lossy();
    what.exists() || text == "-" || text.contains(['/', '.'])
}

/// Checks a file; `-` is stdin.
fn check_file(path: &Path) -> Result<Findings, CommandError> {
    let checked = if path == Path::new("-") {
        Checker::default().lines(std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|file| Checker::default().lines(BufReader::new(file)))
    };
    Ok(checked.map_err(|error| FileError::Read { path: path.to_owned(), error })?)
}

/// Fails if this process has no terminal that can be drawn on.
fn check_terminal(instead: &str) -> Result<(), CommandError> {
    match people::why_no_screen() {
        None => Ok(()),
        Some(why) => {
            let db = shell::with_database();
            Err(CommandError::Usage(format!(
                "the TUI needs a terminal, and {why}; without one: {instead}{db}"
            )))
        }
    }
}
