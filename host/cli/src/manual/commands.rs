//! The page `docs/commands.md`, made from the parser.
//!
//! Owns: how a command, its arguments and its flags are written as Markdown. Never:
//! part of the program: a test compares the page, and writes it anew when asked.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory as _};

/// What stands above the commands.
const HEAD: &str = "# All commands

Made from the program's own help: `smol-wf COMMAND --help` prints the same. [Command line](cli.md) says what holds for all of them.
";

/// The whole page.
fn page() -> String {
    let mut program = crate::Cli::command();
    program.build();
    let mut text = HEAD.to_owned();
    for command in shown(&program) {
        add(&mut text, command, &format!("smol-wf {}", command.get_name()));
    }
    text
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help")
}

/// Adds a command, and those below it.
fn add(text: &mut String, command: &Command, name: &str) {
    let about = command.get_long_about().or_else(|| command.get_about());
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let about = about.map(ToString::to_string).unwrap_or_default();
    let _ = write!(text, "\n## {name}\n\n{about}\n\n```text\n{usage}\n```\n");
    let mut group = None;
    for argument in arguments(command) {
        let heading = heading(argument);
        if group.as_ref() != Some(&heading) {
            let _ = write!(text, "\n**{heading}**\n\n");
            group = Some(heading);
        }
        let _ = writeln!(text, "- {}", item(argument));
    }
    if let Some(after) = command.get_after_help() {
        let after = after.to_string();
        let examples = after.trim().trim_start_matches("Examples:\n");
        let _ = write!(text, "\nExamples:\n\n```text\n{}\n```\n", unindented(examples));
    }
    for inner in shown(command) {
        add(text, inner, &format!("{name} {}", inner.get_name()));
    }
}

/// The arguments in the order of their groups, as the help has them.
fn arguments(command: &Command) -> Vec<&Arg> {
    let is_own = |one: &&Arg| !one.is_hide_set() && one.get_id() != "help";
    let all: Vec<&Arg> = command.get_arguments().filter(is_own).collect();
    let mut headings: Vec<String> = Vec::new();
    for argument in &all {
        let heading = heading(argument);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    let rank = |one: &&Arg| headings.iter().position(|known| *known == heading(one));
    let mut sorted = all;
    sorted.sort_by_key(|one| (!one.is_positional(), rank(one)));
    sorted
}

fn heading(argument: &Arg) -> String {
    match argument.get_help_heading() {
        Some(heading) => heading.to_owned(),
        None if argument.is_positional() => "Arguments".to_owned(),
        None => "Options".to_owned(),
    }
}

/// The names, the help, the choices and the default of an argument.
fn item(argument: &Arg) -> String {
    let mut names: Vec<String> = Vec::new();
    names.extend(argument.get_short().map(|short| format!("-{short}")));
    names.extend(argument.get_long().map(|long| format!("--{long}")));
    let takes_values = argument.get_action().takes_values();
    let values = argument.get_value_names().filter(|_| takes_values).unwrap_or_default();
    let values: Vec<String> = values.iter().map(|value| format!("<{value}>")).collect();
    let mut shown = names.join(", ");
    if !values.is_empty() {
        let space = if shown.is_empty() { "" } else { " " };
        shown.push_str(&format!("{space}{}", values.join(" ")));
    }
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut text = format!("`{shown}`: {}", help.split_whitespace().collect::<Vec<_>>().join(" "));
    let choices = argument.get_possible_values();
    let choices: Vec<&str> =
        choices.iter().filter(|one| !one.is_hide_set()).map(|one| one.get_name()).collect();
    if takes_values && !choices.is_empty() && !argument.is_hide_possible_values_set() {
        let _ = write!(text, " [possible values: {}]", choices.join(", "));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|one| one.to_string_lossy().into_owned())
        .collect();
    if takes_values && !defaults.is_empty() && !argument.is_hide_default_value_set() {
        let _ = write!(text, " [default: {}]", defaults.join(" "));
    }
    text
}

/// Without the spaces that the help puts before examples.
fn unindented(text: &str) -> String {
    let lines = text.lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_page_of_commands_is_the_parsers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let page = page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == page,
        "docs/commands.md is old: INSTA_UPDATE=always cargo test -p smol-wf --bins commands"
    );
}
