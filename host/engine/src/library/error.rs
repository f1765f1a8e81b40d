//! Errors of finding and reading workflow files.
//!
//! Owns: the list of errors, with codes and messages. Never: holds any content of a file.

use smol_wf_core::codes::Code;
use std::path::Path;

use smol_wf_core::limits::SCRIPT_BYTES_MAX;

use super::file::FileRefusal;
use super::named::is_escape;

/// Why a workflow file cannot be found or read. Text from a script is shown with escaped
/// control characters.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The path is not a valid relative path.
    #[error("`{path}` is not the path of a workflow: {reason}")]
    PathInvalid {
        /// The path in the script.
        path: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The path leads out of the project.
    #[error("`{path}` lies outside the project, where no child workflow may lie")]
    Outside {
        /// The path, relative to the root if that is known.
        path: String,
    },
    /// A link in the project leads out of it.
    #[error(
        "`{path}` is a link that leads outside the project; put the file or folder itself there"
    )]
    LinkOutside {
        /// The link.
        path: String,
    },
    /// The file belongs to another user, in a folder that everyone may write.
    #[error(
        "`{path}` belongs to another user (uid {uid}) and lies in a folder where everyone may write; move your script to a folder of your own"
    )]
    Foreign {
        /// The file.
        path: String,
        /// The id of its owner.
        uid: u32,
    },
    /// The folder of the run's project is gone.
    #[error("the folder of the script's project is gone")]
    NoProject,
    /// The file does not exist.
    #[error("there is no file `{path}`")]
    NotFound {
        /// The file.
        path: String,
    },
    /// The path is not that of a regular file.
    #[error("`{path}` is {kind}, not a file")]
    NotAFile {
        /// Its path.
        path: String,
        /// The kind of file, such as `a directory`.
        kind: &'static str,
    },
    /// The file is larger than a script may be.
    #[error("`{path}` is larger than {SCRIPT_BYTES_MAX} bytes, the most that a script may have")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// The name is not a valid workflow name.
    #[error("`{name}` is not the name of a workflow: {reason}")]
    NameInvalid {
        /// The name in the script.
        name: String,
        /// The rule that it breaks.
        reason: String,
    },
    /// No workflow has this name.
    #[error("there is no workflow `{name}` in {}{}", place(looked), advice(similar, known))]
    NameUnknown {
        /// The name in the script.
        name: String,
        /// Directories that were searched, relative to the root.
        looked: Vec<String>,
        /// Similar names that exist.
        similar: Vec<String>,
        /// The first few names that exist.
        known: Vec<String>,
    },
    /// The system refuses to open or read the file.
    #[error("`{path}` cannot be read: {error}")]
    Io {
        /// The file.
        path: String,
        /// The system's error.
        #[source]
        error: std::io::Error,
    },
}

impl LibraryError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::PathInvalid { .. } => Code::WorkflowPathInvalid,
            Self::Outside { .. } | Self::LinkOutside { .. } => Code::WorkflowOutsideProject,
            Self::Foreign { .. } => Code::WorkflowForeign,
            Self::NoProject => Code::ProjectGone,
            Self::NotFound { .. } | Self::NameUnknown { .. } => Code::WorkflowNotFound,
            Self::NotAFile { .. } => Code::WorkflowNotAFile,
            Self::TooLarge { .. } => Code::ScriptTooLarge,
            Self::NameInvalid { .. } => Code::WorkflowNameInvalid,
            Self::Io { .. } => Code::WorkflowUnreadable,
        }
    }

    /// The error for a path that the system refuses.
    pub(super) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::at(shown(&path.to_string_lossy()), error)
    }

    /// The error for a path that the system refuses; `path` is escaped already.
    pub(super) fn at(path: String, error: std::io::Error) -> Self {
        match error.kind() {
            _ if is_escape(&error) => Self::Outside { path },
            std::io::ErrorKind::NotFound => Self::NotFound { path },
            _ => Self::Io { path, error },
        }
    }
}

impl LibraryError {
    /// The error for an open file that is not read; `path` is escaped already.
    pub(super) fn refused(path: String, refused: FileRefusal) -> Self {
        match refused {
            FileRefusal::NotAFile(kind) => Self::NotAFile { path, kind },
            FileRefusal::TooLarge => Self::TooLarge { path },
            FileRefusal::Foreign(uid) => Self::Foreign { path, uid },
            FileRefusal::Io(error) => Self::at(path, error),
        }
    }
}

/// A text of a script with escaped control characters, shortened.
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
