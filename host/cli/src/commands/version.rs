//! `smol-wf version`: what this program is and what it can read.
//!
//! Owns: the facts. Never: asks anyone for a newer one.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::surface::Surface;
use smol_wf_engine::Engine;

use crate::failure::CommandError;
use crate::output;

/// Show the version, and what it goes by
///
/// `smol-wf --version` prints the first line alone.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf version
  smol-wf version --json";

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    schema_version: u32,
    version: &'static str,
    /// Digest of the sandbox's engine: replays of runs of another one compare no fuel.
    guest: String,
    /// The newest surface of scripts.
    surface: u32,
    os: &'static str,
    arch: &'static str,
}

impl VersionArgs {
    /// Prints the version.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        let version = Version {
            schema_version: 1,
            version: env!("CARGO_PKG_VERSION"),
            guest: Engine::guest_digest().to_string(),
            surface: Surface::CURRENT.number(),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        };
        if self.json {
            output::document(&version)?;
        } else {
            let Version { version, guest, surface, os, arch, .. } = version;
            output::line(&format!(
                "smol-wf {version}\nguest {guest}\nsurface {surface}\nplatform {os} {arch}"
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
