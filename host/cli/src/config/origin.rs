//! Who said what a setting is.
//!
//! Owns: the layers, and how a place in one is shown. Never: says which layer
//! wins.

use std::fmt;

use super::error::FilePosition;

/// Who said what a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    Project { place: FilePosition },
    User { place: FilePosition },
    Default,
}

impl Origin {
    /// The layer, as data.
    pub(crate) fn layer(&self) -> &'static str {
        match self {
            Self::Flag(_) => "flag",
            Self::Variable(_) => "environment",
            Self::Project { .. } => "project",
            Self::User { .. } => "user",
            Self::Default => "default",
        }
    }

    /// Where in the layer.
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

/// A value and who said so.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}
