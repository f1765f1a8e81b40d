//! Answers a shell that asks how a word may go on.
//!
//! Owns: which words only this program knows: workflows, runs, providers. Never: the
//! words of the parser, which clap knows; nor prints an error, for the shell would
//! show it in the middle of a command line.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;

use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::Shells;
use smol_wf_engine::HistoryPage;

use crate::agents::Catalogue;
use crate::completion_script::VARIABLE;
use crate::config::{AUTO, FlagLayer, Settings};
use crate::find_script::catalogue;
use crate::{exit, manual, sanitize, setup, templates};

/// Most runs that are offered; a person picks one of the last few.
const RUNS_MAX: u32 = 20;

/// Names of arguments that take a script.
const SCRIPTS: [&str; 2] = ["script", "scripts"];

/// Answers if a shell asks: its name is in the variable, and the words of the command
/// line are behind `--`. None if this is a command like any other.
pub(crate) fn answer(argv: &[OsString], whole: fn() -> clap::Command) -> Option<ExitCode> {
    let shell = std::env::var_os(VARIABLE).filter(|shell| !shell.is_empty())?;
    let answered = || {
        let shells = Shells::builtins();
        let shell = shells.completer(shell.to_str()?)?;
        let words = argv.iter().skip_while(|word| *word != "--").skip(1).cloned().collect();
        let here = std::env::current_dir().ok();
        let mut parser = with_values(whole());
        parser.build();
        let mut answer = Vec::new();
        shell.write_complete(&mut parser, words, here.as_deref(), &mut answer).ok()?;
        crate::streams::Stdout.write_all(&answer).ok()
    };
    Some(answered().map_or(ExitCode::from(exit::USAGE), |()| ExitCode::SUCCESS))
}

/// The parser, which knows what the values of some arguments may be.
fn with_values(mut parser: clap::Command) -> clap::Command {
    let names: Vec<String> =
        parser.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        parser = parser.mut_subcommand(&name, |command| {
            command.mut_args(|arg| match arg.get_id().as_str() {
                id if SCRIPTS.contains(&id) => arg.add(ArgValueCompleter::new(scripts)),
                "run" | "resume_run" | "before" => arg.add(ArgValueCandidates::new(runs)),
                "left" | "right" if name == "diff" => arg.add(ArgValueCandidates::new(runs)),
                "agent_provider" => arg.add(ArgValueCandidates::new(providers)),
                "template" => arg.add(ArgValueCandidates::new(template_names)),
                "topic" => arg.add(ArgValueCandidates::new(topics)),
                _ => arg,
            })
        });
    }
    parser
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
    let listed = || {
        let settings = Settings::load(FlagLayer::default(), std::path::Path::new(".")).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let engine = setup::engine_to_read(&settings).ok()?;
        runtime.block_on(engine.history(page)).ok()
    };
    let runs = listed().unwrap_or_default();
    let latest = candidate("latest", "the last run of this project");
    let runs = runs.iter().map(|run| {
        candidate(run.run_id.as_str(), &format!("{}, {}", run.name, run.state.as_str()))
    });
    std::iter::once(latest).chain(runs).collect()
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
