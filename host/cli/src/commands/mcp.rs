//! `smol-wf mcp`: serves workflows to clients of the Model Context Protocol.
//!
//! Owns: its flags. Never: the protocol.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::settings_of;
use crate::failure::CommandError;
use crate::flags::DbFlags;
use crate::mcp::{self, Offer};

/// Serve workflows to clients of the Model Context Protocol
///
/// Agents and editors list, check, plan and run workflows with its tools. Runs go on in the
/// background when the client or this server ends. It speaks on stdin and stdout until
/// stdin ends, or over HTTP on the loopback, where a client needs a token.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct McpArgs {
    /// Serve HTTP at this address of the loopback; port 0 takes a free one. The token is
    /// that of SMOL_WF_MCP_TOKEN, otherwise a new one, printed on stderr
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    http: Option<SocketAddr>,

    /// Folder of calls that name none: workflows are looked for there, and agents work
    /// there [default: the client's only root]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Let clients answer questions of scripts; approvals go to the client's user
    #[arg(long)]
    allow_answers: bool,

    /// Offer each workflow as a tool of its own as well
    #[arg(long)]
    workflow_tools: bool,

    /// Offer only tools that change nothing
    #[arg(long, conflicts_with_all = ["allow_answers", "workflow_tools"])]
    read_only: bool,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  claude mcp add smol-wf -- smol-wf mcp
  codex mcp add smol-wf -- smol-wf mcp
  smol-wf mcp --http 127.0.0.1:7411 --read-only";

impl McpArgs {
    /// Serves. Fails if the address, the folder or the settings cannot be used.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let cwd = self.cwd.map(|named| {
            let real = named.canonicalize().ok().filter(|path| path.is_dir());
            real.ok_or_else(|| {
                CommandError::Usage(format!(
                    "--cwd {} is not a folder",
                    crate::sanitize::path(&named)
                ))
            })
        });
        let offer = Offer {
            answers: self.allow_answers,
            workflow_tools: self.workflow_tools,
            read_only: self.read_only,
            cwd: cwd.transpose()?,
        };
        mcp::serve(settings_of(&self.db)?, offer, self.http).await
    }
}

/// A value parser for clap: an address that only this machine reaches.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "give an address and a port, such as 127.0.0.1:7411".to_owned())?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(format!(
            "{} is not an address of the loopback, and others could reach it; use 127.0.0.1",
            address.ip()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::loopback;

    #[test]
    fn only_the_loopback_is_served() {
        for good in ["127.0.0.1:0", "127.0.0.2:80", "[::1]:7411"] {
            loopback(good).unwrap();
        }
        for wrong in ["0.0.0.0:80", "192.168.1.1:80", "[::]:1", "7411", "localhost:1", ""] {
            loopback(wrong).unwrap_err();
        }
    }
}
