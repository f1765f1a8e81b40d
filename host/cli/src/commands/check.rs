//! `smol-wf check`: findings in scripts, without running them.
//!
//! Owns: which scripts to check, and the output as text, JSON and annotations.
//! Never: a rule; those are in the engine's `check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::script::Meta;
use smol_wf_engine::check::{Checks, Finding, Severity, name_of};
use smol_wf_engine::{AgentSettings, Folders};

use super::scripts;
use super::simulation::OutputFlags;
use crate::annotations::{self, Annotation};
use crate::config::{FlagLayer, Settings};
use crate::failure::{self, CommandError, print_message};
use crate::find_script::find_script;
use crate::humanize::plural;
use crate::{exit, output, paths, sanitize, setup, workflow_args};

/// Check scripts without running them
///
/// Finds scripts that do not compile, imports that cannot work, phases that
/// `meta` does not list, calls that are never awaited, and results that may be
/// null but are used without a check.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Scripts: paths, names of workflows, or folders to look for scripts in
    #[arg(required = true)]
    scripts: Vec<PathBuf>,

    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    output: OutputFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf check review.js
  smol-wf check .
  smol-wf check .agents/workflows/*.js --strict --output json

Exit codes:
  0 no errors   3 a script was not found   7 errors; with --strict, warnings too";

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckResult<'a> {
    schema_version: u32,
    /// Number of scripts that were checked.
    scripts: usize,
    /// Number of findings that are errors; `warnings` counts the others.
    errors: usize,
    warnings: usize,
    findings: Vec<FileFinding<'a>>,
    /// The scripts whose `meta` can be read.
    workflows: &'a [Workflow],
}

/// What a script says about itself, as in the JSON output.
#[derive(Serialize)]
struct Workflow {
    file: String,
    name: String,
    /// JSON Schema of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<serde_json::Value>,
}

/// A finding with its file, as in the JSON output.
#[derive(Serialize)]
struct FileFinding<'a> {
    /// The path as it was given, or the name of a workflow.
    file: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

impl CheckArgs {
    /// Checks every script and prints the findings. Returns 7 if there are errors
    /// (with `--strict`, warnings too); fails if a script cannot be loaded, after
    /// the findings in all others.
    pub(crate) async fn execute(self) -> Result<ExitCode, CommandError> {
        let checks = Checks::new(places(), agent_settings())?;
        let mut found: Vec<(String, Finding)> = Vec::new();
        let mut workflows = Vec::new();
        // A script that cannot be loaded does not hide the findings in the
        // others.
        let (mut scripts, mut missing): (_, Option<CommandError>) = (0, None);
        for asked in self.each(&mut missing) {
            let script = match find_script(&asked) {
                Ok(script) => script.with_warnings(),
                Err(error) => {
                    missing.get_or_insert(error.into());
                    continue;
                }
            };
            scripts += 1;
            // A workflow's name is shown as its file; a path as it was given.
            let shown = asked.to_string_lossy();
            let file = if asked.exists() { shown.into_owned() } else { name_of(&script) };
            let findings = checks.script(&script).await?;
            let meta = workflow_args::meta_of(&script);
            workflows.extend(meta.map(|Meta { name, args, .. }| {
                let file = file.clone();
                Workflow { file, name, args }
            }));
            for finding in findings {
                let one = match finding.module {
                    Some(_) => (from_here(&checks.file_of(&script.path, &finding)), finding),
                    None => (file.clone(), finding),
                };
                // Several scripts may import a module.
                if one.1.module.is_none() || !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        let count = |severity| found.iter().filter(|(_, one)| one.severity == severity).count();
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        if self.output.is_json() {
            let findings =
                found.iter().map(|(file, finding)| FileFinding { file, finding }).collect();
            let workflows = &workflows;
            let checked =
                CheckResult { schema_version: 1, scripts, errors, warnings, findings, workflows };
            output::document(&checked)?;
        } else {
            let mut lines: Vec<String> =
                found.iter().map(|(file, finding)| text(file, finding)).collect();
            lines.push(sum(scripts, errors, warnings));
            output::line(&lines.join("\n"))?;
        }
        if annotations::wanted() {
            for (file, finding) in &found {
                annotate(file, finding);
            }
        }
        if let Some(error) = missing {
            return Err(error);
        }
        let bad = errors > 0 || (self.strict && warnings > 0);
        Ok(ExitCode::from(if bad { exit::MISMATCH } else { 0 }))
    }
}

impl CheckArgs {
    /// The scripts to check, with folders expanded; the first error goes to
    /// `missing`.
    fn each(&self, missing: &mut Option<CommandError>) -> Vec<PathBuf> {
        let mut each = Vec::with_capacity(self.scripts.len());
        for asked in &self.scripts {
            if !asked.is_dir() {
                each.push(asked.clone());
                continue;
            }
            match scripts::find(asked) {
                Ok(found) => each.extend(found),
                Err(error) => drop(missing.get_or_insert(error)),
            }
        }
        each
    }
}

/// The agent settings, after the warnings about them; none if the settings cannot be
/// used, because a script can be checked without.
pub(super) fn agent_settings() -> Option<AgentSettings> {
    let unusable = |why: &dyn std::fmt::Display| {
        print_message(&format!("warning: {why}; scripts are checked without your settings"));
    };
    let settings = Settings::load(FlagLayer::default(), Path::new("."));
    let settings = settings.inspect_err(|error| unusable(error)).ok()?;
    failure::print_warnings(&settings);
    setup::agents(&settings).inspect_err(|error| unusable(error)).ok()
}

/// The folders of a run that would start here.
pub(super) fn places() -> Folders {
    let cwd = std::path::absolute(".").ok();
    Folders { cwd, here: None, project_root: None, home: paths::home() }
}

/// A path as it can be typed here.
fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let inside = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    inside.unwrap_or(path).to_string_lossy().into_owned()
}

/// A finding as text: place, message and rule, then the snippet and the hint.
pub(super) fn text(file: &str, finding: &Finding) -> String {
    let Finding { rule, severity, line, column, message, hint, snippet, .. } = finding;
    let mut text = format!(
        "{}:{line}:{column}: {}: {} [{rule}]",
        sanitize::one_line(file),
        severity.as_str(),
        sanitize::one_line(message)
    );
    if !snippet.is_empty() {
        text.push('\n');
        text.push_str(snippet);
    }
    if !hint.is_empty() {
        text.push_str(&format!("\n  {}", sanitize::one_line(hint)));
    }
    text
}

/// The last line: how many scripts were checked, and what was found.
fn sum(scripts: usize, errors: usize, warnings: usize) -> String {
    let (scripts, errors) = (plural(scripts, "script"), plural(errors, "error"));
    format!("{scripts} checked: {errors}, {}", plural(warnings, "warning"))
}

/// Prints a finding as an annotation of GitHub Actions.
fn annotate(file: &str, finding: &Finding) {
    annotations::annotate(&Annotation {
        is_error: finding.severity == Severity::Error,
        file,
        line: Some(finding.line),
        column: Some(finding.column),
        title: finding.rule,
        message: &finding.message,
    });
}
