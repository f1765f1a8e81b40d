//! The Model Context Protocol: workflows as tools of any client.
//!
//! A tool that needs a folder is a command of this program, run in that folder by a
//! process of its own: the server has no folder, and hosts start it in odd ones. What is
//! about one run reads and posts to its journal here. No run is held here, so none ends
//! with the server or its client.
//!
//! Owns: the one place that knows the protocol and the library for it. Never: a rule of
//! runs, or stdout, which is the protocol's alone.

mod answer;
mod args_form;
mod bounds;
mod call;
mod child;
mod describe;
mod find;
mod folder;
mod hold;
mod http;
mod messages;
mod person;
mod posts;
mod result;
mod rights;
mod run;
mod server;
mod sessions;
mod shared;
mod status;
mod stdio;
mod tasks;
mod token;
mod tools;
mod unfit;
mod workflow_tools;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::Settings;
use crate::failure::CommandError;
use crate::signals::Signals;
use server::Server;
pub(crate) use shared::Offer;
use shared::Shared;

/// Serves until the client closes stdin, or a signal comes. With an address, serves HTTP
/// there until a signal comes. Runs go on.
pub(crate) async fn serve(
    settings: Settings,
    offer: Offer,
    address: Option<SocketAddr>,
) -> Result<ExitCode, CommandError> {
    let signals = Signals::listen();
    let shared = Arc::new(Shared::new(settings, offer)?);
    let server = Server::new(shared.clone());
    match address {
        Some(address) => Box::pin(http::serve(server, address, signals.cancel.clone())).await?,
        None => Box::pin(stdio::serve(server, signals.cancel.clone())).await?,
    }
    signals.all_is_over();
    // A holder whose starter ends before the run is durable stops it.
    shared.starts_are_over().await;
    shared.say_which_go_on().await;
    Ok(signals.code().map_or(ExitCode::SUCCESS, ExitCode::from))
}
