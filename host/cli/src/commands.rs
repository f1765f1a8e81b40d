//! The verbs: one file each.
//!
//! Owns: the list. Never: what they do.

mod again;
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
mod rehearsal;
mod replay;
mod resume;
mod run;
mod scripts;
mod test;
mod trust;
mod worktrees;

use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::CommandError;
use crate::workflow_args::Named;

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

/// Does what was asked.
pub(crate) async fn execute(command: Command, named: Named) -> Result<ExitCode, CommandError> {
    let takes_args = matches!(
        command,
        Command::Run(_) | Command::Fork(_) | Command::Plan(_) | Command::Explore(_)
    );
    if !named.is_empty() && !takes_args {
        let name = named.first().map(|(name, _)| name.as_str()).unwrap_or_default();
        let message = format!(
            "--args-{name} is an argument of a workflow; `run`, `fork`, `plan` and `explore` take those"
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
