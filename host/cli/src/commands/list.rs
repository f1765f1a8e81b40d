//! `smol-wf list`: the workflows that a name can start here.
//!
//! Owns: the rows. Never: the order in which names are looked up, or what a
//! workflow is; the engine has both.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use smol_wf_core::codes::Code;
use smol_wf_engine::library::{Catalogue, Listed, Origin, Unlisted};

use crate::failure::{CommandError, print_message};
use crate::find_script::catalogue;
use crate::flags::JsonFlag;
use crate::table::{Align, Column, Format, NarrowRule, table};
use crate::{advice, output, sanitize};

/// List the workflows that `smol-wf run NAME` starts
///
/// Those of this folder and the folders above it in the project, your own, those
/// of Claude Code's plugins, and those that come with smol-wf. The first of a
/// name is the one that runs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ListArgs {
    /// How to print [default: text]
    #[arg(long, short, value_name = "FORMAT")]
    output: Option<Format>,

    #[command(flatten)]
    json: JsonFlag,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf list
  smol-wf list --json
  smol-wf run code-review --args-range main..HEAD";

/// The JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    /// In the order in which names are looked up.
    workflows: Vec<Row<'a>>,
    /// Folders that cannot be read.
    problems: Vec<Problem>,
}

/// One workflow.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    when_to_use: Option<&'a str>,
    /// JSON Schema of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a serde_json::Value>,
    origin: &'static str,
    /// From the project's root, from `~`, or in its plugin.
    path: &'a str,
    /// None for a bundled workflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    /// Paths of other workflows that its name does not start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hides: Vec<&'a str>,
    /// Path of the workflow that its name starts instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden_by: Option<&'a str>,
    /// Why it cannot be started.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// What cannot be read.
#[derive(Serialize)]
struct Problem {
    code: Code,
    message: String,
    /// Line of a script, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

impl ListArgs {
    /// Prints the workflows. Fails if the current folder cannot be read.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        let all = catalogue().map_err(smol_wf_engine::EngineError::from)?;
        let rows: Vec<Row<'_>> = all.workflows.iter().map(|one| row(&all, one)).collect();
        let format = self.json.asked().or(self.output).unwrap_or(Format::Text);
        for error in &all.problems {
            print_message(&format!("warning: {} [{}]", advice::of_library(error), error.code()));
        }
        for folder in &all.crowded {
            print_message(&format!(
                "warning: {folder} has very many files; only the first ones by name are listed and found"
            ));
        }
        match format {
            Format::Text => {
                output::line(&table(&COLUMNS, &cells(&rows), SPARE))?;
                if all.workflows.iter().all(|one| one.origin >= Origin::Plugin) {
                    print_message("none of your own yet: smol-wf init writes one into this folder");
                }
            }
            Format::Json => {
                let problems = all.problems.iter().map(|error| Problem {
                    code: error.code(),
                    message: advice::of_library(error),
                    line: None,
                });
                let problems = problems.collect();
                output::document(&Document { schema_version: 1, workflows: rows, problems })?;
            }
            Format::Jsonl => rows.iter().try_for_each(output::json_line)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row<'a>(all: &'a Catalogue, listed: &'a Listed) -> Row<'a> {
    let meta = listed.meta.as_ref().ok();
    Row {
        name: &listed.name,
        description: meta.map(|meta| meta.description.as_str()),
        when_to_use: meta.and_then(|meta| meta.when_to_use.as_deref()),
        args: meta.and_then(|meta| meta.args.as_ref()),
        origin: listed.origin.as_str(),
        path: &listed.path,
        file: listed.file.as_ref().map(|file| file.to_string_lossy().into_owned()),
        digest: listed.digest.as_ref().map(smol_wf_core::ids::Digest::as_str),
        hides: all.hidden_behind(listed).map(|other| other.path.as_str()).collect(),
        hidden_by: all.hidden_by(listed).map(|other| other.path.as_str()),
        error: listed.meta.as_ref().err().map(problem),
    }
}

fn problem(unlisted: &Unlisted) -> Problem {
    let code = unlisted.code();
    match unlisted {
        Unlisted::File(error) => Problem { code, message: advice::of_library(error), line: None },
        Unlisted::Script(refused) => {
            let line = (refused.line > 0).then_some(refused.line);
            Problem { code, message: refused.message.clone(), line }
        }
    }
}

/// Columns of the list.
const COLUMNS: [Column; 4] = [
    ("NAME", Align::Left),
    ("ORIGIN", Align::Left),
    ("PATH", Align::Left),
    ("DESCRIPTION", Align::Left),
];

/// What a narrow terminal drops.
const SPARE: NarrowRule = NarrowRule { columns: &["PATH"], cut: "DESCRIPTION" };

/// The cells of [`COLUMNS`], one row per workflow.
fn cells(rows: &[Row<'_>]) -> Vec<Vec<String>> {
    let cells = |row: &Row<'_>| {
        let path = row.file.as_ref().map(|_| row.path).unwrap_or_default();
        [row.name, row.origin, path, &said(row)].map(sanitize::one_line).into()
    };
    rows.iter().map(cells).collect()
}

/// What the last column says: what is wrong with it, what runs in its place, what
/// it does.
fn said(row: &Row<'_>) -> String {
    if let Some(Problem { code, message, line }) = &row.error {
        let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        return format!("error: {line}{message} [{code}]");
    }
    let description = row.description.unwrap_or_default();
    match row.hidden_by {
        Some(other) => format!("(hidden by {other}) {description}"),
        None => description.to_owned(),
    }
}
