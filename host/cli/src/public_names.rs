//! Tests of the public names, and of where they may be used.
//!
//! Owns: the lists of flags, variables, settings, codes and exit codes, as the program
//! has them. Never: part of the program.

#[path = "../tests/common/listed.rs"]
mod listed;
mod literals;

use std::collections::BTreeSet;

use clap::CommandFactory as _;
use smol_wf_core::codes::Code;
use smol_wf_core::event::EventKind;

use crate::Cli;
use crate::config::{Key, OTHERS};

/// Each flag by its command: `run --fuel`, `config show --json`.
fn flags() -> BTreeSet<String> {
    fn add(command: &clap::Command, path: &str, flags: &mut BTreeSet<String>) {
        for argument in command.get_arguments() {
            flags.extend(argument.get_long().map(|long| format!("{path} --{long}")));
            flags.extend(argument.get_short().map(|short| format!("{path} -{short}")));
            for alias in argument.get_all_aliases().unwrap_or_default() {
                flags.insert(format!("{path} --{alias}"));
            }
            if argument.is_positional() {
                flags.insert(format!("{path} {}", argument.get_id().as_str().to_uppercase()));
            }
        }
        for inner in command.get_subcommands() {
            add(inner, &format!("{path} {}", inner.get_name()), flags);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut flags = BTreeSet::new();
    add(&command, "smol-wf", &mut flags);
    flags
}

#[test]
fn every_flag_is_listed() {
    listed::compare("flags.txt", &flags());
}

#[test]
fn every_variable_and_setting_is_listed() {
    let variables = Key::ALL.into_iter().map(|key| key.row().variable).chain(OTHERS);
    listed::compare("variables.txt", &variables.map(str::to_owned).collect());
    let settings = Key::ALL.into_iter().map(|key| key.name().to_owned());
    listed::compare("settings.txt", &settings.collect());
}

#[test]
fn every_code_is_listed_with_its_exit_class() {
    let codes = Code::ALL.iter().map(|code| format!("{code} {:?}", code.exit()));
    listed::compare("codes.txt", &codes.collect());
}

#[test]
fn every_event_type_is_listed() {
    let types = EventKind::ALL.iter().map(|kind| kind.word().to_owned());
    listed::compare("events.txt", &types.collect());
}

#[test]
fn every_exit_code_is_listed() {
    let text = include_str!("exit.rs");
    let codes = text.lines().filter_map(|line| {
        let (name, code) = line.strip_prefix("pub(crate) const ")?.split_once(": u8 = ")?;
        Some(format!("{} {name}", code.trim_end_matches(';')))
    });
    let codes: BTreeSet<String> = codes.collect();
    assert!(codes.len() > 10, "{codes:?}");
    listed::compare("exit-codes.txt", &codes);
}

/// Whether a text contains the words, and not longer ones such as "smol-wf runs it".
fn types(text: &str, words: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|one: char| one.is_alphanumeric());
    text.match_indices(words).any(|(at, _)| is_end(&text[at + words.len()..]))
}

/// The libraries' files that may contain words of the command line: file, words,
/// and why.
const EXCEPTIONS: [(&str, &[&str], &str); 14] = [
    ("core/src/asks.rs", &["--asks"], "the report and recorded events have it"),
    ("core/src/script/modules.rs", &["--format"], "a flag of esbuild"),
    ("engine/src/agents.rs", &["--agent-provider", "smol-wf doctor"], SCRIPTS),
    ("engine/src/attempt_timeouts.rs", &["--agent-timeout", "--idle-timeout"], SCRIPTS),
    ("engine/src/provider_set.rs", &["--agent-provider"], SCRIPTS),
    ("engine/src/worktree/commits.rs", &["--format"], GIT),
    ("engine/src/worktree/mod.rs", &["--format"], GIT),
    ("engine/src/worktree/note.rs", &["--format"], GIT),
    ("engine/src/worktree/view.rs", &["--list"], GIT),
    ("providers/src/claude_code/argv.rs", &["--effort", "--model"], AGENT),
    ("providers/src/claude_code/classify.rs", &["--effort"], AGENT),
    ("providers/src/codex/argv.rs", &["--json", "--model"], AGENT),
    ("providers/src/cli_agent/discovery.rs", &["--version"], AGENT),
    ("providers/src/pi/argv.rs", &["--model"], AGENT),
];

const SCRIPTS: &str = "scripts get this message and may compare it";
const GIT: &str = "a flag of git";
const AGENT: &str = "a flag of the agent's program";

#[test]
fn no_library_knows_the_command_line() {
    let flags: BTreeSet<String> = flags()
        .iter()
        .filter_map(|line| line.rsplit(' ').next().filter(|word| word.starts_with("--")))
        .map(str::to_owned)
        .collect();
    let command = Cli::command();
    let commands = command.get_subcommands().map(|one| format!("smol-wf {}", one.get_name()));
    let commands: Vec<String> = commands.collect();
    let mut found = BTreeSet::new();
    for (file, text) in literals::of_libraries() {
        for literal in literals::of(&text) {
            let typed = literals::flags_in(literal).filter(|flag| flags.contains(*flag));
            let run = commands.iter().filter(|command| types(literal, command));
            let words = typed.map(str::to_owned).chain(run.cloned());
            found.extend(words.map(|word| (file.clone(), word)));
            assert!(!literal.contains("Ctrl-C"), "{file}: {literal}");
        }
    }
    let excused = EXCEPTIONS.iter().flat_map(|(file, words, _)| {
        words.iter().map(|word| ((*file).to_owned(), (*word).to_owned()))
    });
    let excused: BTreeSet<_> = excused.collect();
    let wrong: Vec<_> = found.difference(&excused).collect();
    assert!(wrong.is_empty(), "a library says what to type; `advice` does: {wrong:#?}");
    let unused: Vec<_> = excused.difference(&found).collect();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:#?}");
}
