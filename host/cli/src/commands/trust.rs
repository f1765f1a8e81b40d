//! `smol-wf trust`: records that the user trusts a settings file.
//!
//! Owns: the dialogue. Never: the list of trusted files; `config::trust` has it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::config::{self, ConfigError};
use crate::failure::{CommandError, print_message};
use crate::flags::JsonFlag;
use crate::output;
use crate::table::{Format, Table};

/// Trust the settings file of a project
///
/// An untrusted project cannot set programs, arguments, environments, paths or
/// prices, and cannot raise a limit. Trust covers the file as it is now: after a
/// change it is untrusted again. The programs that it names are not inspected.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TrustArgs {
    /// Project, or a folder in it
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// List trusted settings files
    #[arg(long, conflicts_with_all = ["dir", "revoke"])]
    list: bool,

    /// Stop trusting the project
    #[arg(long)]
    revoke: bool,

    /// How to print the list
    #[arg(long, short, value_name = "FORMAT", default_value = "text", requires = "list")]
    output: Format,

    #[command(flatten)]
    json: JsonFlag,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf trust
  smol-wf trust ../other --revoke
  smol-wf trust --list

In CI, set SMOL_WF_TRUST to the digests to trust, separated by commas;
`smol-wf trust` prints the digest.";

impl TrustArgs {
    /// Trusts, revokes or lists. Fails with `trust_no_file` if the project has no
    /// settings file, or if the list cannot be written.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        if self.list {
            return list(self.json.asked().unwrap_or(self.output));
        }
        if self.revoke {
            return revoke(&self.dir);
        }
        let found = config::project(&self.dir)?;
        let file = found.as_ref().map(config::Project::read).transpose()?.flatten();
        let Some(file) = file else {
            let from = std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone());
            let (from, to) = found.map_or((from.clone(), from), |found| (found.from, found.root));
            return Err(ConfigError::NoProjectFile { from, to }.into());
        };
        let what = config::settings_that_need_trust(&file)?;
        config::trust(&file, Timestamp::now().as_millisecond())?;
        for line in &what {
            print_message(&format!("the project may now set {line}"));
        }
        if what.is_empty() {
            print_message("nothing in it needs trust");
        }
        if let Some(format) = self.json.asked() {
            let trusted = [json!({ "digest": file.digest, "file": file.file })];
            output::print(format, &json!({ "schemaVersion": 1, "trusted": trusted }))?;
            return Ok(ExitCode::SUCCESS);
        }
        output::line(&format!("{}  {}", file.digest, file.file.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Removes the file of `dir` from the list, or else the closest one above it. An
/// untrusted file is not an error.
fn revoke(dir: &Path) -> Result<ExitCode, CommandError> {
    let own = config::project_file_in(dir);
    let above = config::project(dir)?.and_then(|found| found.file);
    let mut forgotten = config::distrust(&own)?.then_some(own);
    if let (None, Some(file)) = (&forgotten, above) {
        forgotten = config::distrust(&file)?.then_some(file);
    }
    match forgotten {
        Some(file) => print_message(&format!("{} is no longer trusted", file.display())),
        None => print_message("it was not trusted; `smol-wf trust --list` shows what is"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the trusted files.
fn list(format: Format) -> Result<ExitCode, CommandError> {
    let trusted = config::trusted()?;
    if format != Format::Text {
        output::print(format, &json!({ "schemaVersion": 1, "trusted": trusted }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["DIGEST", "FILE"]);
    for row in &trusted {
        table.row([row.digest.as_str(), &row.file.display().to_string()]);
    }
    output::line(&table.text())?;
    Ok(ExitCode::SUCCESS)
}
