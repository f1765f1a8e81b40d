//! The program `smol-wf`: reads the command line, runs one command, and turns its
//! outcome into an exit code.
//!
//! Reports go to stdout, messages to stderr. Owns: start and end of the process.
//! Never: a rule of workflows, SQL, or WebAssembly.

// Only for the program itself: tests, benchmarks and examples are crates of their
// own.
#![warn(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unimplemented,
    clippy::unwrap_used
)]

mod advice;
mod agents;
mod allocator;
mod annotations;
mod answer_flags;
mod ask_words;
mod bundled;
mod claude_plugins;
mod commands;
mod completion;
mod completion_script;
mod config;
mod detached;
mod exit;
mod failure;
mod file_output;
mod files;
mod final_lines;
mod find_script;
mod flags;
mod humanize;
mod json_list;
mod lean_run;
mod log_level;
mod man;
mod manual;
mod mcp;
mod message_words;
#[cfg(test)]
mod messages;
mod moment;
mod new_files;
mod notices;
mod output;
mod paths;
mod people;
mod poster;
mod posting;
mod progress;
#[cfg(test)]
mod public_names;
mod questions;
mod report_format;
mod report_output;
mod result_files;
mod result_text;
mod run_log;
mod sanitize;
mod script_hints;
mod sdk_types;
mod setup;
mod shell;
mod signals;
mod stdin;
mod step_words;
mod streams;
mod supervisor;
mod system_limits;
mod table;
mod take_up;
mod templates;
mod text_diff;
mod tui;
mod typed_answer;
mod usage_hints;
mod workflow_args;
mod workflow_help;
mod working_folder;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use commands::Command;

/// Run agent workflow scripts, sandboxed and durable.
#[derive(Debug, Parser)]
#[command(name = "smol-wf", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf init
  smol-wf list
  smol-wf run code-review
  smol-wf run review.js --args-base main --max-parallel-agents 4
  smol-wf resume latest
  smol-wf answer latest
  smol-wf fork latest --from 3
  smol-wf replay latest
  smol-wf history --since yesterday
  smol-wf doctor

Exit codes:
  0 completed   1 workflow failed, or runs differ   2 usage   3 input that cannot be run
  5 paused at a limit, can be resumed   6 waits for an answer   7 mismatch
  8 completed without any answer   69 no agent can be used   74 stdout cannot be written
  129/130/143 stopped by a signal";

/// What is said to a command line without a command. As from clap, which would print all
/// of its help, that goes to stderr with the exit code of a wrong command line: a script
/// whose variable is empty must not go on.
const FIRST_WORDS: &str = "\
smol-wf runs agent workflows as code. To begin with:

  smol-wf run code-review --agent-provider debug   try one; nothing is sent to a model
  smol-wf doctor                                   see which agents can be used here
  smol-wf init                                     write a workflow of your own
  smol-wf list                                     see which workflows there are
  smol-wf docs                                     read the manual
  smol-wf --help                                   see all commands
";

/// Parses the command line with the parser of its command alone, which is faster; if
/// that fails, with the whole parser, whose errors and help are complete.
fn parse(argv: &[OsString]) -> Result<Cli, clap::Error> {
    let named = argv.get(1).and_then(|word| word.to_str());
    let alone = named.and_then(commands::parser_of);
    let alone = alone.and_then(|parser| parser.try_get_matches_from(argv).ok());
    match alone.map(|matches| Cli::from_arg_matches(&matches)) {
        Some(Ok(cli)) => Ok(cli),
        _ => Cli::try_parse_from(argv),
    }
}

/// The command and the workflow whose help was asked for: `run review --help`.
fn workflow_in(error: &clap::Error, argv: &[OsString]) -> Option<(String, PathBuf)> {
    let argv = workflow_help::without_help(error, argv)?;
    let script = parse(&argv).ok()?.command.script()?.to_owned();
    let command = argv.get(1)?.to_str()?.to_owned();
    // Reading it would take stdin away from somebody who only wants help.
    (script != Path::new("-")).then_some((command, script))
}

fn main() -> ExitCode {
    allocator::return_large_blocks();
    let argv: Vec<OsString> = std::env::args_os().collect();
    if let Some(code) = completion::answer(&argv, Cli::command) {
        return code;
    }
    let argv = detached::begin(argv);
    let (argv, workflow_args) = workflow_args::split(argv.into_iter());
    let argv = usage_hints::with_command_first(argv);
    let argv = usage_hints::with_help_topic(argv);
    if argv.len() < 2 {
        streams::write_stderr(FIRST_WORDS.to_owned(), streams::Kind::Message);
        return ExitCode::from(exit::USAGE);
    }
    let cli = match parse(&argv) {
        Ok(cli) => cli,
        Err(error) => {
            return match workflow_in(&error, &argv) {
                Some((command, script)) => workflow_help::print(&command, &script),
                None => {
                    let error = usage_hints::with_hint(error, &argv);
                    let error = usage_hints::with_taken_script(error, &argv, &workflow_args);
                    exit::of_clap(&error)
                }
            };
        }
    };
    if let Err(few) = system_limits::raise_open_files() {
        failure::print_error(&few, None);
        return ExitCode::FAILURE;
    }
    // One thread is enough: a run is a sequence of turns, its agents are
    // processes, and a busy script yields. So no other thread has to wake up
    // between a run and its agents; the journal has a thread of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            failure::print_error(&format!("cannot start: {error}"), None);
            return ExitCode::FAILURE;
        }
    };
    // The command is the first word: `usage_hints::with_command_first` has moved
    // it there.
    let name = argv.get(1).and_then(|word| word.to_str()).unwrap_or_default().to_owned();
    // In a task, so that a panic becomes an error message.
    let command = runtime.spawn(async move {
        signals::let_large_files_fail();
        Box::pin(commands::execute(&name, cli.command, workflow_args, Cli::command)).await
    });
    let code = match runtime.block_on(command) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => failure::report(&error),
        Err(error) => {
            failure::print_error(
                &format!(
                    "internal error: {error}; this is a bug in smol-wf; please report it with this line and `smol-wf --version`"
                ),
                None,
            );
            ExitCode::FAILURE
        }
    };
    signals::command_is_over();
    streams::flush_stderr();
    // Also ends processes that an earlier, killed smol-wf left behind, if it
    // found any.
    runtime.block_on(supervisor::supervisor().all_ended());
    // Background threads may still block in reads; nothing depends on them any
    // more.
    runtime.shutdown_background();
    code
}
