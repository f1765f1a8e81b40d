//! What `plan` and `explore` share: a script that runs with simulated agents.
//!
//! Owns: the common flags and the request that they make. Never: the result.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use smol_wf_core::limits::{self, Limits};
use smol_wf_engine::RunSpec;
use smol_wf_engine::simulate::Simulator;

use crate::agents::Catalogue;
use crate::config::{FlagLayer, Key, Settings};
use crate::failure::{self, CommandError};
use crate::find_script::{SCRIPT_HELP, find_script};
use crate::flags::{StepFlags, path_value};
use crate::usage_hints;
use crate::workflow_args::{Named, Sources};
use crate::working_folder::PlaceFlags;
use crate::{agents, setup, shell};

/// The script to simulate, and how
#[derive(Debug, Args)]
pub(super) struct SimulationFlags {
    #[arg(help = SCRIPT_HELP)]
    pub(super) script: PathBuf,

    /// All arguments of the workflow as JSON, or @FILE to read them from a file
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    args: Option<String>,

    /// Arguments of the workflow from a JSON or YAML file that holds an object;
    /// `-` reads stdin; may be repeated
    #[arg(long, value_name = "FILE")]
    args_from_file: Vec<PathBuf>,

    /// Seed of Math.random, of the generated answers and of the schedules
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = usage_hints::whole_number::<u64>(0, u64::MAX))]
    pub(super) seed: u64,

    /// Value of the script's `budget.total`, in output tokens
    #[arg(long, value_name = "TOKENS", value_parser = usage_hints::whole_number::<u64>(0, u64::MAX))]
    budget_allowance: Option<u64>,

    #[command(flatten)]
    steps: StepFlags,

    /// Most agents at work at once [default: 16]
    #[arg(long, value_name = "N", value_parser = usage_hints::whole_number::<u32>(1, limits::PARALLEL_AGENTS_MAX.into()))]
    max_parallel_agents: Option<u32>,

    /// Stop after this many agents: the script may not end by itself [default:
    /// 1000]
    #[arg(long, value_name = "N", value_parser = usage_hints::whole_number::<u32>(1, limits::AGENTS_MAX.into()))]
    max_agents: Option<u32>,

    /// Fuel of the script; one turn may use a tenth of it [default: 100000000000]
    #[arg(long, value_name = "UNITS", value_parser = usage_hints::whole_number::<u64>(1, u64::MAX))]
    fuel: Option<u64>,

    #[command(flatten)]
    places: PlaceFlags,

    #[command(flatten)]
    pub(super) output: OutputFlags,
}

/// How to print the result
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct OutputFlags {
    /// How to print the result
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    /// The same as --output json
    #[arg(long)]
    json: bool,
}

impl OutputFlags {
    /// Whether to print JSON.
    pub(super) fn is_json(self) -> bool {
        self.json || self.output == Format::Json
    }
}

/// The values of `--output`, which has no `jsonl` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// A script that is ready to be simulated.
pub(super) struct PreparedScript {
    /// Runs the script with simulated agents.
    pub(super) simulator: Simulator,
    /// Text of the script, for snippets in messages.
    pub(super) text: String,
    /// Script and flags of this simulation, quoted for a shell, to run it again.
    pub(super) rerun_words: String,
}

impl SimulationFlags {
    /// Loads the script, its arguments and settings. Fails if one of them cannot
    /// be used, or if the script does not compile.
    pub(super) async fn prepare(
        &self,
        named: Named,
        prices: Option<&PathBuf>,
    ) -> Result<PreparedScript, CommandError> {
        let script = find_script(&self.script)?.announced();
        let text = String::from_utf8_lossy(&script.bytes).into_owned();
        let json = self.args.as_deref();
        let args = Sources { files: &self.args_from_file, json, named }.fit(&script)?;
        let rerun_words = self.rerun_words(args.as_deref());
        let default = Limits::default();
        let limits = Limits {
            fuel: self.fuel.unwrap_or(default.fuel),
            agents: self.max_agents.unwrap_or(default.agents),
            parallel_agents: self.max_parallel_agents.unwrap_or(default.parallel_agents),
            ..default
        };
        let mut flags = FlagLayer::default();
        self.steps.put(&mut flags);
        flags.add(Key::Prices, path_value(prices).as_ref());
        let settings = Settings::load(flags, &self.places.folder()?)?;
        failure::print_warnings(&settings);
        let aliases = settings.model_map.iter();
        let request = RunSpec {
            args,
            limits,
            budget: self.budget_allowance,
            provider: agents::choose(&settings).name,
            defaults: setup::step_defaults(&settings),
            model_map: aliases.map(|(alias, given)| (alias.clone(), given.value.clone())).collect(),
            seed: Some(self.seed),
            settings: setup::run_settings(&settings, self.places.of_new()?)?,
            ..RunSpec::new(script)
        };
        let simulator = Simulator::new(request, &Catalogue::of(&settings)).await?;
        Ok(PreparedScript { simulator, text, rerun_words })
    }

    /// The script and those flags that change the result, quoted for a shell.
    fn rerun_words(&self, args: Option<&str>) -> String {
        let mut words = vec![self.script.to_string_lossy().into_owned()];
        let mut flag = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.push(name.to_owned());
                words.push(value);
            }
        };
        flag("--args", args.map(str::to_owned));
        flag("--budget-allowance", self.budget_allowance.map(|value| value.to_string()));
        flag("--max-parallel-agents", self.max_parallel_agents.map(|value| value.to_string()));
        flag("--max-agents", self.max_agents.map(|value| value.to_string()));
        flag("--fuel", self.fuel.map(|value| value.to_string()));
        for (name, value) in self.steps.words() {
            flag(name, Some(value));
        }
        let path =
            |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        flag("--cwd", path(&self.places.cwd));
        flag("--project-root", path(&self.places.project_root));
        flag("--seed", Some(self.seed.to_string()));
        words.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ")
    }
}
