//! How much is said on stderr.

use crate::config::{Key, Settings};

/// How much to say on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    /// Only what went wrong.
    Error,
    /// And what may go wrong.
    Warn,
    /// And progress.
    Info,
    /// And what agents are doing.
    Debug,
}

impl LogLevel {
    pub(crate) fn of(settings: &Settings) -> Self {
        match settings.text(Key::LogLevel) {
            Some("error" | "off" | "none" | "quiet") => Self::Error,
            Some("warn" | "warning") => Self::Warn,
            Some("debug" | "trace") => Self::Debug,
            _ => Self::Info,
        }
    }
}
