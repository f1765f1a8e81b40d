//! Runs in the background: a process that outlives the one that started it.
//!
//! The poster starts this program again as a holder. Until the run is durable the
//! holder's stdout and stderr are pipes to the poster, so its errors and its exit code
//! become those of the poster. Then it says `ready` and the run's id on stdout, and
//! turns all three streams away: from there on its words are in the run's log.
//!
//! Owns: this protocol and the flag. Never: what the holder does; it is the same
//! command.

mod holder;
mod poster;
mod system;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::ids::RunId;

use crate::failure::CommandError;
pub(crate) use holder::{begin, is_away, is_holder, leave};
pub(crate) use poster::{NotDetached, start_holder};

/// Running in the background
#[derive(Debug, Args)]
pub(crate) struct DetachFlags {
    /// Print the run's id as soon as the run is stored, and go on in the background;
    /// `smol-wf attach RUN` follows it
    #[arg(long, conflicts_with = "events")]
    detach: bool,
}

impl DetachFlags {
    /// With `--detach`, starts this command again in the background and prints the id
    /// of its run, as JSON if that was asked for. `None` if this process is to do the work itself.
    pub(crate) fn start(&self, as_json: bool) -> Option<Result<ExitCode, CommandError>> {
        if !self.detach || is_holder() {
            return None;
        }
        Some(match start_holder(std::env::args_os().skip(1)) {
            Ok(run) => print(&run, as_json).map(|()| ExitCode::SUCCESS).map_err(CommandError::from),
            Err(NotDetached::Ended(code)) => Ok(ExitCode::from(code)),
            Err(NotDetached::System(error)) => Err(error.into()),
        })
    }
}

/// The JSON document with the id of a run that was started.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Started<'a> {
    schema_version: u32,
    run_id: &'a RunId,
}

fn print(run: &RunId, as_json: bool) -> std::io::Result<()> {
    match as_json {
        true => crate::output::document(&Started { schema_version: 1, run_id: run }),
        false => crate::output::line(run.as_str()),
    }
}
