//! `smol-wf test`: replays fixtures against the current scripts.
//!
//! Owns: which fixtures run, and where verdicts go. Never: judges a fixture; the
//! engine does.

mod agents;
mod fixture_test;
mod folder_lock;
mod github;
mod junit;
mod verdict_text;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use smol_wf_engine::CancellationToken;

use super::fixture;
use super::simulation::OutputFlags;
use crate::config::{Key, Value};
use crate::failure::{CommandError, print_message, report};
use crate::flags::reader;
use crate::humanize::plural;
use crate::setup::engine_without_db;
use crate::signals::Signals;
use crate::{exit, file_output, output};
use agents::Agents;
use fixture_test::{FixtureResult, Tester};

/// Replay fixtures against the current scripts
///
/// Nothing is sent to agents: the fixture answers every step, by its content. A
/// fixture fails if it has no answer for a step, if a recorded step no longer
/// occurs, if the result differs, or if a rule in `<fixture>.assert.json` is
/// broken. The exit code is then 7.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// Fixtures, or folders to search for *.swf [default: the current folder]
    paths: Vec<PathBuf>,

    /// Update fixtures to what the current scripts do, if they hold all answers
    #[arg(long)]
    accept: bool,

    /// Ask agents for the answers that a fixture lacks, and add them to it
    #[arg(long, value_name = "WHICH", conflicts_with = "accept")]
    record: Option<Record>,

    /// Provider for the steps to record, if they do not name one; the same values
    /// as for `run` [default: that of the fixture]
    #[arg(long, value_name = "PROVIDER", requires = "record", value_parser = reader(Key::Provider))]
    agent_provider: Option<Value>,

    /// Rules of the debug provider
    #[arg(long, value_name = "MATCH=ACTION", requires = "record")]
    debug_rule: Vec<String>,

    /// New path of a script that was moved, for one fixture; --accept and
    /// --record store the path in the fixture
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,

    /// Also write the verdicts to this file, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    #[command(flatten)]
    output: OutputFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf test
  smol-wf test tests/review.swf --accept
  smol-wf test --record missing --agent-provider claude-code
  smol-wf test tests/review.swf --script flows/moved.js --accept
  smol-wf test --junit report.xml";

/// The values of `--record`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Record {
    /// Steps for which the fixture has no answer
    Missing,
}

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tests<'a> {
    schema_version: u32,
    /// Whether all fixtures passed.
    pass: bool,
    fixtures: &'a [FixtureResult],
}

impl TestArgs {
    /// Tests every fixture and prints the verdicts. Returns 7 if one fails, or
    /// the exit code of a signal that stopped the tests.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let fixtures = self.fixtures()?;
        self.junit.as_deref().into_iter().for_each(file_output::hold);
        // Without agents a signal may end the process at once: nothing is lost.
        let signals = self.record.map(|_| Signals::listen());
        let cancel = signals.as_ref().map(|signals| signals.cancel.clone()).unwrap_or_default();
        let mut tester = self.tester(cancel.clone())?;
        let mut tested = Vec::with_capacity(fixtures.len());
        let mut printed = Ok(());
        for found in &fixtures {
            if cancel.is_cancelled() {
                break;
            }
            let one = Box::pin(tester.test(found)).await;
            if !self.output.is_json() && printed.is_ok() {
                // No agent is at work and all answers are on disk, so a signal
                // may end the process.
                release_signals(signals.as_ref());
                printed = output::line(&verdict_text::of_test(&one));
                if let Some(signals) = &signals {
                    signals.work_goes_on();
                }
            }
            tested.push(one);
        }
        release_signals(signals.as_ref());
        let failed = tested.iter().filter(|one| !one.pass).count();
        if self.output.is_json() {
            let pass = failed == 0;
            printed = output::document(&Tests { schema_version: 1, pass, fixtures: &tested });
        }
        let junit = self.junit.as_ref();
        let written =
            junit.map_or(Ok(()), |path| fixture::write_report(path, &junit::document(&tested)));
        // If one output fails, the others are still written.
        let outputs = [printed.map_err(Into::into), written, github::report(&tested)];
        let failed_outputs: Vec<ExitCode> =
            outputs.into_iter().filter_map(Result::err).map(|error| report(&error)).collect();
        print_message(&format!("{}, {failed} failed", plural(tested.len(), "fixture")));
        let is_cut = failed > 0 || tested.len() < fixtures.len();
        if let Some(code) = signals.and_then(|signals| signals.code()).filter(|_| is_cut) {
            print_stopped(&tested, fixtures.len());
            return Ok(ExitCode::from(code));
        }
        Ok(match failed_outputs.first() {
            _ if failed > 0 => ExitCode::from(exit::MISMATCH),
            Some(code) => *code,
            None => ExitCode::SUCCESS,
        })
    }

    /// The fixtures to test. Fails with a usage error if there are none.
    fn fixtures(&self) -> Result<Vec<fixture::FixtureFile>, CommandError> {
        let here = [PathBuf::from(".")];
        let places = if self.paths.is_empty() { &here[..] } else { &self.paths };
        let fixtures = fixture::find(places)?;
        if fixtures.is_empty() {
            let message =
                "there is no fixture; record one: smol-wf export latest --fixture NAME.swf";
            return Err(CommandError::Usage(message.to_owned()));
        }
        if self.script.is_some() && fixtures.len() > 1 {
            let message = format!(
                "--script is for one fixture, and there are {}; give only the fixture of this script",
                fixtures.len()
            );
            return Err(CommandError::Usage(message));
        }
        Ok(fixtures)
    }

    /// The options of all tests, from the flags.
    fn tester(&self, cancel: CancellationToken) -> Result<Tester, CommandError> {
        let agents = self.record.map(|Record::Missing| Agents {
            provider: self.agent_provider.clone(),
            debug_rules: self.debug_rule.clone(),
            printed: BTreeSet::new(),
        });
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Ok(Tester {
            engine: engine_without_db()?,
            accept: self.accept,
            script: self.script.as_ref().map(absolute),
            agents,
            cancel,
        })
    }
}

/// From here on a signal ends the process, even if it waits for a reader of
/// stdout.
fn release_signals(signals: Option<&Signals>) {
    if let Some(signals) = signals {
        signals.all_is_over();
    }
}

/// Prints what a signal left undone.
fn print_stopped(tested: &[FixtureResult], fixtures: usize) {
    let kept = match tested.iter().any(|one| one.kept) {
        true => "; answers of agents are stored and will not be asked for again",
        false => "",
    };
    let left_out = match fixtures - tested.len() {
        0 => String::new(),
        count => format!("; {} not tested", plural(count, "fixture")),
    };
    print_message(&format!("stopped{left_out}{kept}; continue with the same command"));
}
