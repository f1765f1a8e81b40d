//! `smol-wf doctor`: whether runs can work on this machine.
//!
//! Owns: the questions to providers, the table and the verdict. Never: a fix.

mod checks;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use smol_wf_core::codes::Code;
use smol_wf_engine::providers::{Probe, Provider};
use tokio::task::JoinSet;

use crate::agents::{self, AgentChoice, Catalogue};
use crate::config::{AUTO, DEBUG, FlagLayer, Settings};
use crate::failure::{self, CommandError};
use crate::flags::{DbFlags, JsonFlag};
use crate::supervisor::supervisor;
use crate::table::{Format, Table};
use crate::{exit, output, progress};
use checks::{Check, State};

/// Longest time for one provider. Each of its own questions has a shorter limit;
/// this one covers all of them.
const PROBE_TIME_MAX: Duration = Duration::from_secs(75);

/// Check whether runs can work here, and say how to fix what is missing
///
/// Asks each agent's program for its version and looks for credentials; no model
/// is called. Exit codes: 0 runs can work, 69 no agent can be used, 1 something
/// else is wrong.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DoctorArgs {
    /// Script or folder whose settings apply
    #[arg(default_value = ".")]
    from: PathBuf,

    /// How to print the findings
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf doctor
  smol-wf doctor --output json";

/// One provider, and what it says about itself.
#[derive(Serialize)]
struct Agent {
    name: String,
    /// Whether a run may succeed with it.
    usable: bool,
    #[serde(flatten)]
    probe: Probe,
}

/// The output as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    schema_version: u32,
    /// The provider of a run that names none; `auto` if there is none.
    provider: String,
    agents: Vec<Agent>,
    checks: Vec<Check>,
    /// Whether the exit code is 0.
    ok: bool,
}

impl DoctorArgs {
    /// Runs all checks and prints them. With invalid settings it still checks the
    /// rest with the defaults. Returns the exit code of [`verdict`].
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let mut flags = FlagLayer::default();
        self.db.put(&mut flags);
        failure::check_exists(&self.from)?;
        let (settings, broken) = match Settings::load(flags, &self.from) {
            Ok(settings) => {
                let broken = settings.check().err();
                (settings, broken)
            }
            // With invalid settings, check the rest with the defaults.
            Err(error) => (Settings::defaults(), Some(error)),
        };
        let catalogue = Catalogue::of(&settings);
        let chosen = agents::choose(&settings);
        let mut checks = checks::settings(&settings, broken.as_ref());
        checks.push(checks::git().await);
        if broken.is_none() {
            checks.push(checks::database(&settings));
        }
        checks.push(checks::sandbox().await);
        let agents = probe_all(catalogue.all()).await;
        let code = verdict(&chosen, &agents, &checks);
        let ok = code == 0;
        let provider = match chosen.is_stand_in() && !progress::is_watched() {
            true => AUTO.to_owned(),
            false => chosen.answering.clone(),
        };
        let findings = Findings { schema_version: 1, provider, agents, checks, ok };
        match self.json.asked().unwrap_or(self.output) {
            format @ (Format::Json | Format::Jsonl) => output::print(format, &findings)?,
            Format::Text => output::line(&text(&findings, &chosen, code))?,
        }
        Ok(ExitCode::from(code))
    }
}

/// Asks all providers at once; the result keeps their order.
async fn probe_all(providers: Vec<Arc<dyn Provider>>) -> Vec<Agent> {
    let mut asked = JoinSet::new();
    for (position, provider) in providers.into_iter().enumerate() {
        asked.spawn(async move {
            let processes = supervisor().processes();
            let probed = tokio::time::timeout(PROBE_TIME_MAX, provider.probe(&processes)).await;
            let probe = probed.unwrap_or_else(|_| Probe {
                problem: Some(format!("does not answer within {} s", PROBE_TIME_MAX.as_secs())),
                ..Probe::UNKNOWN
            });
            let usable = probe.is_usable();
            (position, Agent { name: provider.name().to_owned(), usable, probe })
        });
    }
    let mut agents = asked.join_all().await;
    agents.sort_by_key(|(position, _)| *position);
    agents.into_iter().map(|(_, agent)| agent).collect()
}

/// The exit code.
fn verdict(chosen: &AgentChoice, agents: &[Agent], checks: &[Check]) -> u8 {
    if checks.iter().any(|check| check.state == State::Failed) {
        return exit::FAILED;
    }
    let usable = agents.iter().any(|agent| agent.name == chosen.answering && agent.usable);
    if usable && !chosen.is_stand_in() { 0 } else { exit::UNAVAILABLE }
}

/// Two tables, of agents and of checks, and one line with the verdict.
fn text(findings: &Findings, chosen: &AgentChoice, code: u8) -> String {
    let mut agents = Table::new(["AGENT", "VERSION", "LOGIN", "STATE"]);
    for agent in &findings.agents {
        let login = match agent.probe.logged_in {
            Some(true) => "yes",
            Some(false) => "no",
            None => "-",
        };
        let place = agent.probe.program.as_deref().map(Path::display);
        let state = match (&agent.probe.problem, place) {
            (Some(problem), _) => problem.clone(),
            // Only its program knows whether it is logged in, so `auto` skips it.
            (None, Some(place)) if agent.probe.logged_in.is_none() => format!("found, {place}"),
            (None, Some(place)) if agent.usable => format!("ready, {place}"),
            (None, Some(place)) => format!("not logged in, {place}"),
            (None, None) => "not installed".to_owned(),
        };
        let version = agent.probe.version.as_deref().unwrap_or("-");
        agents.row([&agent.name, version, login, &state]);
    }
    let mut checks = Table::new(["CHECK", "STATE", ""]);
    for check in &findings.checks {
        checks.row([check.name, check.state.word(), &check.detail]);
    }
    let verdict = match code {
        0 if findings.provider == DEBUG => {
            "Runs use debug, which sends nothing to a model.".to_owned()
        }
        0 => format!("Runs use {}.", findings.provider),
        exit::UNAVAILABLE => unavailable(findings, chosen),
        _ => "No run can work until the failed checks are fixed.".to_owned(),
    };
    format!("{}\n\n{}\n\n{verdict}", agents.text(), checks.text())
}

/// What happens to calls if the provider of a run cannot be used.
fn unavailable(findings: &Findings, chosen: &AgentChoice) -> String {
    let unnamed = match (chosen.is_stand_in(), chosen.is_unreachable()) {
        (false, _) => format!("Runs use {}, which cannot be used.", chosen.answering),
        (true, true) => format!(
            "No agent can be used: runs do not start ({}), except on a terminal, where {ECHO}.",
            Code::NoAgent
        ),
        (true, false) => format!(
            "A call that names no agent stops its run ({}), except on a terminal, where {ECHO}.",
            Code::NoAgent
        ),
    };
    let able = findings.agents.iter().filter(|agent| agent.usable && agent.name != DEBUG);
    let able: Vec<&str> = able.map(|agent| agent.name.as_str()).collect();
    let named = match able.as_slice() {
        [] => "No call reaches a model.".to_owned(),
        names if chosen.is_unreachable() => {
            format!("These can be used with --agent-provider: {}.", names.join(", "))
        }
        names => format!("Calls that name one of these reach it: {}.", names.join(", ")),
    };
    format!(
        "{unnamed} {named} Install an agent or log in as shown above, or choose one with --agent-provider."
    )
}

/// What happens on a terminal instead.
const ECHO: &str = "debug answers and sends nothing to a model";
