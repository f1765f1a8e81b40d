//! `smol-wf run SCRIPT --help`: what a workflow says about itself.
//!
//! Owns: the help of a workflow, from its `meta` alone. Never: runs the script, or shows
//! the flags of the program, which `smol-wf run --help` has.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use serde_json::Value;
use smol_wf_core::args_schema::{ArgsSchema, DeclaredArg, in_words};
use smol_wf_core::script::Meta;

use crate::failure::{self, CommandError};
use crate::find_script::find_script;
use crate::{output, sanitize, shell, streams, workflow_args};

/// Most columns of a line, as in the help of the program.
const COLUMNS_MAX: usize = 100;

/// Columns before the description of an argument.
const INDENT: usize = 10;

/// Fewest columns for a description, however narrow the terminal is.
const COLUMNS_MIN: usize = 20;

/// Most characters of a default value that is shown.
const DEFAULT_CHARS_MAX: usize = 60;

/// The command line without the flag that asks for help, if help was asked for.
pub(crate) fn without_help(error: &clap::Error, argv: &[OsString]) -> Option<Vec<OsString>> {
    let asks = |word: &OsString| word == "--help" || word == "-h";
    let rest = argv.iter().filter(|word| !asks(word)).cloned().collect();
    (error.kind() == ErrorKind::DisplayHelp && argv.len() > 3).then_some(rest)
}

/// Prints the help of a script for this command. Prints an error if the script or its
/// `meta` cannot be read.
pub(crate) fn print(command: &str, script: &Path) -> ExitCode {
    match text_of(command, script) {
        Ok(text) => match output::line(&text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failure::report(&error.into()),
        },
        Err(error) => {
            let code = failure::report(&error);
            failure::print_message(&format!("flags of smol-wf itself: smol-wf {command} --help"));
            code
        }
    }
}

fn text_of(command: &str, script: &Path) -> Result<String, CommandError> {
    let file = find_script(script)?.file;
    let meta = workflow_args::read(&file).map_err(|refused| {
        CommandError::Engine(smol_wf_engine::EngineError::Script(Box::new(refused)))
    })?;
    let columns = streams::columns_of_stdout().unwrap_or(COLUMNS_MAX).min(COLUMNS_MAX);
    Ok(text(&meta.meta, command, &shell::path(script), columns))
}

/// The help of a workflow in lines of at most this many columns.
fn text(meta: &Meta, command: &str, script: &str, columns: usize) -> String {
    let mut lines = Vec::new();
    lines.extend(wrapped(&format!("{}: {}", meta.name, meta.description), 0, columns));
    if let Some(when) = &meta.when_to_use {
        lines.push(String::new());
        lines.extend(wrapped(&format!("When to use: {when}"), 0, columns));
    }
    lines.push(String::new());
    lines.push(format!("Usage: smol-wf {command} {script} [--args-<name> VALUE]..."));
    lines.push(String::new());
    let schema = workflow_args::schema_of(Some(meta));
    let declared = schema.as_ref().map(ArgsSchema::declared).unwrap_or_default();
    match &schema {
        Some(schema) if declared.is_empty() => {
            lines.extend(wrapped(&format!("Arguments: {}", in_words(schema.json())), 0, columns));
        }
        Some(schema) => {
            lines.push("Arguments:".to_owned());
            for argument in &declared {
                lines.push(format!("      {}", flag(schema, argument)));
                lines.extend(wrapped(&about(argument), INDENT, columns));
                lines.push(String::new());
            }
            let others = match schema.is_closed() {
                true => "It takes no other arguments.",
                false => "It may take other arguments, which are not checked.",
            };
            lines.push(others.to_owned());
        }
        None => lines.extend(wrapped(
            "It declares no arguments (`meta.args`); what is given is not checked.",
            0,
            columns,
        )),
    }
    if !meta.phases.is_empty() {
        let titles: Vec<&str> = meta.phases.iter().map(|phase| phase.title.as_str()).collect();
        lines.push(String::new());
        lines.extend(wrapped(&format!("Phases: {}", titles.join(", ")), 0, columns));
    }
    lines.push(String::new());
    lines.push(format!("Flags of smol-wf itself: smol-wf {command} --help"));
    lines.join("\n")
}

/// The flag of an argument, with what stands for its value.
fn flag(schema: &ArgsSchema, argument: &DeclaredArg<'_>) -> String {
    let name = shell::word(&format!("--args-{}", sanitize::one_line(argument.name)));
    let items = argument.schema.get("items").map(|items| schema.followed(items));
    let (value, repeats) = match (placeholder(argument.schema), items) {
        ("ARRAY", items) => (items.map_or("VALUE", placeholder), "..."),
        (value, _) => (value, ""),
    };
    match value {
        // Without a value it is true. After the sign, a value is never the next word.
        "BOOLEAN" => format!("{name}[=false]{repeats}"),
        value => format!("{name} <{value}>{repeats}"),
    }
}

fn placeholder(schema: &Value) -> &'static str {
    if schema.get("enum").is_some() {
        return "CHOICE";
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "TEXT",
        Some("integer") => "N",
        Some("number") => "NUMBER",
        Some("boolean") => "BOOLEAN",
        Some("array") => "ARRAY",
        Some("object") => "JSON",
        _ => "VALUE",
    }
}

/// The description of an argument, what it takes, and its default.
fn about(argument: &DeclaredArg<'_>) -> String {
    let mut parts: Vec<String> = argument.description.map(str::to_owned).into_iter().collect();
    let takes = in_words(argument.schema);
    if !["string", "boolean", "any value"].contains(&takes.as_str()) {
        let takes = match argument.description {
            Some(_) => format!("({takes})"),
            None => takes,
        };
        parts.push(takes);
    }
    if let Some(default) = argument.default {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        parts.push(format!("[default: {}]", sanitize::cut(&default, DEFAULT_CHARS_MAX)));
    } else if argument.required {
        parts.push("[required]".to_owned());
    }
    parts.join(" ")
}

/// The words of a text in indented lines. A word that is too long has a line of its own.
fn wrapped(text: &str, indent: usize, columns: usize) -> Vec<String> {
    let room = columns.saturating_sub(indent).max(COLUMNS_MIN);
    let text = sanitize::one_line(text);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if sanitize::columns(line) + 1 + sanitize::columns(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect()
}
