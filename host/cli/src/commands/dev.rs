//! `smol-wf dev`: what each save of a script changes, without asking an agent.
//!
//! Owns: the flags, and the order of things: look, show, wait for a save or for Enter.
//! Never: what a look finds, or how a run goes on; a fork is a process of its own.

mod live;
mod look;
mod text;
mod watched;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use smol_wf_engine::ScriptFile;

use self::look::{Look, Looker};
use self::watched::{Change, Watched};
use crate::failure::{self, CommandError};
use crate::find_script::{SCRIPT_HELP, find_script};
use crate::flags::DbFlags;
use crate::table::Format;
use crate::workflow_args::Named;
use crate::working_folder::PlaceFlags;
use crate::{exit, output, sanitize, signals};

/// Watch a script, and replay its last run at each save
///
/// At each save the script is checked and run in the sandbox with the answers of its
/// last run. What would be asked anew is listed with its price; those steps get
/// made-up answers. No agent is asked and nothing is stored, unless you press Enter
/// under --live. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DevArgs {
    #[arg(help = SCRIPT_HELP)]
    pub(super) script: PathBuf,

    /// Run whose answers are used [default: the last run of this script]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// At each Enter, fork that run with the script as it is, and ask agents
    #[arg(long)]
    live: bool,

    /// Look once and end; the exit code is 7 if the script has errors or fails
    #[arg(long, conflicts_with = "live")]
    once: bool,

    /// All arguments of the workflow as JSON, or @FILE to read them from a file
    /// [default: those of the run]
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    args: Option<String>,

    /// Arguments of the workflow from a JSON or YAML file that holds an object; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    args_from_file: Vec<PathBuf>,

    /// File of prices that override the list prices
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,

    /// How to print what each save changes: text, or json, a document on a line
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,

    /// The same as --output json
    #[arg(long, conflicts_with = "output")]
    json: bool,

    #[command(flatten)]
    places: PlaceFlags,

    #[command(flatten)]
    db: DbFlags,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf dev review.js
  smol-wf dev review.js --live
  smol-wf dev review.js --once --json";

impl DevArgs {
    /// Looks at the script at each save, until a signal ends the process. Fails if the
    /// script is not there at the beginning, or `--run` is not.
    pub(crate) async fn execute(self, named: Named) -> Result<ExitCode, CommandError> {
        let file = self.file()?;
        let is_json = self.json || self.output != Format::Text;
        let mut watched = Watched::of(file.path.clone());
        let mut looker = Looker::new(&self, file.path, named)?;
        if self.live {
            live::check_stdin()?;
        }
        if !self.once {
            // Ctrl-C at a terminal reaches the process that asks agents, too.
            signals::pass_on(|code| code == exit::INTERRUPTED && live::is_at_work());
        }
        loop {
            // Before they are read: what is saved meanwhile is seen.
            watched.also(&looker.files().await);
            let look = looker.look().await?;
            show(&look, is_json)?;
            if self.once {
                let code = if look.is_bad() { exit::MISMATCH } else { 0 };
                return Ok(ExitCode::from(code));
            }
            // Its children are known now.
            watched.also(&looker.files().await);
            self.invite(&look);
            loop {
                match watched.next(self.live).await {
                    Change::Saved => break,
                    Change::Gone => {
                        let path = sanitize::path(watched.path());
                        failure::print_message(&format!("{path} is gone; waiting for it"));
                    }
                    Change::Enter if look.is_ready() => {
                        let mut words = looker.command(&look);
                        if is_json {
                            // A line of stdout is a look.
                            words.extend(["--output", "none"].map(str::to_owned));
                        }
                        live::ask(words, looker.args()).await?;
                        looker.forget_run();
                        break;
                    }
                    Change::Enter => {
                        failure::print_message("the script has errors, so no agent is asked");
                    }
                    Change::NoMoreInput => {
                        failure::print_message("stdin has ended; no agent is asked any more");
                    }
                }
            }
        }
    }

    /// The script as it is at the beginning.
    fn file(&self) -> Result<ScriptFile, CommandError> {
        if self.script.as_os_str() == "-" {
            let message = "`-` is stdin, which nobody can save again; name a file";
            return Err(CommandError::Usage(message.to_owned()));
        }
        let file = find_script(&self.script)?.announced();
        if file.path.is_file() {
            return Ok(file);
        }
        let message = format!(
            "`{}` comes with smol-wf, and no file holds it; `smol-wf new` writes a copy of your own",
            sanitize::path(&self.script)
        );
        Err(CommandError::Usage(message))
    }

    /// Says what Enter does. What was typed before that is no consent to anything.
    fn invite(&self, look: &Look) {
        if !self.live {
            return;
        }
        live::forget_typed();
        if look.fails_with_made_up_answers() {
            failure::print_message("it failed with made-up answers, and may take real ones");
        }
        if look.is_ready() {
            failure::print_message("press Enter to run it and ask agents");
        }
    }
}

fn show(look: &Look, is_json: bool) -> Result<(), CommandError> {
    if is_json {
        output::json_line(look)?;
    } else {
        output::line(&text::of(look))?;
    }
    Ok(())
}
