//! `smol-wf llm`: what a coding agent reads to write and run workflows.
//!
//! Owns: the commands and what they print. Never: the texts; they are those of the
//! skill in `ts/harness`.

mod skill;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use smol_wf_engine::library::ProjectRoot;

use super::list::ListArgs;
use crate::failure::{CommandError, print_message};
use crate::{new_files, output, paths};

/// Teach coding agents to write and run workflows
///
/// For agents that the user works with, such as Claude Code: their hosts find the
/// skill that `llm skills` writes, and any agent can read `llm txt`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LlmArgs {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf llm txt
  smol-wf llm skills
  smol-wf llm skills --claude --agents";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print how to write, check and run workflows, for agents
    Txt,
    /// Write the skill `smol-workflows` into this project
    ///
    /// Into .agents/skills, where Codex, opencode, pi and others look, or with
    /// --claude into .claude/skills, at the root of the project. A skill that
    /// smol-wf wrote is renewed; no other file is overwritten.
    Skills(SkillsArgs),
    /// List the workflows that can be started here, as `smol-wf list` does
    ListWorkflows(ListArgs),
}

#[derive(Debug, Args)]
struct SkillsArgs {
    /// Write it into .claude/skills, for Claude Code
    #[arg(long)]
    claude: bool,

    /// Write it into .agents/skills, for other agents: the default; with --claude,
    /// into both
    #[arg(long)]
    agents: bool,
}

impl LlmArgs {
    /// Prints the text or writes the skill. Fails if a file that smol-wf did not
    /// write is in its place.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        match self.verb {
            Verb::Txt => output::line(skill::instructions().trim_end())?,
            Verb::Skills(args) => args.write()?,
            Verb::ListWorkflows(args) => return args.execute(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl SkillsArgs {
    fn write(self) -> Result<(), CommandError> {
        let root = project_folder()?;
        let wanted = [(self.agents || !self.claude, ".agents"), (self.claude, ".claude")];
        let folders = wanted.into_iter().filter(|(is_wanted, _)| *is_wanted);
        let folders = folders.map(|(_, host)| root.join(host).join("skills"));
        let folders: Vec<PathBuf> = folders.collect();
        new_files::write_and_tell(&skill::files(&folders))?;
        print_message("agents find the skill `smol-workflows` when they start in this project");
        Ok(())
    }
}

/// The root of the project around the current folder; without a project, that folder.
/// As it is shown: relative, where it is the current folder.
fn project_folder() -> Result<PathBuf, CommandError> {
    let here = std::env::current_dir().map_err(|error| {
        CommandError::Usage(format!("the current folder cannot be read ({error}); `cd` to another"))
    })?;
    let marked = ProjectRoot::marked(&here, paths::home().as_deref());
    let root = marked.map_err(smol_wf_engine::EngineError::from)?;
    Ok(match root {
        Some(root) if root.path() != here => root.path().to_owned(),
        _ => Path::new("").to_owned(),
    })
}
