//! The origin of a setting.
//!
//! Owns: the layers, and how an origin is printed. Never: the order of the
//! layers.

use std::fmt;

use super::error::FilePosition;

/// The origin of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, such as `--model`.
    Flag(&'static str),
    /// A variable of the environment, such as `SMOL_WF_MODEL`.
    Variable(&'static str),
    /// The file of the project, at this position.
    Project { place: FilePosition },
    /// The file of the user, at this position.
    User { place: FilePosition },
    /// Nothing set it.
    Default,
}

impl Origin {
    /// The name of the layer in JSON.
    pub(crate) fn layer(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "environment",
            Self::Project { .. } => "project",
            Self::User { .. } => "user",
            Self::Default => "default",
        }
    }

    /// Where in the layer: flag, variable, or file and line; `None` for a
    /// default.
    pub(crate) fn source(&self) -> Option<String> {
        match self {
            Self::Flag(name) | Self::Variable(name) => Some((*name).to_owned()),
            Self::Project { place } | Self::User { place } => {
                Some(format!("{}:{}", place.file.display(), place.line))
            }
            Self::Default => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source() {
            Some(source) => write!(f, "{} ({source})", self.layer()),
            None => f.write_str(self.layer()),
        }
    }
}

/// A value and its origin.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    /// The value in effect.
    pub(crate) value: T,
    /// The layer that set it.
    pub(crate) origin: Origin,
}
