//! Errors on stderr: what happened, where, and what to type next.
//!
//! Owns: the text around an error, and the end of a run. Never: the error's own
//! text; that comes with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use smol_wf_core::archive::ArchiveError;
use smol_wf_core::codes::Code;
use smol_wf_core::ids::{RunId, StepId};
use smol_wf_core::report::{AgentCounts, NullReport, OpenAskReport};
use smol_wf_core::script;
use smol_wf_engine::{EngineError, LibraryError, PostError, Report, RunState};

use crate::advice;
use crate::config::{ConfigError, Settings};
use crate::exit;
use crate::humanize::plural;
use crate::log_level::LogLevel;
pub(crate) use crate::notices::{print_error, print_message, print_progress, print_raw};
use crate::sanitize;
use crate::script_hints;
use crate::shell;
use crate::system_limits;
use crate::text_diff;
use crate::usage_hints;
use crate::workflow_args::ArgsError;

/// Limits that no flag raises: a resumed run would stop at the same point.
const FIXED_LIMITS: [Code; 5] =
    [Code::LimitStack, Code::LimitNotes, Code::LimitTurnBytes, Code::LimitResult, Code::GuestFault];

/// Why a command ended without a report.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// The engine could not start, continue or read a run.
    Engine(EngineError),
    /// The arguments of the workflow cannot be used.
    Args(ArgsError),
    /// The settings cannot be used.
    Config(ConfigError),
    /// A flag, or a combination of flags, that makes no sense; a whole
    /// sentence.
    Usage(String),
    /// A step was named that the run does not have; its last one is `last`, or 0.
    NoStep { run: RunId, step: StepId, last: usize },
    /// An answer to a run that asks nothing.
    NoQuestion { run: RunId },
    /// A message to agents of a run, or of one of its phases, that has none open.
    NoAgentOpen { run: RunId, phase: Option<String> },
    /// stdout cannot be written.
    Output(std::io::Error),
    /// A file that was named cannot be read or written.
    File(FileError),
    /// A run was named, but there is no database.
    NoDatabase { path: PathBuf, asked: String },
    /// No agent is usable, and nobody would see the warning that prompts are
    /// echoed.
    NoAgent,
    /// An agent of a run wanted to post a message to a run.
    PostFromAgent,
    /// The holder of a run refused a message.
    MessageRefused {
        /// The run.
        run: RunId,
        /// The word of the message.
        message: Option<&'static str>,
        /// The code of the reason.
        code: String,
    },
    /// A file to import is not a valid journal.
    Archive(PathBuf, ArchiveError),
    /// A fixture would be outside the project of its script, where `test` refuses
    /// it.
    Elsewhere {
        /// Root of the script's project.
        root: PathBuf,
        /// The command that writes it to the right folder.
        next: String,
    },
}

/// A file that was named cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The file does not exist, may not be read, or is of the wrong kind.
    #[error("{} cannot be read: {error}; check the path", sanitize::path(path))]
    Read { path: PathBuf, error: std::io::Error },
    #[error(
        "{} is over {bytes_max} bytes, the most that such a file can have",
        sanitize::path(path)
    )]
    TooLarge { path: PathBuf, bytes_max: u64 },
    /// Files that a command would have made are there already.
    #[error(
        "nothing was written, because nothing is overwritten: {} {} there already; move it away, or choose another name or folder",
        paths.join(", "),
        if paths.len() == 1 { "is" } else { "are" }
    )]
    Exists { paths: Vec<String> },
    /// The file may not be written or replaced, or the disk is full.
    #[error("{} cannot be written: {error}{}", sanitize::path(path), write_hint(error))]
    Write { path: PathBuf, error: std::io::Error },
    #[error(
        "the folder for temporary files, {}, cannot be used: {error}; name another one: TMPDIR=FOLDER smol-wf …",
        sanitize::path(folder)
    )]
    Temporary { folder: PathBuf, error: std::io::Error },
}

/// What to type after an error of the system; other errors say it themselves.
fn write_hint(error: &std::io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(_) => "; choose another path",
        None => "",
    }
}

/// Fails if `path` does not exist: the search for settings starts there.
pub(crate) fn check_exists(path: &Path) -> Result<(), FileError> {
    let looked = path.metadata().map(|_| ());
    looked.map_err(|error| FileError::Read { path: path.to_owned(), error })
}

impl FileError {
    /// The same error with the path as the user knows it.
    pub(crate) fn at(self, path: PathBuf) -> Self {
        match self {
            Self::Read { error, .. } => Self::Read { path, error },
            Self::TooLarge { bytes_max, .. } => Self::TooLarge { path, bytes_max },
            Self::Write { error, .. } => Self::Write { path, error },
            other @ (Self::Temporary { .. } | Self::Exists { .. }) => other,
        }
    }

    /// The stable code; see `docs/errors.md`.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Read { .. } => Code::FileUnreadable,
            Self::Exists { .. } => Code::FileExists,
            Self::TooLarge { .. } => Code::FileTooLarge,
            Self::Write { .. } | Self::Temporary { .. } => Code::FileUnwritable,
        }
    }
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<ArgsError> for CommandError {
    fn from(error: ArgsError) -> Self {
        Self::Args(error)
    }
}

impl From<FileError> for CommandError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

impl CommandError {
    /// The whole sentence, with its code.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Engine(error) => format!("{} [{}]", advice::sentence(error), error.code()),
            Self::Args(error) => format!("{error} [{}]", Code::ArgsInvalid),
            Self::Config(error) => format!("{error} [{}]", error.code()),
            Self::Usage(message) => message.clone(),
            Self::NoStep { run, step, last } => {
                let has = match last {
                    0 => "no steps".to_owned(),
                    1 => "one step".to_owned(),
                    last => format!("steps 1 to {last}"),
                };
                format!("--step {step}: run {run} has {has} [{}]", Code::RequestInvalid)
            }
            Self::NoQuestion { run } => format!(
                "run {run} asks nothing at the moment; its steps: smol-wf history {run} -o text{} [{}]",
                shell::with_database(),
                Code::AskUnknown
            ),
            Self::NoAgentOpen { run, phase } => {
                let of = phase.as_ref().map_or_else(
                    || "run".to_owned(),
                    |phase| format!("phase `{}` of run", sanitize::one_line(phase)),
                );
                let db = shell::with_database();
                format!(
                    "no agent of {of} {run} is open; its steps: smol-wf history {run} -o text{db} [{}]",
                    Code::NoAgentOpen
                )
            }
            Self::File(error) => format!("{error} [{}]", error.code()),
            Self::NoDatabase { path, asked } => format!(
                "there is no run `{asked}`: there is no database at {} yet; start a run with `smol-wf run SCRIPT`, or name another database with --db [{}]",
                sanitize::path(path),
                Code::RunUnknown
            ),
            Self::NoAgent => format!(
                "no agent is installed and logged in; `smol-wf doctor` says what is missing; choose another provider with --agent-provider, or --agent-provider debug, which echoes prompts and sends nothing to a model [{}]",
                Code::NoAgent
            ),
            Self::PostFromAgent => format!(
                "an agent of a run may not post to runs; ask the person who started it [{}]",
                Code::PostFromAgent
            ),
            Self::MessageRefused { run, message, code } => {
                advice::of_refused_message(run, *message, code)
            }
            Self::Archive(path, error) => {
                let said = advice::of_archive(error);
                format!("{}: {said} [{}]", sanitize::path(path), error.code())
            }
            Self::Elsewhere { root, next } => format!(
                "nothing was written: the script of the run is in {}, outside the project of this fixture, and `smol-wf test` would refuse it; write the fixture beside the script: {next} [{}]",
                sanitize::path(root),
                Code::WorkflowOutsideProject
            ),
            Self::Output(error) => {
                format!("cannot write to stdout: {error} [{}]", Code::StdoutUnwritable)
            }
        }
    }

    /// The exit code of this error.
    fn exit(&self) -> u8 {
        match self {
            Self::Engine(error) => exit::of_error(error),
            Self::Config(_) | Self::Usage(_) | Self::NoStep { .. } => exit::USAGE,
            Self::NoAgent => exit::UNAVAILABLE,
            Self::Output(_) => exit::UNWRITTEN,
            Self::Args(_)
            | Self::File(_)
            | Self::NoDatabase { .. }
            | Self::PostFromAgent
            | Self::NoQuestion { .. }
            | Self::NoAgentOpen { .. }
            | Self::MessageRefused { .. }
            | Self::Archive(..)
            | Self::Elsewhere { .. } => exit::INPUT,
        }
    }
}

impl CommandError {
    /// The code of the reason why a message to a step did not fit its run.
    pub(crate) fn refusal(&self) -> Option<String> {
        match self {
            Self::MessageRefused { code, .. } => Some(code.clone()),
            Self::Engine(EngineError::Post(PostError::Refused { refusal, .. })) => {
                Some(refusal.code().word().to_owned())
            }
            _ => None,
        }
    }
}

/// Prints the error with its hints, and returns the exit code.
pub(crate) fn report(error: &CommandError) -> ExitCode {
    let sentence = error.sentence();
    match error {
        CommandError::Engine(engine) => {
            print_error(&sentence, snippet(engine).as_deref());
            system_limits::hint(&sentence, engine.code())
                .iter()
                .for_each(|line| print_message(line));
            advice::after(engine).iter().for_each(|line| print_message(line));
        }
        CommandError::Args(ArgsError::Misfit(misfit)) => {
            print_error(&sentence, Some(&advice::of_misfit(misfit)));
        }
        CommandError::NoStep { run, .. } => {
            print_error(&sentence, None);
            let db = shell::with_database();
            print_message(&format!("its steps: smol-wf history {run} -o text{db}"));
        }
        _ => print_error(&sentence, None),
    }
    similar_path(error).iter().for_each(|line| print_message(line));
    ExitCode::from(error.exit())
}

/// A similar file, or what else a missing path may mean.
fn similar_path(error: &CommandError) -> Option<String> {
    match error {
        CommandError::Engine(EngineError::Library(
            LibraryError::NotFound { path } | LibraryError::NameUnknown { name: path, .. },
        )) => {
            let path = Path::new(path);
            usage_hints::dangling_link(path).or_else(|| usage_hints::nearest_file(path))
        }
        CommandError::File(FileError::Read { path, error })
            if error.kind() == std::io::ErrorKind::NotFound =>
        {
            usage_hints::provider(path).or_else(|| usage_hints::nearest_file(path))
        }
        _ => None,
    }
}

/// The line of the script with a mark below the place, or the differing fields of
/// a replay.
fn snippet(error: &EngineError) -> Option<String> {
    match error {
        EngineError::Script(refused) if refused.line > 0 => {
            let name = sanitize::one_line(&refused.file_name);
            let place = format!("{name}:{}:{}", refused.line, refused.column);
            Some(format!("{place}\n{}", refused.snippet))
        }
        EngineError::Compile { error, text, file_name } if error.line > 0 => {
            let name = sanitize::one_line(file_name);
            let place = format!("{name}:{}:{}", error.line, error.column);
            Some(format!("{place}\n{}", script::snippet(text, error.line, error.column)))
        }
        EngineError::Mismatch { mismatch, .. } if !mismatch.fields.is_empty() => {
            Some(text_diff::of_fields(&mismatch.fields))
        }
        _ => None,
    }
}

/// Prints the first few nulls of a report.
fn print_nulls(report: &Report, what: &str) {
    const NAMED_MAX: usize = 3;
    for null in report.nulls.iter().take(NAMED_MAX) {
        print_message(&format!("{what}: {}", null_in_words(null)));
    }
}

/// Describes a null: agent, slot, line and reason.
pub(crate) fn null_in_words(null: &NullReport) -> String {
    let agent = match (&null.label, null.step) {
        (Some(label), Some(step)) => format!("agent `{label}`, step {step}"),
        _ => null.place.to_owned(),
    };
    let slot = match (null.ordinal, null.index) {
        (Some(ordinal), Some(index)) => format!(" (slot {index} of {} {ordinal})", null.place),
        _ => String::new(),
    };
    let of = null.file.as_ref().map(|file| format!(" of {file}")).unwrap_or_default();
    let line = null.line.map_or_else(String::new, |line| format!(", line {line}{of}"));
    format!("{agent}{slot}{line}: {}", null.reason)
}

/// Prints what a fork reused and saved, and how many agents it asked. Prints
/// nothing for other runs.
pub(crate) fn print_reuse(report: &Report) {
    let Some(parent) = &report.parent else { return };
    let reused = &report.reused;
    let asked = report.agents.asked;
    let saved = match reused.cost_usd {
        0.0 => plural(reused.token_usage.total_tokens, "token"),
        dollars => {
            format!("{}, ${dollars:.4}", plural(reused.token_usage.total_tokens, "token"))
        }
    };
    let by_hand = match reused.by_hand {
        0 => String::new(),
        count => format!(", {count} of them by hand"),
    };
    let steered = match reused.steered {
        0 => String::new(),
        count => format!(", {count} of them steered by messages"),
    };
    print_message(&format!(
        "fork of {}: {} reused{by_hand}{steered} ({saved} saved), {} asked",
        parent.run,
        plural(reused.agents, "answer"),
        plural(asked, "agent")
    ));
}

/// Prints how a run ended that did not complete, and how to continue.
pub(crate) fn print_ending(report: &Report, script_text: Option<&str>) {
    if let Some(error) = &report.error {
        let name = error.name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        let file = error.file.as_ref().map(|file| sanitize::one_line(file) + ":");
        let file = file.unwrap_or_default();
        let place = error.line.map_or_else(String::new, |line| {
            format!(" at {file}{line}:{}", error.column.unwrap_or(1))
        });
        let script_text = script_text.filter(|_| error.file.is_none());
        let own = error
            .line
            .zip(script_text)
            .map(|(line, text)| script::snippet(text, line, error.column.unwrap_or(1)));
        let shown = error.excerpt.clone().or(own);
        let what = match report.state {
            RunState::Failed => format!("workflow failed{place}: "),
            _ => String::new(),
        };
        let message = advice::joined(&error.message, error.hint.as_deref());
        print_error(&format!("{what}{name}{message} [{}]", error.code), shown.as_deref());
        let text = script_text.filter(|_| error.line.is_none());
        text.and_then(|text| script_hints::place(&error.code, text))
            .iter()
            .for_each(|line| print_message(line));
        if let Some(limit) = system_limits::hint(&error.message, &error.code) {
            print_message(&limit);
        }
        if let Some(missing) = script_hints::arguments(error, script_text) {
            print_message(&missing);
        }
        if error.name.as_deref() == Some("TypeError") {
            print_nulls(report, "null before that");
        }
    } else if report.is_fruitless() {
        let agents = match report.agents.called {
            1 => "the agent gave no answer".to_owned(),
            called => format!("none of the {called} agents gave an answer"),
        };
        print_message(&format!("warning: {agents}"));
        print_nulls(report, "null");
    }
    print_next(report);
    print_failed_agents(report);
}

/// Prints how many agents failed, on the last line: the result may not show it.
fn print_failed_agents(report: &Report) {
    let AgentCounts { called, failed, .. } = report.agents;
    if failed > 0 {
        let agents = if called == 1 { "agent" } else { "agents" };
        print_message(&format!(
            "{failed} of {called} {agents} failed; the reasons: smol-wf history {}{}",
            report.run_id,
            shell::with_database()
        ));
    }
}

/// Prints the first few questions that wait for an answer.
fn print_questions(report: &Report) {
    const NAMED_MAX: usize = 3;
    const COLUMNS: usize = 120;
    let open = &report.asks.open;
    for OpenAskReport { step, ask } in open.iter().take(NAMED_MAX) {
        let question = sanitize::cut(&sanitize::one_line(&ask.question), COLUMNS);
        print_message(&format!("step {step}, {}(): {question}", ask.kind.function()));
    }
    let more = open.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        print_message(&format!("{more} more, in the report"));
    }
}

/// Prints what to type next, if anything helps: fork, resume or show the run.
fn print_next(report: &Report) {
    let (run, db) = (&report.run_id, shell::with_database());
    let code = report.error.as_ref().map_or("", |error| error.code.as_str());
    if report.state == RunState::Paused && code == Code::NoAgent.word() {
        // A resume would keep the recorded provider, which is none.
        print_message(&format!(
            "continue with an agent: smol-wf fork {run} --agent-provider NAME{db} (debug echoes prompts and sends nothing to a model)"
        ));
    } else if report.state == RunState::Paused && code == Code::WaitingForAnswer.word() {
        print_questions(report);
        print_message(&format!("answer: smol-wf answer {run}{db}"));
    } else if report.state == RunState::Paused && code == Code::Paused.word() {
        print_message(&format!("go on: smol-wf continue {run}{db}"));
    } else if report.state.is_resumable() && !FIXED_LIMITS.iter().any(|one| code == one.word()) {
        let flag = report.error.as_ref().and_then(advice::raise_of);
        print_message(&format!("resume: {}", shell::resume(run, flag.as_deref())));
    } else if report.state == RunState::Failed {
        print_message(&format!("report: smol-wf history {run}{db}"));
    }
}

/// Prints warnings about settings, for commands without a run.
pub(crate) fn print_warnings(settings: &Settings) {
    if LogLevel::of(settings) >= LogLevel::Warn {
        for warning in settings.warnings() {
            print_message(&format!("warning: {warning}"));
        }
    }
}
