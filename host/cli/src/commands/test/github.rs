//! Verdicts for GitHub Actions: annotations and the step summary.
//!
//! Owns: which fixtures are annotated, and the form of the summary. Never: fails a test.

use std::fmt::Write as _;
use std::io::Write as _;

use super::FixtureResult;
use super::verdict_text;
use crate::annotations::{self, Annotation};
use crate::failure::CommandError;
use crate::humanize::plural;
use crate::sanitize;

/// Prints annotations and appends the summary, if this is GitHub Actions. Fails with a
/// usage error if the summary cannot be written.
pub(super) fn report(tested: &[FixtureResult]) -> Result<(), CommandError> {
    if !annotations::wanted() {
        return Ok(());
    }
    for one in tested {
        if let Some(message) = verdict_text::first(one) {
            annotations::annotate(&Annotation {
                is_error: true,
                file: &one.fixture,
                line: None,
                column: None,
                title: "smol-wf test",
                message: &message,
            });
        }
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") else { return Ok(()) };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(summary(tested).as_bytes())).map_err(|error| {
        let path = path.to_string_lossy();
        CommandError::Usage(format!("cannot write the step summary {path}: {error}"))
    })
}

/// The step summary in Markdown: a heading, and a table with a row per fixture.
fn summary(tested: &[FixtureResult]) -> String {
    let failed = tested.iter().filter(|one| !one.pass).count();
    let mut text =
        format!("### smol-wf test: {}, {failed} failed\n\n", plural(tested.len(), "fixture"));
    text.push_str("| | fixture | |\n|---|---|---|\n");
    for one in tested {
        let verdict = if one.pass { "pass" } else { "**FAIL**" };
        let detail = verdict_text::first(one).unwrap_or_else(|| verdict_text::summary(one));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {verdict} | {} | {} |", cell(&one.fixture), cell(&detail));
    }
    text.push('\n');
    text
}

/// Text for a cell of a table, with Markdown and HTML escaped.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in sanitize::one_line(text).chars() {
        match character {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '$' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_text_only() {
        assert_eq!(cell("a|b\n<img> [x](y)"), "a\\|b &lt;img> \\[x\\](y)");
        assert_eq!(cell("\u{1b}[31m\u{0}\u{202e}&lt;"), "\u{fffd}\\[31m\u{fffd}\u{fffd}&amp;lt;");
    }
}
