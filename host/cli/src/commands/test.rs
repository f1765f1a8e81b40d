//! `smol-wf test`.

mod github;
mod junit;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::Serialize;
use smol_wf_engine::{CancellationToken, Engine, FixtureRequest, FixtureVerdict, Keep, LiveCalls};

use super::fixture;
use super::run::INSTANCES_MAX;
use crate::failure::{CommandError, talk};
use crate::setup::engine_without_db;
use crate::signals::Signals;
use crate::words::plural;
use crate::{exit, output};

/// Replay fixtures against the scripts of today
///
/// Nothing is sent anywhere: every call is answered by the fixture, by its
/// content. A fixture fails when a call has no answer in it, when a recorded
/// call is no longer made, when the result is another one, or when a rule of
/// `<fixture>.assert.json` is broken; then the exit code is 7.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TestArgs {
    /// Fixtures, or folders to look for *.swf in [default: this folder]
    paths: Vec<PathBuf>,

    /// Make fixtures say what the scripts of today do, where they hold all
    /// answers
    #[arg(long)]
    accept: bool,

    /// Ask agents for answers that a fixture lacks, and write them into it
    #[arg(long, value_name = "WHICH", conflicts_with = "accept")]
    record: Option<Record>,

    /// Provider for recorded calls that name none [default: that of the fixture]
    #[arg(long, value_name = "PROVIDER", requires = "record")]
    agent_provider: Option<String>,

    /// Rules of the debug provider
    #[arg(long, value_name = "MATCH=ACTION", requires = "record")]
    debug_rule: Vec<String>,

    /// Write the verdicts to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// How to print the verdicts
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf test
  smol-wf test tests/review.swf --accept
  smol-wf test --record missing --agent-provider claude-code
  smol-wf test --junit report.xml";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Record {
    /// Calls that the fixture has no answer for
    Missing,
}

/// What came of one fixture.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested {
    fixture: String,
    pass: bool,
    /// The fixture was written anew.
    updated: bool,
    /// Agents answered, and the run has no end yet: the answers are kept beside
    /// the fixture.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    kept: bool,
    #[serde(flatten)]
    verdict: Option<FixtureVerdict>,
    /// Why there is no verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    took: Duration,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tests<'a> {
    schema_version: u32,
    pass: bool,
    fixtures: &'a [Tested],
}

impl TestArgs {
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let here = [PathBuf::from(".")];
        let places = if self.paths.is_empty() { &here[..] } else { &self.paths };
        let fixtures = fixture::find(places)?;
        if fixtures.is_empty() {
            let message =
                "there is no fixture; record one: smol-wf export latest --fixture NAME.swf";
            return Err(CommandError::Usage(message.to_owned()));
        }
        let engine = engine_without_db(INSTANCES_MAX)?;
        // Where nobody is asked, there is nothing to be lost.
        let signals = self.record.map(|_| Signals::listen());
        let cancel = signals.as_ref().map(|signals| signals.cancel.clone()).unwrap_or_default();
        let mut tested = Vec::with_capacity(fixtures.len());
        for path in &fixtures {
            if cancel.is_cancelled() {
                break;
            }
            let one = self.test(&engine, path, &cancel).await?;
            if self.output == Format::Text {
                output::line(&words::of_test(&one))?;
            }
            tested.push(one);
        }
        let failed = tested.iter().filter(|one| !one.pass).count();
        if self.output == Format::Json {
            let pass = failed == 0;
            output::document(&Tests { schema_version: 1, pass, fixtures: &tested })?;
        }
        if let Some(path) = &self.junit {
            fixture::write(path, &junit::document(&tested))?;
        }
        github::tell(&tested)?;
        talk(&format!("{}, {failed} failed", plural(tested.len(), "fixture")));
        let is_cut = failed > 0 || tested.len() < fixtures.len();
        if let Some(code) = signals.and_then(|signals| signals.code()).filter(|_| is_cut) {
            stopped(&tested, fixtures.len());
            return Ok(ExitCode::from(code));
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::MISMATCH) })
    }

    async fn test(
        &self,
        engine: &Engine,
        path: &Path,
        cancel: &CancellationToken,
    ) -> Result<Tested, CommandError> {
        let started = Instant::now();
        let mut tested = Tested {
            fixture: shown(path),
            pass: false,
            updated: false,
            kept: false,
            verdict: None,
            error: None,
            took: Duration::ZERO,
        };
        match self.verdict(engine, path, cancel).await {
            Err(error) => tested.error = Some(error),
            Ok(verdict) => {
                tested.pass = verdict.pass;
                if let Some(text) = &verdict.updated {
                    fixture::write(path, text)?;
                    tested.updated = true;
                    // All that was kept is in the fixture now.
                    if self.record.is_some() {
                        fixture::remove(&kept_beside(path))?;
                    }
                }
                if let Some(text) = &verdict.kept {
                    fixture::write(&kept_beside(path), text)?;
                    tested.kept = true;
                }
                tested.verdict = Some(verdict);
            }
        }
        tested.took = started.elapsed();
        Ok(tested)
    }

    async fn verdict(
        &self,
        engine: &Engine,
        path: &Path,
        cancel: &CancellationToken,
    ) -> Result<FixtureVerdict, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the fixture cannot be read: {error}"))?;
        let beside = path.with_extension("assert.json");
        let rules = optional(&beside)?;
        let kept = match self.record {
            Some(Record::Missing) => optional(&kept_beside(path))?,
            None => None,
        };
        let live = self.record.map(|Record::Missing| LiveCalls {
            provider: self.agent_provider.clone(),
            debug_rules: self.debug_rule.clone(),
            keep: keep_beside(path),
        });
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let accept = self.accept;
        let request = FixtureRequest { path, text, rules, accept, live, kept };
        let verdict = engine.test_fixture(request, cancel.clone()).await;
        verdict.map_err(|error| format!("{error} [{}]", error.code()))
    }
}

/// Says what a signal has left behind.
fn stopped(tested: &[Tested], fixtures: usize) {
    let kept = match tested.iter().any(|one| one.kept) {
        true => "; what agents have answered is kept, and is not asked for again",
        false => "",
    };
    let left_out = match fixtures - tested.len() {
        0 => String::new(),
        count => format!("; {} not tested", plural(count, "fixture")),
    };
    talk(&format!("stopped{left_out}{kept}; go on with the same command"));
}

/// Keeps answers beside the fixture as they come.
fn keep_beside(path: &Path) -> Keep {
    let kept = kept_beside(path);
    Arc::new(move |text| fixture::replace(&kept, text))
}

/// Where answers are kept while a fixture is recorded.
fn kept_beside(path: &Path) -> PathBuf {
    path.with_extension("swf.kept")
}

/// The text of a file that need not be there.
fn optional(path: &Path) -> Result<Option<String>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// As people type it.
fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy().into_owned()
}
