//! A source of arguments: a file, or stdin for `-`.
//!
//! Owns: the size limit, and the choice of JSON or YAML by the file's extension.
//! Never: merges sources.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;
use smol_wf_core::limits::ARGS_BYTES_MAX;
use smol_wf_engine::library;

use super::yaml;
use crate::{paths, stdin};

/// Largest file of arguments. As JSON they may have a quarter of that; YAML and
/// white space take more.
const FILE_BYTES_MAX: usize = 4 * ARGS_BYTES_MAX;

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(
        "{place} is larger than {FILE_BYTES_MAX} bytes, the most that a file of arguments may have"
    )]
    TooLarge { place: String },
    #[error("{place} cannot be read: {error}; check the path")]
    Unreadable { place: String, error: std::io::Error },
    #[error("{0}")]
    Stdin(stdin::StdinError),
    /// The byte at `offset`, from 0, begins no character.
    #[error("{place} is not UTF-8 (byte {offset}); save it as UTF-8")]
    NotUtf8 { place: String, offset: usize },
    #[error("{place} is not {format}: {reason}")]
    NotParsed { place: String, format: &'static str, reason: String },
}

/// A source of a value.
pub(super) enum Source {
    /// `-` was typed.
    Stdin,
    /// A path.
    File(PathBuf),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("stdin"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Source {
    /// The source that a path means; `-` is stdin, a file of that name `./-`.
    pub(super) fn of(path: &Path) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path.to_owned()) }
    }

    /// Reads and parses the source. Fails if it is too large, cannot be read, is
    /// not UTF-8 or does not parse.
    pub(super) fn read(&self) -> Result<Value, SourceError> {
        let place = self.to_string();
        let bytes = self.bytes()?;
        if bytes.len() > FILE_BYTES_MAX {
            return Err(SourceError::TooLarge { place });
        }
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}'),
            Err(error) => return Err(SourceError::NotUtf8 { place, offset: error.valid_up_to() }),
        };
        let (format, parsed) = if self.is_yaml() {
            ("YAML", yaml::read(text))
        } else {
            ("JSON", serde_json::from_str(text).map_err(|error| error.to_string()))
        };
        parsed.map_err(|reason| SourceError::NotParsed { place, format, reason })
    }

    /// Whether it is a file that ends in `.yaml` or `.yml`, in any case.
    fn is_yaml(&self) -> bool {
        let Self::File(path) = self else { return false };
        path.extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
    }

    /// Reads at most one byte more than allowed, from any kind of file.
    fn bytes(&self) -> Result<Vec<u8>, SourceError> {
        match self {
            Self::Stdin => stdin::read(FILE_BYTES_MAX + 1).map_err(SourceError::Stdin),
            Self::File(path) => {
                let home = paths::home();
                let read = library::read_named(path, FILE_BYTES_MAX as u64, home.as_deref());
                let place = self.to_string();
                read.map_err(|error| match error.kind() {
                    ErrorKind::FileTooLarge => SourceError::TooLarge { place },
                    _ => SourceError::Unreadable { place, error },
                })
            }
        }
    }
}
