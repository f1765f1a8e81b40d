//! Runs in the background: a process that outlives the one that started it.
//!
//! The starter starts this program again as a holder. Until the run is durable the
//! holder's stdout and stderr are pipes to the starter, so its errors and its exit code
//! become those of the starter. Then it says `ready` and the run's id on stdout, and
//! turns all three streams away: from there on its words are in the run's log.
//!
//! Owns: this protocol and the flag. Never: what the holder does; it is the same
//! command.

mod holder;
mod starter;
mod system;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::ids::RunId;

use crate::failure::CommandError;
use crate::output;
pub(crate) use holder::{begin, is_away, is_holder, leave};
pub(crate) use starter::{
    NotDetached, start_holder, start_holder_apart, start_holder_saying, this_program,
};

/// Running in the background
#[derive(Debug, Args)]
pub(crate) struct DetachFlags {
    /// Print the run's id as soon as the run is stored, and go on in the background;
    /// `smol-wf attach RUN` follows it
    #[arg(long, conflicts_with = "events")]
    detach: bool,
}

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    schema_version: u32,
    run_id: RunId,
}

impl DetachFlags {
    /// With `--detach`, starts this command again in the background and prints the id
    /// of its run, as a line or as JSON. `None` if this process is to do the work
    /// itself.
    pub(crate) fn start(&self, is_json: bool) -> Option<Result<ExitCode, CommandError>> {
        if !self.detach || is_holder() {
            return None;
        }
        Some(match start_holder(std::env::args_os().skip(1)) {
            Ok(run) => {
                let printed = if is_json {
                    output::document(&Started { schema_version: 1, run_id: run })
                } else {
                    output::line(run.as_str())
                };
                printed.map(|()| ExitCode::SUCCESS).map_err(CommandError::from)
            }
            Err(NotDetached::Ended(code)) => Ok(ExitCode::from(code)),
            Err(NotDetached::System(error)) => Err(error.into()),
        })
    }
}
