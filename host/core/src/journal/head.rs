//! The head of a run, its scripts, and the run that it is a fork of.
//!
//! Owns: everything that a run is a function of, except for its deliveries. Never:
//! changes once it is written.

use serde::{Deserialize, Serialize};

use crate::guest::Dialect;
use crate::ids::{Digest, RunId, Scope, StepId};
use crate::module_text::ModuleText;
use crate::step_request::StepDefaults;
use crate::surface::Surface;

/// Everything that a run is a function of, except for its deliveries and its script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunHead {
    /// [`JOURNAL_FORMAT`](super::JOURNAL_FORMAT) of the program that started it.
    pub format: u32,
    /// The surface that the scripts of the run see.
    #[serde(default, skip_serializing_if = "Surface::is_first")]
    pub surface: Surface,
    /// Id of the run.
    pub run: RunId,
    /// `meta.name` of the script.
    pub name: String,
    /// Digest of the script's text, as its author wrote it.
    pub script: Digest,
    /// Path of the script file, for messages and to find its children.
    pub script_path: String,
    /// The folder that must contain every child workflow.
    pub project_root: String,
    /// The folder in which its agents work. None means the project root, as in runs of
    /// older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Seed of everything random in the run.
    pub seed: u64,
    /// Output tokens that the script sees as `budget.total`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// Provider of steps that name none.
    pub provider: String,
    /// Model aliases and what they stand for, in the order of the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_map: Vec<(String, String)>,
    /// Defaults for options that steps leave open.
    #[serde(default, skip_serializing_if = "StepDefaults::is_empty")]
    pub defaults: StepDefaults,
    /// Rules of the debug provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debug_rules: Vec<String>,
    /// The run that this one is a fork of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// The run whose answers a fork reuses. They are copied into the fork, so that it
/// can be resumed, moved and replayed when the parent is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Id of that run.
    pub run: RunId,
    /// Number of entries in its journal when the fork was made.
    pub entries: u64,
    /// Answers to steps from this one on were not taken; none when all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StepId>,
    /// Why there is a fork.
    pub reason: ForkReason,
}

/// Why a fork was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForkReason {
    /// The run was to be resumed with another script.
    Edited,
    /// A fork was requested.
    Asked,
}

/// A script as it was started, with its whole text, so that a replay needs no file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeStart {
    /// The scope it runs in.
    pub scope: Scope,
    /// The text that runs.
    pub text: String,
    /// The author's text, if types were taken out of it. From format 5 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_text: Option<String>,
    /// Its name in errors.
    pub file_name: String,
    /// Its path, from the project root where it lies inside.
    pub path: String,
    /// Byte offset of the `export` before `const meta`.
    pub meta_export: u32,
    /// Its dialect.
    pub dialect: Dialect,
    /// Its `meta` as JSON text.
    pub meta: String,
    /// Its arguments as JSON text; none is `undefined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<String>,
    /// The modules that it imports, and those that they import. From format 5 on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<ModuleText>,
}

impl ScopeStart {
    /// The text as the author wrote it.
    #[must_use]
    pub fn shown_text(&self) -> &str {
        self.author_text.as_deref().unwrap_or(&self.text)
    }

    /// The texts in it that can be large.
    pub(super) fn texts(&self) -> impl Iterator<Item = &String> {
        let own = [&self.text].into_iter().chain(&self.author_text).chain(&self.args);
        own.chain(self.modules.iter().flat_map(|module| {
            [Some(&module.text), module.author_text.as_ref()].into_iter().flatten()
        }))
    }

    /// The texts in it that can be large, to be shortened.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let own = [&mut self.text].into_iter().chain(&mut self.author_text).chain(&mut self.args);
        let modules = self.modules.iter_mut();
        own.chain(modules.flat_map(|module| {
            [Some(&mut module.text), module.author_text.as_mut()].into_iter().flatten()
        }))
    }
}
