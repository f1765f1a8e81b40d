//! Annotations of GitHub Actions, shown beside the lines of a change.
//!
//! Owns: the form of an annotation. Never: printed outside Actions.

use std::path::{Path, PathBuf};

use crate::{failure, sanitize};

/// One annotation, at a line of a file or at the file.
pub(crate) struct Annotation<'a> {
    /// An error, otherwise a warning.
    pub(crate) is_error: bool,
    /// Path as the user typed it; printed relative to the repository.
    pub(crate) file: &'a str,
    /// From 1; `None` for the whole file.
    pub(crate) line: Option<u32>,
    /// From 1, in characters.
    pub(crate) column: Option<u32>,
    /// Short title, such as the name of a rule.
    pub(crate) title: &'a str,
    /// May have several lines.
    pub(crate) message: &'a str,
}

/// Whether this process runs in GitHub Actions.
pub(crate) fn wanted() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Prints an annotation to stderr, which Actions reads like stdout.
pub(crate) fn annotate(annotation: &Annotation<'_>) {
    let workspace = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let file = workspace.and_then(|workspace| seen_from(&workspace, annotation.file));
    let file = file.as_deref().unwrap_or(annotation.file);
    failure::print_raw(&line(&Annotation { file, ..*annotation }));
}

/// The path of a file relative to the repository, as Actions needs it; `None` if
/// the file is elsewhere. Links are resolved.
fn seen_from(workspace: &Path, file: &str) -> Option<String> {
    let (workspace, file) = (workspace.canonicalize().ok()?, Path::new(file).canonicalize().ok()?);
    let inside = file.strip_prefix(&workspace).ok()?;
    Some(inside.to_str()?.replace(std::path::MAIN_SEPARATOR, "/"))
}

/// The workflow command of an annotation: `::error file=…,line=…::message`.
fn line(annotation: &Annotation<'_>) -> String {
    let kind = if annotation.is_error { "error" } else { "warning" };
    let mut properties = format!("file={}", property(annotation.file));
    if let Some(line) = annotation.line {
        properties.push_str(&format!(",line={line}"));
    }
    if let Some(column) = annotation.column {
        properties.push_str(&format!(",col={column}"));
    }
    properties.push_str(&format!(",title={}", property(annotation.title)));
    format!("::{kind} {properties}::{}", escape(annotation.message))
}

/// Escapes a message of a workflow command: `%`, CR and LF.
fn escape(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(sanitize::one_line).collect();
    lines.join("\n").replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command: also `:` and `,`.
fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_of_an_annotation() {
        let one = Annotation {
            is_error: true,
            file: "a,b.js",
            line: Some(3),
            column: Some(7),
            title: "x:y",
            message: "100%\n::error::no",
        };
        assert_eq!(
            line(&one),
            "::error file=a%2Cb.js,line=3,col=7,title=x%3Ay::100%25%0A: :error::no"
        );
    }
}
