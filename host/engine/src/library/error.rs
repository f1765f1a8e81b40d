//! Why a workflow file cannot be had.
//!
//! Owns: the codes and the sentences. Never: holds anything of a file's content.

use std::path::Path;

use smol_wf_core::limits::SCRIPT_BYTES_MAX;

/// A workflow file that cannot be had. What a script wrote is shown with its
/// control characters escaped.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// The path of a script is no relative path.
    #[error("`{path}` is no path of a workflow: {reason}")]
    PathInvalid {
        /// As the script wrote it.
        path: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The path leads out of the project.
    #[error("`{path}` lies outside the project, where no child workflow may lie")]
    Outside {
        /// As far as it is known from the root.
        path: String,
    },
    /// Nothing is there.
    #[error("there is no file `{path}`")]
    NotFound {
        /// Where.
        path: String,
    },
    /// Something else than a regular file.
    #[error("`{path}` is {kind}, not a file")]
    NotAFile {
        /// Where.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Larger than any script may be.
    #[error("`{path}` is larger than {SCRIPT_BYTES_MAX} bytes, the most that a script may have")]
    TooLarge {
        /// Where.
        path: String,
    },
    /// No workflow can have this name.
    #[error("`{name}` is no name of a workflow: {reason}")]
    NameInvalid {
        /// As the script wrote it.
        name: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// No workflow has this name.
    #[error("there is no workflow `{name}` in {}{}", place(looked), advice(similar, known))]
    NameUnknown {
        /// As the script wrote it.
        name: String,
        /// Directories that were searched, from the root.
        looked: Vec<String>,
        /// Names that exist and read much the same.
        similar: Vec<String>,
        /// Names that exist, a few.
        known: Vec<String>,
    },
    /// The system refuses.
    #[error("`{path}` cannot be read: {error}")]
    Io {
        /// Where.
        path: String,
        /// Why.
        #[source]
        error: std::io::Error,
    },
}

impl LibraryError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PathInvalid { .. } => "workflow_path_invalid",
            Self::Outside { .. } => "workflow_outside_project",
            Self::NotFound { .. } | Self::NameUnknown { .. } => "workflow_not_found",
            Self::NotAFile { .. } => "workflow_not_a_file",
            Self::TooLarge { .. } => "script_too_large",
            Self::NameInvalid { .. } => "workflow_name_invalid",
            Self::Io { .. } => "workflow_unreadable",
        }
    }

    pub(super) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::at(shown(&path.to_string_lossy()), error)
    }

    /// What the system said of a path that is already fit to be shown.
    pub(super) fn at(path: String, error: std::io::Error) -> Self {
        // cap-std reports an escape as an error of its own, without a number.
        let escaped =
            error.kind() == std::io::ErrorKind::PermissionDenied && error.raw_os_error().is_none();
        match error.kind() {
            _ if escaped => Self::Outside { path },
            std::io::ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Io { path, error },
        }
    }
}

/// A text of a script, fit for a terminal and not too long.
pub(super) fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 200;
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(|c| match c {
            '\'' | '"' | '\\' => vec![c],
            _ => c.escape_debug().collect(),
        })
        .collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

fn advice(similar: &[String], known: &[String]) -> String {
    match (similar, known) {
        ([], []) => String::new(),
        ([], known) => format!("; there are: {}", known.join(", ")),
        (similar, _) => format!("; did you mean {}?", similar.join(" or ")),
    }
}

fn place(looked: &[String]) -> String {
    if looked.is_empty() {
        ".agents/workflows or .claude/workflows, neither of which is there".to_owned()
    } else {
        looked.join(" or ")
    }
}
