//! `smol-wf config`: the settings in effect and the files that they come from.
//!
//! Owns: the output. Never: reads a settings file itself; `config` does.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value as Json, json};
use smol_wf_core::ids::Digest;

use crate::config::{
    self, DIRS, FlagLayer, Key, MCP, MODEL_MAP, Origin, PROVIDERS, ProviderSettings, Settings,
    Sourced, Trust, user_path,
};
use crate::failure::{self, CommandError};
use crate::flags::{AgentFlags, DbFlags, JsonFlag, LimitFlags, LogFlags, StepFlags};
use crate::output;
use crate::table::{Format, Table};

/// Show the settings in effect
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(Box<ShowArgs>),
    Path(PathArgs),
}

/// Show each setting and where it comes from
///
/// Takes the flags of `run`. The values of an agent's environment are never
/// shown.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
struct ShowArgs {
    /// Script or folder where the search for settings begins
    #[arg(default_value = ".")]
    from: PathBuf,

    /// How to print the settings
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    steps: StepFlags,

    #[command(flatten)]
    agents: AgentFlags,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    log: LogFlags,

    #[command(flatten)]
    db: DbFlags,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  smol-wf config show
  smol-wf config show --output json
  smol-wf config show review.js --max-agents 50";

/// Show where the settings files are
#[derive(Debug, Args)]
#[command(after_help = PATH_EXAMPLES)]
struct PathArgs {
    /// Script or folder where the search for settings begins
    #[arg(default_value = ".")]
    from: PathBuf,

    /// How to print the settings
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,
}

const PATH_EXAMPLES: &str = "\
Examples:
  smol-wf config path
  smol-wf config path --output json";

impl ConfigArgs {
    /// Prints the settings in effect, or the paths of the settings files. Fails
    /// if a file or variable is invalid.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        match self.verb {
            Verb::Show(args) => args.execute(),
            Verb::Path(args) => args.execute(),
        }
    }
}

/// One setting, as it is printed.
#[derive(Serialize)]
struct Row {
    /// Name in a settings file, such as `max_agents` or `mcp.github`.
    key: String,
    /// The value in effect; for an environment only the names.
    value: Json,
    /// The layer: `flag`, `environment`, `project`, `user` or `default`.
    origin: &'static str,
    /// Flag, variable, or file and line; null for a default.
    source: Option<String>,
}

impl Row {
    /// A row with the layer and the place of its origin.
    fn new(key: String, value: Json, origin: &Origin) -> Self {
        Self { key, value, origin: origin.layer(), source: origin.source() }
    }

    /// A provider as a row. Only the names of its environment are shown, because
    /// values may be secret.
    fn of_provider(name: &str, given: &Sourced<ProviderSettings>) -> Self {
        let settings = &given.value;
        let value = json!({
            "kind": settings.kind.word(),
            "enabled": settings.enabled,
            "program": settings.program,
            "command": settings.command,
            "args": settings.args,
            "env": settings.env.keys().collect::<Vec<_>>(),
            "envAllow": settings.env_allow,
            "subagents": settings.subagents,
        });
        Self::new(format!("{PROVIDERS}.{name}"), value, &given.origin)
    }
}

impl ShowArgs {
    /// Prints all settings. Fails, as a run would, if one of them cannot be
    /// used.
    fn execute(&self) -> Result<ExitCode, CommandError> {
        let mut flags = FlagLayer::default();
        self.steps.put(&mut flags);
        self.agents.put(&mut flags);
        self.limits.put(&mut flags);
        self.log.put(&mut flags);
        self.db.put(&mut flags);
        failure::check_exists(&self.from)?;
        let settings = Settings::load(flags, &self.from)?;
        settings.check()?;
        failure::print_warnings(&settings);
        match self.json.asked().unwrap_or(self.output) {
            format @ (Format::Json | Format::Jsonl) => {
                let rows = rows(&settings);
                output::print(format, &json!({ "schemaVersion": 1, "settings": rows }))?;
            }
            Format::Text => output::line(&text(&settings))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// All settings for JSON: those of [`Key`], then aliases, providers, MCP servers
/// and folders. A setting without a value is null.
fn rows(settings: &Settings) -> Vec<Row> {
    let values = Key::ALL.into_iter().map(|key| match settings.get(key) {
        Some(given) => Row::new(key.name().to_owned(), given.value.json(), &given.origin),
        None => Row::new(key.name().to_owned(), Json::Null, &Origin::Default),
    });
    let aliases = settings.model_map.iter().map(|(alias, given)| {
        Row::new(format!("{MODEL_MAP}.{alias}"), json!(given.value), &given.origin)
    });
    let providers = settings.providers.iter();
    let providers = providers.map(|(name, given)| Row::of_provider(name, given));
    let servers = settings.mcp.iter().map(|(name, given)| {
        let value = json!(given.value.summary());
        Row::new(format!("{MCP}.{name}"), value, &given.origin)
    });
    let dirs = settings.dirs.iter();
    let dirs = dirs.map(|given| Row::new(DIRS.to_owned(), json!(given.value), &given.origin));
    values.chain(aliases).chain(providers).chain(servers).chain(dirs).collect()
}

/// The same as a table; a setting without a value is `-`.
fn text(settings: &Settings) -> String {
    let mut table = Table::new(["SETTING", "VALUE", "ORIGIN"]);
    for key in Key::ALL {
        let given = settings.get(key);
        let value = given.map_or_else(|| "-".to_owned(), |given| given.value.to_string());
        let origin = given.map_or(&Origin::Default, |given| &given.origin);
        table.row([key.name(), &value, &origin.to_string()]);
    }
    for (alias, given) in &settings.model_map {
        table.row([&format!("{MODEL_MAP}.{alias}"), &given.value, &given.origin.to_string()]);
    }
    for (name, given) in &settings.providers {
        let (key, origin) = (format!("{PROVIDERS}.{name}"), given.origin.to_string());
        table.row([&key, &given.value.summary(), &origin]);
    }
    for (name, given) in &settings.mcp {
        let (key, origin) = (format!("{MCP}.{name}"), given.origin.to_string());
        table.row([&key, &given.value.summary(), &origin]);
    }
    if let Some(given) = &settings.dirs {
        table.row([DIRS, &config::in_words(&given.value), &given.origin.to_string()]);
    }
    table.text()
}

/// One settings file, whether it exists or not.
#[derive(Serialize)]
struct FileRow {
    /// `project` or `user`.
    layer: &'static str,
    file: PathBuf,
    exists: bool,
    /// Null for the user file, which needs no trust.
    trust: Option<Trust>,
    digest: Option<Digest>,
}

impl PathArgs {
    /// Prints the files of the project and of the user. Fails if one of them is
    /// invalid.
    fn execute(&self) -> Result<ExitCode, CommandError> {
        failure::check_exists(&self.from)?;
        let settings = Settings::load(FlagLayer::default(), &self.from)?;
        let project = settings.project_file.as_ref().map(|project| FileRow {
            layer: "project",
            file: project.file.clone(),
            exists: true,
            trust: Some(project.trust),
            digest: Some(project.digest.clone()),
        });
        let user = user_path().map(|file| FileRow {
            layer: "user",
            file,
            exists: settings.user_file.is_some(),
            trust: None,
            digest: None,
        });
        let files: Vec<FileRow> = project.into_iter().chain(user).collect();
        let format = self.json.asked().unwrap_or(self.output);
        if format != Format::Text {
            output::print(format, &json!({ "schemaVersion": 1, "files": files }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut table = Table::new(["LAYER", "FILE", "STATE"]);
        for row in &files {
            let state = match (row.exists, row.trust) {
                (false, _) => "absent",
                (true, Some(Trust::Untrusted)) => "not trusted",
                (true, Some(Trust::Changed)) => "not trusted: changed since",
                (true, Some(Trust::Trusted)) => "trusted",
                (true, None) => "read",
            };
            table.row([row.layer, &row.file.display().to_string(), state]);
        }
        output::line(&table.text())?;
        Ok(ExitCode::SUCCESS)
    }
}
