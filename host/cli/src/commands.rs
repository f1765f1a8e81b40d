//! The verbs: one file each.
//!
//! Owns: the list. Never: what they do.

mod check;
mod config;
mod doctor;
mod explore;
mod history;
mod plan;
mod providers;
mod rehearsal;
mod resume;
mod run;
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
    History(history::HistoryArgs),
    Check(check::CheckArgs),
    Plan(Box<plan::PlanArgs>),
    Explore(Box<explore::ExploreArgs>),
    Config(config::ConfigArgs),
    Trust(trust::TrustArgs),
    Doctor(doctor::DoctorArgs),
    Providers(providers::ProvidersArgs),
    Worktrees(worktrees::WorktreesArgs),
}

/// Does what was asked.
pub(crate) async fn execute(command: Command, named: Named) -> Result<ExitCode, CommandError> {
    let takes_args = matches!(command, Command::Run(_) | Command::Plan(_) | Command::Explore(_));
    if !named.is_empty() && !takes_args {
        let name = named.first().map(|(name, _)| name.as_str()).unwrap_or_default();
        let message = format!(
            "--args-{name} is an argument of a workflow; `run`, `plan` and `explore` take those"
        );
        return Err(CommandError::Usage(message));
    }
    match command {
        Command::Run(args) => args.execute(named).await,
        Command::Resume(args) => args.execute().await,
        Command::History(args) => args.execute().await,
        Command::Check(args) => args.execute().await,
        Command::Plan(args) => args.execute(named).await,
        Command::Explore(args) => args.execute(named).await,
        Command::Config(args) => args.execute(),
        Command::Trust(args) => args.execute(),
        Command::Doctor(args) => args.execute().await,
        Command::Providers(args) => args.execute(),
        Command::Worktrees(args) => args.execute().await,
    }
}
