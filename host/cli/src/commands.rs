//! The commands: one file each.
//!
//! Owns: the list of commands and their dispatch. Never: what a command does.

mod answer;
mod attach;
mod auto_resume;
mod check;
mod completions;
mod config;
mod dev;
mod diff;
mod docs;
mod doctor;
mod explore;
mod export;
mod fixture;
mod folder_search;
mod follow;
mod fork;
mod go_on;
mod go_on_flags;
mod history;
mod import;
mod init;
mod list;
mod llm;
mod logs;
mod mcp;
mod msg;
mod pause;
mod plan;
mod providers;
mod ps;
mod raise;
mod replay;
mod resume;
mod run;
mod scripts;
mod signal;
mod simulation;
mod steps;
mod test;
mod trust;
mod tui;
mod version;
mod worktrees;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::CommandError;
use crate::man;
use crate::workflow_args::{Named, TAKE_ARGS};
pub(crate) use follow::{LOOK_EVERY, patiently, status_of};
pub(crate) use history::settings_of;
pub(crate) use msg::{Agents, tell_agents};
pub(crate) use raise::limits_typed;

/// The parsed arguments of a command. Large ones are boxed.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<run::RunArgs>),
    Init(init::InitArgs),
    New(init::NewArgs),
    List(list::ListArgs),
    Resume(Box<resume::ResumeArgs>),
    Fork(Box<fork::ForkArgs>),
    Answer(Box<answer::AnswerArgs>),
    Signal(signal::SignalArgs),
    Pause(pause::PauseArgs),
    Continue(go_on::ContinueArgs),
    Cancel(pause::CancelArgs),
    Stop(steps::StopArgs),
    Restart(steps::RestartArgs),
    Msg(msg::MsgArgs),
    Raise(Box<raise::RaiseArgs>),
    Ps(ps::PsArgs),
    Attach(attach::AttachArgs),
    Tui(tui::TuiArgs),
    Logs(logs::LogsArgs),
    Replay(replay::ReplayArgs),
    Check(check::CheckArgs),
    Plan(Box<plan::PlanArgs>),
    Explore(Box<explore::ExploreArgs>),
    Dev(Box<dev::DevArgs>),
    Test(test::TestArgs),
    History(Box<history::HistoryArgs>),
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Config(config::ConfigArgs),
    Trust(trust::TrustArgs),
    Doctor(doctor::DoctorArgs),
    Providers(providers::ProvidersArgs),
    Llm(llm::LlmArgs),
    Mcp(mcp::McpArgs),
    Worktrees(worktrees::WorktreesArgs),
    Docs(docs::DocsArgs),
    Types(init::TypesArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Version(version::VersionArgs),
}

impl Command {
    /// The script that the command runs or simulates.
    pub(crate) fn script(&self) -> Option<&Path> {
        match self {
            Self::Run(args) => Some(&args.script),
            Self::Plan(args) => Some(&args.flags.script),
            Self::Explore(args) => Some(&args.flags.script),
            Self::Dev(args) => Some(&args.script),
            _ => None,
        }
    }
}

/// Adds the arguments of a command to its parser.
type Augment = fn(clap::Command) -> clap::Command;

/// Each command by name, with the same arguments as in [`crate::Cli`] (tested).
const BY_NAME: [(&str, Augment); 41] = [
    ("run", run::RunArgs::augment_args),
    ("init", init::InitArgs::augment_args),
    ("new", init::NewArgs::augment_args),
    ("list", list::ListArgs::augment_args),
    ("resume", resume::ResumeArgs::augment_args),
    ("fork", fork::ForkArgs::augment_args),
    ("answer", answer::AnswerArgs::augment_args),
    ("signal", signal::SignalArgs::augment_args),
    ("pause", pause::PauseArgs::augment_args),
    ("continue", go_on::ContinueArgs::augment_args),
    ("cancel", pause::CancelArgs::augment_args),
    ("stop", steps::StopArgs::augment_args),
    ("restart", steps::RestartArgs::augment_args),
    ("msg", msg::MsgArgs::augment_args),
    ("raise", raise::RaiseArgs::augment_args),
    ("ps", ps::PsArgs::augment_args),
    ("attach", attach::AttachArgs::augment_args),
    ("tui", tui::TuiArgs::augment_args),
    ("logs", logs::LogsArgs::augment_args),
    ("replay", replay::ReplayArgs::augment_args),
    ("check", check::CheckArgs::augment_args),
    ("plan", plan::PlanArgs::augment_args),
    ("explore", explore::ExploreArgs::augment_args),
    ("dev", dev::DevArgs::augment_args),
    ("test", test::TestArgs::augment_args),
    ("history", history::HistoryArgs::augment_args),
    ("diff", diff::DiffArgs::augment_args),
    ("export", export::ExportArgs::augment_args),
    ("import", import::ImportArgs::augment_args),
    ("config", config::ConfigArgs::augment_args),
    ("trust", trust::TrustArgs::augment_args),
    ("doctor", doctor::DoctorArgs::augment_args),
    ("providers", providers::ProvidersArgs::augment_args),
    ("llm", llm::LlmArgs::augment_args),
    ("mcp", mcp::McpArgs::augment_args),
    ("worktrees", worktrees::WorktreesArgs::augment_args),
    ("docs", docs::DocsArgs::augment_args),
    ("types", init::TypesArgs::augment_args),
    ("completions", completions::CompletionsArgs::augment_args),
    ("man", man::ManArgs::augment_args),
    ("version", version::VersionArgs::augment_args),
];

/// A parser for one command; `None` for an unknown name. Building the parsers of
/// all commands takes a twentieth of a short run. What this parser refuses goes
/// to the whole parser, for its error message or help.
pub(crate) fn parser_of(name: &str) -> Option<clap::Command> {
    let (name, augment) = BY_NAME.into_iter().find(|(known, _)| *known == name)?;
    Some(clap::Command::new("smol-wf").subcommand(augment(clap::Command::new(name))))
}

/// Runs a command and returns the exit code of the process. `named` are the
/// workflow's arguments; a command that takes none refuses them. `whole` makes the parser
/// of all commands.
pub(crate) async fn execute(
    name: &str,
    command: Command,
    named: Named,
    whole: fn() -> clap::Command,
) -> Result<ExitCode, CommandError> {
    if let Some((argument, _)) =
        named.first().filter(|_| !TAKE_ARGS.contains(&name) && name != "tui")
    {
        let [commands @ .., last] = TAKE_ARGS.map(|name| format!("`{name}`"));
        let message = format!(
            "--args-{argument} is an argument of a workflow; {} and {last} take those",
            commands.join(", ")
        );
        return Err(CommandError::Usage(message));
    }
    // Boxed where a run is behind it, so that this future stays small.
    match command {
        Command::Run(args) => Box::pin(args.execute(named)).await,
        Command::Resume(args) => Box::pin(args.execute()).await,
        Command::Fork(args) => Box::pin(args.execute(named)).await,
        Command::Answer(args) => Box::pin(args.execute()).await,
        Command::Signal(args) => Box::pin(args.execute()).await,
        Command::Pause(args) => args.execute().await,
        Command::Continue(args) => Box::pin(args.execute()).await,
        Command::Cancel(args) => args.execute().await,
        Command::Stop(args) => args.execute().await,
        Command::Restart(args) => args.execute().await,
        Command::Msg(args) => args.execute().await,
        Command::Raise(args) => args.execute().await,
        Command::Ps(args) => args.execute().await,
        Command::Attach(args) => Box::pin(args.execute()).await,
        Command::Tui(args) => Box::pin(args.execute(named)).await,
        Command::Logs(args) => args.execute().await,
        Command::Replay(args) => args.execute().await,
        Command::Test(args) => Box::pin(args.execute()).await,
        Command::History(args) => args.execute().await,
        Command::List(args) => args.execute(),
        Command::Check(args) => args.execute().await,
        Command::Plan(args) => args.execute(named).await,
        Command::Explore(args) => args.execute(named).await,
        Command::Dev(args) => Box::pin(args.execute(named)).await,
        Command::Diff(args) => args.execute().await,
        Command::Export(args) => args.execute().await,
        Command::Import(args) => args.execute().await,
        Command::Config(args) => args.execute(),
        Command::Trust(args) => args.execute(),
        Command::Doctor(args) => args.execute().await,
        Command::Providers(args) => args.execute(),
        Command::Llm(args) => args.execute(),
        Command::Mcp(args) => Box::pin(args.execute()).await,
        Command::Worktrees(args) => args.execute().await,
        Command::Init(args) => args.execute(),
        Command::New(args) => args.execute(),
        Command::Docs(args) => args.execute(),
        Command::Types(args) => args.execute(),
        Command::Completions(args) => args.execute(),
        Command::Man(args) => args.execute(whole()),
        Command::Version(args) => args.execute(),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn each_single_parser_equals_its_part_of_the_whole_parser() {
        let arguments = |command: &clap::Command| -> Vec<String> {
            command.get_arguments().map(|one| format!("{one:?}")).collect()
        };
        let whole = crate::Cli::command();
        for command in whole.get_subcommands() {
            let name = command.get_name();
            let alone = parser_of(name).unwrap();
            let alone = alone.find_subcommand(name).unwrap();
            assert_eq!(arguments(alone), arguments(command), "{name}");
            let subcommands = |one: &clap::Command| -> Vec<String> {
                one.get_subcommands().map(|one| one.get_name().to_owned()).collect()
            };
            assert_eq!(subcommands(alone), subcommands(command), "{name}");
        }
        assert_eq!(whole.get_subcommands().count(), BY_NAME.len());
        assert!(parser_of("rnu").is_none() && parser_of("help").is_none());
    }

    #[tokio::test]
    async fn only_the_listed_commands_take_workflow_arguments() {
        let named = || vec![("topic".to_owned(), Some("x".to_owned()))];
        for (name, _) in
            BY_NAME.into_iter().filter(|(name, _)| !TAKE_ARGS.contains(name) && *name != "tui")
        {
            let cli = crate::Cli::try_parse_from(["smol-wf", "trust", "--list"]).unwrap();
            let execute = execute(name, cli.command, named(), crate::Cli::command);
            let refused = Box::pin(execute).await.unwrap_err();
            let CommandError::Usage(said) = refused else { panic!("{name}: {refused:?}") };
            assert!(
                said.ends_with("`run`, `fork`, `plan`, `explore` and `dev` take those"),
                "{said}"
            );
        }
        assert!(TAKE_ARGS.iter().all(|name| parser_of(name).is_some()));
    }
}
