//! `smol-wf providers`: what each provider can do.
//!
//! Owns: the table and the names of capabilities in JSON. Never: asks a provider
//! anything.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value as Json, json};
use smol_wf_engine::providers::Capabilities;

use crate::agents::Catalogue;
use crate::config::{FlagLayer, Settings};
use crate::failure::{self, CommandError};
use crate::flags::JsonFlag;
use crate::output;
use crate::table::{Format, Table};

/// List the providers and what each can do
///
/// If a provider lacks a capability, smol-wf supplies it where it can (schemas);
/// otherwise the call is refused before it is sent.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ProvidersArgs {
    /// Script or folder whose settings apply
    #[arg(default_value = ".")]
    from: PathBuf,

    /// How to print the providers
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf providers
  smol-wf providers --output json";

/// The capabilities in the order of the columns, with their names as data.
fn named(can: Capabilities) -> [(&'static str, bool); 18] {
    [
        ("schema", can.schema),
        ("sessions", can.sessions),
        ("models", can.models),
        ("effort", can.effort),
        ("agentTypes", can.agent_types),
        ("files", can.files),
        ("readOnly", can.read_only),
        ("write", can.write),
        ("cost", can.cost),
        ("disallowedTools", can.disallowed_tools),
        ("tools", can.tools),
        ("bashCommandClamp", can.bash_command_clamp),
        ("system", can.system),
        ("dirs", can.dirs),
        ("maxTurns", can.max_turns),
        ("images", can.images),
        ("mcp", can.mcp),
        ("messages", can.messages),
    ]
}

impl ProvidersArgs {
    /// Prints the capabilities of all enabled providers. Fails if the settings
    /// are invalid.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        failure::check_exists(&self.from)?;
        let settings = Settings::load(FlagLayer::default(), &self.from)?;
        failure::print_warnings(&settings);
        let providers = Catalogue::of(&settings).all();
        let format = self.json.asked().unwrap_or(self.output);
        if format != Format::Text {
            let rows: Vec<Json> = providers
                .iter()
                .map(|provider| {
                    let can = named(provider.capabilities());
                    let can: serde_json::Map<String, Json> =
                        can.into_iter().map(|(name, can)| (name.to_owned(), can.into())).collect();
                    json!({ "name": provider.name(), "capabilities": can })
                })
                .collect();
            output::print(format, &json!({ "schemaVersion": 1, "providers": rows }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new([
            "PROVIDER",
            "SCHEMA",
            "SESSIONS",
            "MODELS",
            "EFFORT",
            "AGENT TYPES",
            "FILES",
            "READ",
            "WRITE",
            "COST",
            "DISALLOW",
        ]);
        for provider in &providers {
            let mut cells = [provider.name(), "", "", "", "", "", "", "", "", "", ""];
            let can = named(provider.capabilities());
            for (cell, (_, can)) in cells.iter_mut().skip(1).zip(can) {
                *cell = if can { "yes" } else { "-" };
            }
            table.row(cells);
        }
        output::line(&table.text())?;
        Ok(ExitCode::SUCCESS)
    }
}
