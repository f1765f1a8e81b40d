//! `smol-wf docs`: the manual.
//!
//! Owns: how a page is shown. Never: what is in it.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use smol_wf_core::near;

use crate::failure::{CommandError, print_message};
use crate::manual::{self, Part};
use crate::table::Table;
use crate::{output, sanitize, shell, streams};

/// Read the manual
///
/// Without a topic, lists the pages. A topic is a page, a section of one, a command, or
/// an error code. A terminal gets plain text, and a pipe or file the Markdown itself.
/// `schema NAME` is a JSON Schema of what the program reads or writes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DocsArgs {
    /// Page, section, command or error code; or `schema NAME`
    #[arg(num_args = 0..)]
    topic: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  smol-wf docs
  smol-wf docs scripts
  smol-wf docs exit codes
  smol-wf docs run_held
  smol-wf docs schema report
  smol-wf docs scripts | less";

/// Longest line on a wide terminal: longer ones are hard to read.
const COLUMNS_MAX: usize = 100;

impl DocsArgs {
    /// Prints the part that the topic means. Fails if there is none.
    pub(crate) fn execute(self) -> Result<ExitCode, CommandError> {
        let topic = self.topic.join(" ");
        if topic.trim().is_empty() {
            return list();
        }
        if let Some((word, names)) = self.topic.split_first()
            && word == "schema"
        {
            return schema(&names.join(" "));
        }
        match manual::find(&topic) {
            Some(Part::Text(markdown)) if std::io::stdout().is_terminal() => {
                let columns = streams::columns_of_stdout().unwrap_or(COLUMNS_MAX);
                output::line(&manual::plain(&markdown, columns.min(COLUMNS_MAX)))?;
            }
            Some(Part::Text(markdown)) => output::line(markdown.trim_end())?,
            Some(Part::Several(sections)) => {
                let commands = sections.iter().map(|section| {
                    format!("  smol-wf docs {}", shell::word(&section.replace("`", "")))
                });
                let commands = commands.collect::<Vec<_>>().join("\n");
                let topic = sanitize::one_line(&topic);
                print_message(&format!("several pages have a section `{topic}`:\n{commands}"));
                return Ok(ExitCode::from(crate::exit::USAGE));
            }
            None => return Err(unknown(&topic)),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Pages with more sections are listed without them.
const SECTIONS_LISTED_MAX: usize = 20;

/// Prints the JSON Schema of that name; without one, lists them.
fn schema(name: &str) -> Result<ExitCode, CommandError> {
    if let Some(text) = manual::schema(name.trim()) {
        output::line(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<&str> = manual::SCHEMAS.iter().map(|(name, _)| *name).collect();
    if name.trim().is_empty() {
        output::line(&names.join("\n"))?;
        print_message("read one: smol-wf docs schema NAME");
        return Ok(ExitCode::SUCCESS);
    }
    let name = sanitize::one_line(name);
    let names = names.join(", ");
    Err(CommandError::Usage(format!("unknown schema `{name}`; available: {names}")))
}

/// Prints the pages with the headings of their sections.
fn list() -> Result<ExitCode, CommandError> {
    let mut table = Table::new(["PAGE", "SECTIONS"]);
    for page in manual::PAGES {
        let headings = page.headings().map(|heading| heading.replace('`', ""));
        let headings: Vec<String> = headings.collect();
        let is_short = (1..=SECTIONS_LISTED_MAX).contains(&headings.len());
        let sections = if is_short { format!(": {}", headings.join(", ")) } else { String::new() };
        table.row([page.name, &format!("{}{sections}", page.title())]);
    }
    output::line(&table.text())?;
    print_message(
        "read one: smol-wf docs PAGE; also a section, a command, or the code of an error",
    );
    Ok(ExitCode::SUCCESS)
}

fn unknown(topic: &str) -> CommandError {
    let near = near::suggestion(topic, manual::topics());
    let topic = sanitize::one_line(topic);
    CommandError::Usage(format!(
        "the manual has no page, section, command or error code `{topic}`{near}; `smol-wf docs` lists the pages"
    ))
}
