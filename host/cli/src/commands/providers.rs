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
/// otherwise the call is refused before it is sent. MESSAGES: `smol-wf msg` reaches its
/// agent at work. ASKS: with `--asks person`, its agent waits for a person's leave.
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

/// The columns of the table, each with the name of its capability as data. Those that are
/// not among them are options of a call that few scripts use; JSON has them all.
const COLUMNS: [(&str, &str); 12] = [
    ("SCHEMA", "schema"),
    ("SESSIONS", "sessions"),
    ("MODELS", "models"),
    ("EFFORT", "effort"),
    ("AGENT TYPES", "agentTypes"),
    ("FILES", "files"),
    ("READ", "readOnly"),
    ("WRITE", "write"),
    ("COST", "cost"),
    ("DISALLOW", "disallowedTools"),
    ("MESSAGES", "messages"),
    ("ASKS", "asks"),
];

/// The capabilities, with their names as data.
fn named(can: Capabilities) -> [(&'static str, bool); 19] {
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
        ("asks", can.asks),
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
        let mut header = ["PROVIDER"; COLUMNS.len() + 1];
        for (cell, (title, _)) in header.iter_mut().skip(1).zip(COLUMNS) {
            *cell = title;
        }
        let mut table = Table::new(header);
        for provider in &providers {
            let mut cells = [provider.name(); COLUMNS.len() + 1];
            let can = named(provider.capabilities());
            for (cell, (_, column)) in cells.iter_mut().skip(1).zip(COLUMNS) {
                *cell = if can.contains(&(column, true)) { "yes" } else { "-" };
            }
            table.row(cells);
        }
        output::line(&table.text())?;
        Ok(ExitCode::SUCCESS)
    }
}
