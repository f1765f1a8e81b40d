//! `smol-wf init`, `new` and `types`: files to begin with.
//!
//! Owns: where they go, and what is said about them. Never: what is in them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::near;
use smol_wf_engine::EngineError;
use smol_wf_engine::library::Origin;

use crate::failure::{CommandError, print_message};
use crate::find_script::catalogue;
use crate::new_files::{NewFile, write_and_tell};
use crate::table::Table;
use crate::templates::{self, Template};
use crate::{output, paths, sanitize, sdk_types, shell};

/// The folder of a project's workflows.
const WORKFLOWS: &str = ".agents/workflows";

/// Write a first workflow into this folder, with types for your editor
///
/// Into .agents/workflows of the current folder: a workflow that answers questions
/// about the repository, the types of all that scripts can call, and a
/// jsconfig.json for editors. No other file is overwritten.
#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(crate) struct InitArgs {
    /// Folder of the project [default: the current one]
    #[arg(default_value = ".", hide_default_value = true)]
    folder: PathBuf,
}

const INIT_EXAMPLES: &str = "\
Examples:
  smol-wf init
  smol-wf init my-project";

/// Write a new workflow from a template
///
/// Into .agents/workflows of the current folder, where `smol-wf run NAME` finds it.
/// Without a template, lists them. No other file is overwritten.
#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct NewArgs {
    /// Template: one of the list, which includes the bundled workflows
    template: Option<String>,

    /// Name of the workflow and its file [default: that of the template]
    name: Option<String>,

    /// Write it to ~/.agents/workflows, for all projects
    #[arg(long)]
    user: bool,
}

const NEW_EXAMPLES: &str = "\
Examples:
  smol-wf new
  smol-wf new pipeline tidy-comments
  smol-wf new code-review our-review
  smol-wf new minimal notes --user";

/// Write the types of scripts, for editors and the TypeScript compiler
///
/// They are the ones of @smol-wf/sdk, for this version of smol-wf. Files that
/// another version wrote are renewed; no other file is overwritten.
#[derive(Debug, Args)]
#[command(after_help = TYPES_EXAMPLES)]
pub(crate) struct TypesArgs {
    /// Folder for the files [default: .agents/workflows/types]
    #[arg(default_value = DEFAULT_TYPES, hide_default_value = true)]
    folder: PathBuf,
}

const DEFAULT_TYPES: &str = ".agents/workflows/types";

const TYPES_EXAMPLES: &str = "\
Examples:
  smol-wf types
  smol-wf types src/workflows/types";

impl InitArgs {
    /// Writes the files. Fails if another file is in the place of one.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        if !self.folder.is_dir() {
            let folder = sanitize::path(&self.folder);
            let message = format!(
                "{folder} is not a folder; make it first: mkdir -p -- {}",
                shell::path(&self.folder)
            );
            return Err(CommandError::Usage(message));
        }
        let is_here = self.folder.as_path() == Path::new(".");
        let workflows =
            if is_here { PathBuf::from(WORKFLOWS) } else { self.folder.join(WORKFLOWS) };
        let first = templates::FIRST;
        let mut files = vec![script(&workflows, first, first.name)];
        files.push(sdk_types::jsconfig(&workflows));
        files.push(sdk_types::file(&workflows.join(sdk_types::FOLDER)));
        write_and_tell(&files)?;
        let goto = match is_here {
            true => String::new(),
            false => format!("cd {} && ", shell::path(&self.folder)),
        };
        print_message(&format!(
            "try it, without a model: {goto}smol-wf run {} --agent-provider debug",
            first.name
        ));
        print_message(
            "with your agent: leave --agent-provider out; `smol-wf doctor` says which that is",
        );
        print_message("another one: smol-wf new");
        print_message("how scripts are written: smol-wf docs scripts");
        Ok(ExitCode::SUCCESS)
    }
}

impl NewArgs {
    /// Writes the workflow, or lists the templates. Fails if the name cannot be that
    /// of a workflow, or a file is in its place.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        let Some(asked) = &self.template else { return list() };
        let Some(template) = templates::find(asked) else { return Err(unknown(asked)) };
        let name = self.name.as_deref().unwrap_or(template.name);
        templates::check_name(name).map_err(EngineError::from)?;
        let workflows = match (self.user, paths::home()) {
            (false, _) => PathBuf::from(WORKFLOWS),
            (true, Some(home)) => home.join(WORKFLOWS),
            (true, None) => {
                let message = "there is no home directory for --user; leave it out";
                return Err(CommandError::Usage(message.to_owned()));
            }
        };
        let file = script(&workflows, template, name);
        write_and_tell(std::slice::from_ref(&file))?;
        // Where another one has the name, the new one is started by its path.
        let name = match is_meant(name, &file.path) {
            true => shell::word(name),
            false => shell::path(&file.path),
        };
        print_message(&format!("check it: smol-wf check {name}"));
        print_message(&format!(
            "try it, without a model: smol-wf run {name} --agent-provider debug"
        ));
        Ok(ExitCode::SUCCESS)
    }
}

impl TypesArgs {
    /// Writes the types. Fails if a file that smol-wf did not write is in their place.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        write_and_tell(&[sdk_types::file(&self.folder)])?;
        if self.folder == Path::new(DEFAULT_TYPES) {
            print_message(
                "editors find them by .agents/workflows/jsconfig.json: smol-wf init writes it",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The file of a workflow.
fn script(workflows: &Path, template: Template, name: &str) -> NewFile {
    let path = workflows.join(format!("{name}.{}", template.ending));
    NewFile::new(path, template.named(name))
}

/// Prints the templates.
fn list() -> Result<ExitCode, CommandError> {
    let mut table = Table::new(["TEMPLATE", "WHAT IT IS"]);
    for template in templates::all() {
        table.row([template.name, template.about]);
    }
    output::line(&table.text())?;
    print_message("write one: smol-wf new TEMPLATE NAME");
    Ok(ExitCode::SUCCESS)
}

fn unknown(asked: &str) -> CommandError {
    let names: Vec<&str> = templates::all().map(|template| template.name).collect();
    let near = near::suggestion(asked, names.iter().copied());
    let asked = sanitize::one_line(asked);
    CommandError::Usage(format!(
        "there is no template `{asked}`{near}; there are: {}",
        names.join(", ")
    ))
}

/// Whether the name means the new file here. Says which workflow of the same name the new
/// one hides, or is hidden by.
fn is_meant(name: &str, new: &Path) -> bool {
    let Ok(all) = catalogue() else { return true };
    let Some(meant) = all.meant_by(name) else { return true };
    let path = sanitize::one_line(&meant.path);
    let real = |path: &Path| path.canonicalize().ok();
    if meant.file.as_deref().and_then(real) != real(new) {
        print_message(&format!(
            "warning: in this project `{name}` means {path}, not the new file; start that by its path"
        ));
        return false;
    }
    for other in all.hidden_behind(meant) {
        let what = match other.origin {
            Origin::Bundled => "the bundled workflow of that name".to_owned(),
            _ => sanitize::one_line(&other.path),
        };
        print_message(&format!("warning: `{name}` is now {path} and hides {what}"));
    }
    true
}
