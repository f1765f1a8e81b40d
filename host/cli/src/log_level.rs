//! The log level.
//!
//! Owns: the order of the levels and their names. Never: prints.

use crate::config::{Key, Settings};

/// How much goes to stderr; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LogLevel {
    /// Errors.
    Error,
    /// Warnings.
    Warn,
    /// Progress.
    Info,
    /// Activity of agents.
    Debug,
}

impl LogLevel {
    /// The level in the settings; `Info` by default.
    pub(crate) fn of(settings: &Settings) -> Self {
        match settings.text(Key::LogLevel) {
            Some("error" | "off" | "none" | "quiet") => Self::Error,
            Some("warn" | "warning") => Self::Warn,
            Some("debug" | "trace") => Self::Debug,
            _ => Self::Info,
        }
    }
}
