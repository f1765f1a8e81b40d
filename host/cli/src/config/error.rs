//! Errors in settings.
//!
//! Owns: the messages and their codes. Never: shows a value, which may be a
//! secret in the wrong place.

use smol_wf_core::codes::Code;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A place in a file: line and column from 1, in characters, as editors count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePosition {
    /// Path of the file.
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
}

impl FilePosition {
    /// The place of the byte at `offset` in `text`.
    pub(crate) fn of(file: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { file: file.to_owned(), line, column }
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The system refuses to open or read the file, or it is not a regular
    /// UTF-8 file.
    #[error("{}: the settings cannot be read: {error}; check the path", .file.display())]
    Unreadable { file: PathBuf, error: io::Error },
    /// A file of a project is, or lies behind, a link that may lead anywhere.
    #[error("{} is {what}, which the settings of a project must not be; put the file itself there", .file.display())]
    Symlink { file: PathBuf, what: &'static str },
    /// Other users could choose the programs that run.
    #[error("anyone may change {}, and it says which programs run; type: chmod o-w {}", .file.display(), crate::shell::path(file))]
    Writable { file: PathBuf },
    /// The file is over `most` bytes.
    #[error("{} is larger than {most} bytes, the most that a settings file may have", .file.display())]
    TooLarge { file: PathBuf, most: u64 },
    /// The text is not TOML.
    #[error("{place}: not TOML: {reason}")]
    Syntax { place: FilePosition, reason: String },
    /// A key that no version knows, or that this place does not take.
    #[error("{place}: there is no setting `{name}`{} `smol-wf config show` lists them", suggestion(.similar.as_deref()))]
    UnknownKey { place: FilePosition, name: String, similar: Option<String> },
    /// A value in a file that its setting does not take.
    #[error("{place}: `{name}`: {reason}")]
    Value { place: FilePosition, name: String, reason: String },
    /// The same for a variable of the environment.
    #[error("{variable}: {reason}")]
    Variable { variable: &'static str, reason: String },
    /// The list of trusted files cannot be used; without it nothing is trusted.
    #[error("the list of trusted projects {} cannot be {doing}: {error}", .file.display())]
    TrustStore { file: PathBuf, doing: &'static str, error: io::Error },
    /// `smol-wf trust` found no settings file between these folders.
    #[error("there is no `.agents/smol-wf.toml` in {} or above it, up to {}; nothing needs trust", .from.display(), .to.display())]
    NoProjectFile { from: PathBuf, to: PathBuf },
    /// There is no folder for the list of trusted files.
    #[error("trust cannot be stored: there is no home directory; set XDG_STATE_HOME")]
    NoState,
}

impl ConfigError {
    /// Stable code; see `docs/errors.md`.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } => Code::ConfigUnreadable,
            Self::Symlink { .. } => Code::ConfigSymlink,
            Self::Writable { .. } => Code::ConfigWritable,
            Self::TooLarge { .. } => Code::ConfigTooLarge,
            Self::Syntax { .. } => Code::ConfigSyntax,
            Self::UnknownKey { .. } => Code::ConfigUnknownKey,
            Self::Value { .. } | Self::Variable { .. } => Code::ConfigValue,
            Self::TrustStore { .. } | Self::NoState => Code::TrustStore,
            Self::NoProjectFile { .. } => Code::TrustNoFile,
        }
    }
}

/// The end of the message about an unknown key: the key that was probably
/// meant, or a semicolon.
fn suggestion(similar: Option<&str>) -> String {
    similar.map_or_else(|| ";".to_owned(), |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_from_one_in_characters() {
        let text = "a = 1\nbé = 2";
        let place = |offset| {
            let place = FilePosition::of(Path::new("f"), text, offset);
            (place.line, place.column)
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(6), (2, 1));
        assert_eq!(place(10), (2, 4));
        assert_eq!(place(1_000), (2, 7));
    }
}
