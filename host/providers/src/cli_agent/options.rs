//! What a user may configure for an agent's program.
//!
//! Owns: the options, and the program and environment that follow from them. Never:
//! reads a settings file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::process::{Environment, ProcessError, find_program_for};
use crate::{AskPolicy, ProviderError};

/// What a user may configure for an agent's program.
#[derive(Debug, Clone, Default)]
pub struct CliOptions {
    /// Path of the program. Without it, the program is looked up on `PATH`.
    pub program: Option<PathBuf>,
    /// Variables to set in its environment.
    pub env: BTreeMap<String, String>,
    /// Names of variables to pass on from this process's environment.
    pub env_allow: Vec<String>,
    /// Arguments to add to those of the provider.
    pub args: Vec<String>,
    /// How its permission questions are answered.
    pub asks: AskPolicy,
    /// How long its server may take to start. Without it, the provider's own limit
    /// holds.
    pub start_timeout: Option<Duration>,
    /// Whether it may start other agents, where the provider can prevent that.
    pub subagents: bool,
}

impl CliOptions {
    /// The configured program, or `name` as found on `PATH`.
    pub(crate) fn program(&self, provider: &str, name: &str) -> Result<PathBuf, ProviderError> {
        self.find(name).map_err(|error| error.into_provider_error(provider))
    }

    /// The same with the error of the search.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf, ProcessError> {
        let configured = self.program.clone().unwrap_or_else(|| PathBuf::from(name));
        let search = self.env.get("PATH").map(String::as_str);
        find_program_for(&configured.to_string_lossy(), search)
    }

    /// The allowed variables of this process, and those that the user sets. A default
    /// holds only where the user sets nothing.
    pub(crate) fn environment(&self, allowed: &[&str], defaults: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::allowing(allowed).also(&self.env_allow);
        for (name, value) in defaults {
            if std::env::var_os(name).is_none() {
                environment = environment.set(name, *value);
            }
        }
        environment.from(&self.env)
    }
}
