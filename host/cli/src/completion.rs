//! Answers a shell that asks how a word may go on.
//!
//! Owns: which words only this program knows: workflows, runs, providers. Never: the
//! words of the parser, which clap knows; nor prints an error, for the shell would
//! show it in the middle of a command line.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::Arg;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::Shells;
use smol_wf_core::view::RunView;
use smol_wf_engine::{Engine, HistoryPage};

use crate::agents::Catalogue;
use crate::completion_script::VARIABLE;
use crate::config::{AUTO, FlagLayer, Key, Settings};
use crate::find_script::catalogue;
use crate::flags::path_value;
use crate::working_folder::LatestFlags;
use crate::{exit, manual, sanitize, setup, templates};

/// Most runs that are offered; a person picks one of the last few.
const RUNS_MAX: u32 = 20;

/// Most steps that are offered, as long as a list may be that is read.
const STEPS_MAX: usize = 50;

/// The database that the command line names.
static DATABASE: OnceLock<PathBuf> = OnceLock::new();

/// Names of arguments that take a script.
const SCRIPTS: [&str; 2] = ["script", "scripts"];

/// Answers if a shell asks: its name is in the variable, and the words of the command
/// line are behind `--`. None if this is a command like any other.
pub(crate) fn answer(argv: &[OsString], whole: fn() -> clap::Command) -> Option<ExitCode> {
    let shell = std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let answered = || {
        let shells = Shells::builtins();
        let shell = shells.completer(shell.to_str()?)?;
        let words: Vec<OsString> =
            argv.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
        if let Some(database) = database_of(&words) {
            // Asked once in a process.
            let _ = DATABASE.set(database.into());
        }
        let here = std::env::current_dir().ok();
        let mut parser = with_values(whole());
        parser.build();
        let mut answer = Vec::new();
        shell.write_complete(&mut parser, words, here.as_deref(), &mut answer).ok()?;
        crate::streams::Stdout.write_all(&answer).ok()
    };
    Some(answered().map_or(ExitCode::from(exit::USAGE), |()| ExitCode::SUCCESS))
}

/// The parser, which knows what the values of some arguments may be, of commands within
/// commands as well.
fn with_values(mut parser: clap::Command) -> clap::Command {
    let names: Vec<String> =
        parser.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        parser = parser.mut_subcommand(&name, |command| {
            with_values(command.mut_args(|arg| with_value(&name, arg)))
        });
    }
    parser
}

/// An argument of this command. Those that take a run are known by the name of their value,
/// such as `RUN[#STEP]`.
fn with_value(command: &str, arg: Arg) -> Arg {
    let named = |arg: &Arg| Some(arg.get_value_names()?.first()?.to_string());
    match arg.get_id().as_str() {
        id if SCRIPTS.contains(&id) => arg.add(ArgValueCompleter::new(scripts)),
        "run" | "runs" | "resume_run" => match named(&arg) {
            Some(value) if value.contains('#') => arg.add(ArgValueCompleter::new(steps)),
            _ => arg.add(ArgValueCandidates::new(runs)),
        },
        "left" | "right" if command == "diff" => arg.add(ArgValueCandidates::new(runs)),
        "agent_provider" => arg.add(ArgValueCandidates::new(providers)),
        "template" => arg.add(ArgValueCandidates::new(template_names)),
        "topic" => arg.add(ArgValueCandidates::new(topics)),
        _ => match named(&arg).unwrap_or_default() {
            value if !value.starts_with("RUN") => arg,
            value if value.contains("FILE") => arg.add(ArgValueCompleter::new(runs_and_files)),
            value if value.contains('#') => arg.add(ArgValueCompleter::new(steps)),
            _ => arg.add(ArgValueCandidates::new(runs)),
        },
    }
}

/// The names of workflows, and files.
fn scripts(typed: &OsStr) -> Vec<CompletionCandidate> {
    let begins = |name: &str| typed.to_str().is_some_and(|typed| name.starts_with(typed));
    let listed = catalogue().unwrap_or_default();
    let workflows = listed.workflows.iter().filter(|one| begins(&one.name));
    let startable = workflows.filter(|one| listed.hidden_by(one).is_none());
    let named = startable.filter_map(|one| {
        let meta = one.meta.as_ref().ok()?;
        // A name of odd characters would be several words for the shell.
        let is_plain = one.name.chars().all(|c| c.is_alphanumeric() || "-_.:".contains(c));
        is_plain.then(|| candidate(&one.name, &meta.description))
    });
    let files = PathCompleter::any().complete(typed);
    named.chain(files).collect()
}

/// The last runs, and `latest`.
fn runs() -> Vec<CompletionCandidate> {
    let page = HistoryPage { limit: RUNS_MAX, ..HistoryPage::default() };
    let runs = with_engine(async |engine| engine.history(page).await.ok()).unwrap_or_default();
    let latest = candidate("latest", "the last run of this project");
    let runs = runs.iter().map(|run| {
        candidate(run.run_id.as_str(), &format!("{}, {}", run.name, run.state.as_str()))
    });
    std::iter::once(latest).chain(runs).collect()
}

/// Runs, and the files that begin like this.
fn runs_and_files(typed: &OsStr) -> Vec<CompletionCandidate> {
    let files = PathCompleter::any().complete(typed);
    beginning(typed, runs()).chain(files).collect()
}

/// Runs; behind a `#` the steps of that run, those first that have no outcome.
fn steps(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((asked, _)) = typed.to_str().and_then(|typed| typed.split_once('#')) else {
        return beginning(typed, runs()).collect();
    };
    let view = with_engine(async |engine| {
        let here = LatestFlags { anywhere: false };
        let (run, _) = here.find_from(&engine, asked, std::path::Path::new(".")).await.ok()?;
        let (mut view, mut tail) = (RunView::brief(), engine.tail(&run));
        while let Some(event) = tail.next().await.ok()? {
            view.apply(&event);
        }
        Some(view)
    });
    let Some(view) = view else { return Vec::new() };
    let tree = view.tree();
    let of = |node| {
        let step = tree.step(node)?;
        let word = format!("{asked}#{}", step.key);
        Some(candidate(&word, &format!("{}, {}", step.label, step.state.word())))
    };
    let open = beginning(typed, tree.open().filter_map(of).collect());
    let open: Vec<CompletionCandidate> = open.take(STEPS_MAX).collect();
    if !open.is_empty() {
        return open;
    }
    let all = (1..tree.len()).filter_map(|step| of(view.find(&step.to_string())?));
    beginning(typed, all.collect()).take(STEPS_MAX).collect()
}

/// Those that begin with what is typed.
fn beginning(
    typed: &OsStr,
    all: Vec<CompletionCandidate>,
) -> impl Iterator<Item = CompletionCandidate> {
    let typed = typed.to_string_lossy().into_owned();
    all.into_iter().filter(move |one| one.get_value().to_string_lossy().starts_with(&typed))
}

/// Asks the database of the command line, or else that of the settings.
fn with_engine<T>(ask: impl AsyncFnOnce(Engine) -> Option<T>) -> Option<T> {
    let mut layer = FlagLayer::default();
    layer.add(Key::Db, path_value(DATABASE.get()).as_ref());
    let settings = Settings::load(layer, std::path::Path::new(".")).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let engine = setup::engine_to_read(&settings).ok()?;
    runtime.block_on(ask(engine))
}

/// The value of `--db` among these words.
fn database_of(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word.strip_prefix("--db") {
            Some("") => return words.next().map(str::to_owned),
            Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
            _ => {}
        }
    }
    None
}

/// The providers of the settings.
fn providers() -> Vec<CompletionCandidate> {
    let settings = Settings::load(FlagLayer::default(), std::path::Path::new("."));
    let providers = settings.map(|settings| Catalogue::of(&settings).all()).unwrap_or_default();
    let named = providers.iter().map(|provider| CompletionCandidate::new(provider.name()));
    std::iter::once(CompletionCandidate::new(AUTO)).chain(named).collect()
}

fn template_names() -> Vec<CompletionCandidate> {
    templates::all().map(|template| candidate(template.name, template.about)).collect()
}

fn topics() -> Vec<CompletionCandidate> {
    let pages = manual::PAGES.iter().map(|page| candidate(page.name, page.title()));
    let codes = manual::topics().skip(manual::PAGES.len()).map(CompletionCandidate::new);
    pages.chain(codes).collect()
}

/// A word, and what it is, in one line without control characters.
fn candidate(word: &str, about: &str) -> CompletionCandidate {
    CompletionCandidate::new(word).help(Some(sanitize::one_line(about).into()))
}
