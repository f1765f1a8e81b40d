//! The verbs: one file each.
//!
//! Owns: the list. Never: what they do.

mod auto_resume;
mod check;
mod config;
mod diff;
mod doctor;
mod explore;
mod export;
mod fixture;
mod fork;
mod history;
mod import;
mod plan;
mod providers;
mod replay;
mod resume;
mod run;
mod scripts;
mod simulation;
mod test;
mod trust;
mod worktrees;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::failure::CommandError;
use crate::workflow_args::{Named, TAKE_ARGS};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<run::RunArgs>),
    Resume(Box<resume::ResumeArgs>),
    Fork(Box<fork::ForkArgs>),
    Replay(replay::ReplayArgs),
    Check(check::CheckArgs),
    Plan(Box<plan::PlanArgs>),
    Explore(Box<explore::ExploreArgs>),
    Test(test::TestArgs),
    History(Box<history::HistoryArgs>),
    Diff(diff::DiffArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Config(config::ConfigArgs),
    Trust(trust::TrustArgs),
    Doctor(doctor::DoctorArgs),
    Providers(providers::ProvidersArgs),
    Worktrees(worktrees::WorktreesArgs),
}

/// Adds the arguments of a command to its parser.
type Augment = fn(clap::Command) -> clap::Command;

/// Each command by its name, as the parser of the whole program has it.
const BY_NAME: [(&str, Augment); 17] = [
    ("run", run::RunArgs::augment_args),
    ("resume", resume::ResumeArgs::augment_args),
    ("fork", fork::ForkArgs::augment_args),
    ("replay", replay::ReplayArgs::augment_args),
    ("check", check::CheckArgs::augment_args),
    ("plan", plan::PlanArgs::augment_args),
    ("explore", explore::ExploreArgs::augment_args),
    ("test", test::TestArgs::augment_args),
    ("history", history::HistoryArgs::augment_args),
    ("diff", diff::DiffArgs::augment_args),
    ("export", export::ExportArgs::augment_args),
    ("import", import::ImportArgs::augment_args),
    ("config", config::ConfigArgs::augment_args),
    ("trust", trust::TrustArgs::augment_args),
    ("doctor", doctor::DoctorArgs::augment_args),
    ("providers", providers::ProvidersArgs::augment_args),
    ("worktrees", worktrees::WorktreesArgs::augment_args),
];

/// A parser that knows this one command: to build the parsers of all of them
/// takes a twentieth of a short run. What it does not take is for the parser of
/// the whole program to refuse, or to help with.
pub(crate) fn parser_of(name: &str) -> Option<clap::Command> {
    let (name, augment) = BY_NAME.into_iter().find(|(known, _)| *known == name)?;
    Some(clap::Command::new("smol-wf").subcommand(augment(clap::Command::new(name))))
}

/// Does what was asked by a command of this name.
pub(crate) async fn execute(
    name: &str,
    command: Command,
    named: Named,
) -> Result<ExitCode, CommandError> {
    if let Some((argument, _)) = named.first().filter(|_| !TAKE_ARGS.contains(&name)) {
        let [commands @ .., last] = TAKE_ARGS.map(|name| format!("`{name}`"));
        let message = format!(
            "--args-{argument} is an argument of a workflow; {} and {last} take those",
            commands.join(", ")
        );
        return Err(CommandError::Usage(message));
    }
    // On the heap, those that run something, so that this is a small future.
    match command {
        Command::Run(args) => Box::pin(args.execute(named)).await,
        Command::Resume(args) => Box::pin(args.execute()).await,
        Command::Fork(args) => Box::pin(args.execute(named)).await,
        Command::Replay(args) => args.execute().await,
        Command::Test(args) => args.execute().await,
        Command::History(args) => args.execute().await,
        Command::Check(args) => args.execute().await,
        Command::Plan(args) => args.execute(named).await,
        Command::Explore(args) => args.execute(named).await,
        Command::Diff(args) => args.execute().await,
        Command::Export(args) => args.execute().await,
        Command::Import(args) => args.execute().await,
        Command::Config(args) => args.execute(),
        Command::Trust(args) => args.execute(),
        Command::Doctor(args) => args.execute().await,
        Command::Providers(args) => args.execute(),
        Command::Worktrees(args) => args.execute().await,
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[test]
    fn the_parser_of_each_command_alone_is_that_of_the_whole_program() {
        let arguments = |command: &clap::Command| -> Vec<String> {
            command.get_arguments().map(|one| format!("{one:?}")).collect()
        };
        let whole = crate::Cli::command();
        for command in whole.get_subcommands() {
            let name = command.get_name();
            let alone = parser_of(name).unwrap();
            let alone = alone.find_subcommand(name).unwrap();
            assert_eq!(arguments(alone), arguments(command), "{name}");
            let below = |one: &clap::Command| -> Vec<String> {
                one.get_subcommands().map(|one| one.get_name().to_owned()).collect()
            };
            assert_eq!(below(alone), below(command), "{name}");
        }
        assert_eq!(whole.get_subcommands().count(), BY_NAME.len());
        assert!(parser_of("rnu").is_none() && parser_of("help").is_none());
    }

    #[tokio::test]
    async fn what_takes_arguments_of_a_workflow_is_what_is_said_to() {
        let named = || vec![("topic".to_owned(), "x".into())];
        for (name, _) in BY_NAME.into_iter().filter(|(name, _)| !TAKE_ARGS.contains(name)) {
            let cli = crate::Cli::try_parse_from(["smol-wf", "trust", "--list"]).unwrap();
            let refused = execute(name, cli.command, named()).await.unwrap_err();
            let CommandError::Usage(said) = refused else { panic!("{name}: {refused:?}") };
            assert!(said.ends_with("`run`, `fork`, `plan` and `explore` take those"), "{said}");
        }
        assert!(TAKE_ARGS.iter().all(|name| parser_of(name).is_some()));
    }
}
