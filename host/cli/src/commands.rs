//! The verbs: one file each.
//!
//! Owns: the list. Never: what they do.

mod config;
mod doctor;
mod export;
mod fixture;
mod fork;
mod history;
mod providers;
mod replay;
mod resume;
mod run;
mod test;
mod trust;

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
    Export(export::ExportArgs),
    Test(test::TestArgs),
    History(history::HistoryArgs),
    Config(config::ConfigArgs),
    Trust(trust::TrustArgs),
    Doctor(doctor::DoctorArgs),
    Providers(providers::ProvidersArgs),
}

/// Does what was asked.
pub(crate) async fn execute(command: Command, named: Named) -> Result<ExitCode, CommandError> {
    if !named.is_empty() && !matches!(command, Command::Run(_) | Command::Fork(_)) {
        let name = named.first().map(|(name, _)| name.as_str()).unwrap_or_default();
        let message =
            format!("--args-{name} is an argument of a workflow; only `run` and `fork` take those");
        return Err(CommandError::Usage(message));
    }
    match command {
        Command::Run(args) => args.execute(named).await,
        Command::Resume(args) => args.execute().await,
        Command::Fork(args) => args.execute(named).await,
        Command::Replay(args) => args.execute().await,
        Command::Export(args) => args.execute().await,
        Command::Test(args) => args.execute().await,
        Command::History(args) => args.execute().await,
        Command::Config(args) => args.execute(),
        Command::Trust(args) => args.execute(),
        Command::Doctor(args) => args.execute().await,
        Command::Providers(args) => args.execute(),
    }
}
